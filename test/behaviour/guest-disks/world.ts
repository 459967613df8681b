// The controller of GuestDisks on a simulated installation and an API server in memory: the real
// driver, called as through its socket, the real node services, watches that a test can cut. Time
// passes when the test says so.

import { demoWorld, xenWorld } from '../../../sim/preset.ts'
import { SimShell } from '../../../sim/sim-shell.ts'
import { composeGuestDisks } from '../../../src/bin/compose/guest-disks.ts'
import { controllerServices } from '../../../src/bin/compose/installation.ts'
import { parseGuestDisksConfig } from '../../../src/config/guest-disks.ts'
import { callDirectly } from '../../../src/csi/wire/direct.ts'
import { readGuestDisk } from '../../../src/kubernetes/cluster-readers.ts'
import { createLog, silentLog } from '../../../src/log.ts'
import { MiB } from '../../../src/model/volumes.ts'
import type { Shell } from '../../../src/shell/shell.ts'
import { Cluster } from '../../support/cluster-api/cluster.ts'
import { install, volumeSpec } from '../../support/installation.ts'
import { VirtualTime } from '../../support/virtual-clock.ts'
import { Life } from './life.ts'
import {
  type Binding,
  bindClaim,
  DISKS,
  DRIVER,
  NAMESPACE,
  resizeClaim,
  resizeVolume,
} from './objects.ts'

const NODES = '/apis/storage.k8s.io/v1/csinodes'

/** Of the event loop, for one second of the test's time. */
const MOST_TURNS = 5_000

const SETTINGS = {
  ldoms: {
    spec: demoWorld,
    pool: 'gold',
    guests: [
      { machine: 'm1', guest: 'ldg1', platform: 'solaris' },
      { machine: 'm1', guest: 'ldg2', platform: 'linux' },
      { machine: 'm2', guest: 'ldg1', platform: 'solaris' },
      { machine: 'm2', guest: 'ldg2', platform: 'linux' },
    ],
  },
  xen: {
    spec: xenWorld,
    pool: 'silver',
    guests: ['web', 'db'].map(guest => ({
      ...{ machine: 'x1', guest, hypervisor: 'xen', platform: 'linux' },
    })),
  },
}

export interface ClaimOptions extends Omit<Binding, 'name' | 'volumeId'> {
  readonly pool?: string
}

export interface WorldOptions {
  /** Of every guest. */
  readonly namespaces?: readonly string[]
  readonly lookEveryS?: number
  /** For the lengths of pauses; without it they are the same in every run. */
  readonly random?: () => number
  /** The demonstration's, by default. */
  readonly setting?: keyof typeof SETTINGS
}

export async function guestDisksWorld({
  namespaces = [NAMESPACE],
  lookEveryS = 60,
  random = () => 0.5,
  setting = 'ldoms',
}: WorldOptions = {}) {
  const place = SETTINGS[setting]
  const installation = install(place.spec)
  const { world } = installation
  const driver = installation.driver()
  const services = controllerServices({ ...driver, stop: async () => {} }, '1')
  const lines: Record<string, unknown>[] = []
  const log = createLog({
    level: 'debug',
    destination: { write: line => lines.push(JSON.parse(line)) },
  })
  const client = {
    controller: callDirectly('Controller', services, log),
    disks: callDirectly('Disks', services, log),
  }
  const cluster = new Cluster()
  const time = new VirtualTime()
  const guests = place.guests.map(guest => ({ ...guest, namespaces, local: true }))
  /** What a test puts before the shell of a guest, and what stands in the configuration. */
  const around = { shell: (shell: Shell): Shell => shell, guests }

  const begin = (life = new Life()) => {
    const text = JSON.stringify({ driverName: DRIVER, guests: around.guests })
    const composed = composeGuestDisks({
      config: parseGuestDisksConfig(text, 'guests'),
      driver: life.driver(client),
      api: life.api(cluster.api),
      instance: 'controller-0',
      openShell: ({ name }) => {
        const guest = world.guests.get(name)
        if (guest === undefined) throw new Error(`no guest ${name}`)
        const shell = life.shell(around.shell(new SimShell(guest.host)))
        return { shell, close: () => {} }
      },
      log: silentLog,
      clock: time.clock({ offsetMs: Date.UTC(2026, 10, 29) }),
      lookEveryMs: lookEveryS * 1000,
      random,
    })
    const stop = composed.controller.start()
    return {
      idle: () => composed.controller.idle(),
      end: async () => {
        await stop()
        await composed.close()
      },
    }
  }
  let running = begin()

  /** Whoever is at work comes to his end, unless he waits for time to pass. */
  const idle = async () => {
    let isIdle = false
    void running.idle().then(() => (isIdle = true))
    for (let turn = 0; !isIdle && turn < MOST_TURNS; turn += 1) {
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  /** Lets time pass, and whoever is at work come to his end in between. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      await time.pass(1000)
      await idle()
    }
  }

  const disk = (name: string) => {
    const found = cluster.objects.get(`${DISKS}/${name}`)
    return found && readGuestDisk(found)
  }

  return {
    world,
    driver,
    cluster,
    around,
    installation,
    pass,
    disk,
    /** `<status> <reason>` of a condition. */
    condition: (name: string, type: string) => {
      const found = disk(name)?.status.conditions.find(each => each.type === type)
      return found && `${found.status} ${found.reason}`
    },
    /** Calls to the driver so far. */
    calls: () => lines.flatMap(({ rpc, msg }) => (msg === 'rpc done' ? String(rpc) : [])),
    message: (name: string, type = 'Ready') =>
      disk(name)?.status.conditions.find(each => each.type === type)?.message,
    events: (name: string) =>
      cluster.of(`/api/v1/namespaces/${NAMESPACE}/events`).flatMap(event => {
        const { involvedObject, reason } = event as Record<string, unknown>
        const at = involvedObject as { readonly name: string } | undefined
        return at?.name === name ? String(reason) : []
      }),
    /** A claim that csi-provisioner has bound to a volume of its own. */
    claim: async (name: string, options: ClaimOptions = {}) => {
      const { pool = place.pool, mode } = options
      const volume = await driver.volumes.ensureVolume(
        volumeSpec({
          name: `pvc-${name}`,
          pool,
          size: { requiredBytes: 32 * MiB, limitBytes: 0 },
          format: mode === 'Block' ? { kind: 'block' } : { kind: 'filesystem', type: 'any' },
        }),
      )
      bindClaim(cluster, { ...options, name, volumeId: volume.id })
    },
    putDisk: (name: string, spec: object, metadata: object = {}) =>
      cluster.put(`${DISKS}/${name}`, {
        apiVersion: 'ldom-csi.io/v1alpha1',
        kind: 'GuestDisk',
        metadata: { namespace: NAMESPACE, name, ...metadata },
        spec: { claimName: name, ...spec },
      }),
    resize: (name: string, bytes: number) => {
      resizeVolume(cluster, name, bytes)
      resizeClaim(cluster, name, bytes)
    },
    deleteDisk: (name: string) => cluster.delete(`${DISKS}/${name}`),
    /** A node plugin of the driver has registered itself with a kubelet. */
    addKubelet: (guest: string) =>
      cluster.put(`${NODES}/node-1`, {
        metadata: { name: 'node-1' },
        spec: { drivers: [{ name: DRIVER, nodeID: guest, topologyKeys: [] }] },
      }),
    /** Another process goes on, as after a change of the leader. */
    restart: async (life?: Life) => {
      await running.end()
      running = begin(life)
    },
    end: () => running.end(),
  }
}

export type GuestDisksWorld = Awaited<ReturnType<typeof guestDisksWorld>>
