// What disks of guests are measured with: the simulated installation, the controller of the driver,
// an API server, and the processes in front of them, each started and ended by its own id.

import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WorldFile } from '../sim/serve.ts'
import { type CsiClient, connect } from '../src/csi/wire/client.ts'
import {
  VolumeCapabilityAccessModeMode as AccessMode,
  type Volume,
} from '../src/csi/wire/types.gen.ts'
import { readGuestDisk } from '../src/kubernetes/cluster-readers.ts'
import { SimApiServer } from '../test/support/api-server.ts'
import type { Order, ProcessReport } from './guest-disks-process.ts'
import { type BenchGuest, GUESTS, POOL } from './guest-disks-world.ts'
import {
  type Controller,
  end,
  type Program,
  type Simulation,
  startController,
  startSimulation,
} from './processes.ts'
import { VOLUME_BYTES } from './world.ts'

export const NAMESPACE = 'bench'
const DRIVER = 'vdisk.ldom-csi.io'
const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`
const DISKS = `/apis/ldom-csi.io/v1alpha1/namespaces/${NAMESPACE}/guestdisks`
const VOLUMES = '/api/v1/persistentvolumes'
const PROVISIONER_WORKERS = 20
const LONGEST_MS = 600_000
/** As the chart sets them for guest-disks. */
export const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=96']

export interface BenchDisk {
  readonly name: string
  readonly guest: BenchGuest
}

export function disksIn(
  guests: readonly BenchGuest[],
  count: number,
  name = 'disk',
): readonly BenchDisk[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${name}-${index}`,
    guest: guests[index % guests.length] ?? GUESTS[0]!,
  }))
}

export class Bench {
  readonly directory: string
  readonly api: SimApiServer
  readonly simulation: Simulation
  readonly controller: Controller
  readonly client: CsiClient

  constructor(parts: Pick<Bench, 'directory' | 'api' | 'simulation' | 'controller' | 'client'>) {
    this.directory = parts.directory
    this.api = parts.api
    this.simulation = parts.simulation
    this.controller = parts.controller
    this.client = parts.client
  }

  get configFile(): string {
    return join(this.directory, 'guest-disks.yaml')
  }

  watches(): number {
    return this.api.requests.filter(each => each.includes('watch=1')).length
  }

  /** As csi-provisioner, with as many workers as in the chart. */
  async provision(disks: readonly BenchDisk[]): Promise<void> {
    const names = disks.map(({ name }) => name)
    const work = async () => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        this.bind(name, await this.#createVolume(name))
      }
    }
    await Promise.all(Array.from({ length: PROVISIONER_WORKERS }, work))
  }

  async #createVolume(name: string): Promise<Volume> {
    const { volume } = await this.client.controller.CreateVolume({
      name: `pvc-${name}`,
      capacity_range: { required_bytes: String(VOLUME_BYTES) },
      volume_capabilities: [
        { mount: {}, access_mode: { mode: AccessMode.SINGLE_NODE_MULTI_WRITER } },
      ],
      parameters: { pool: POOL },
    })
    if (volume === undefined) throw new Error(`no volume for ${name}`)
    return volume
  }

  putClaim(name: string, phase: 'Pending' | 'Bound'): string {
    const before = this.api.objects.get(`${CLAIMS}/${name}`)
    const capacity = { storage: `${VOLUME_BYTES}` }
    const isBound = phase === 'Bound'
    const { metadata } = this.api.put(`${CLAIMS}/${name}`, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { ...before?.metadata, namespace: NAMESPACE, name },
      spec: {
        accessModes: ['ReadWriteOnce'],
        volumeMode: 'Filesystem',
        storageClassName: POOL,
        resources: { requests: capacity },
        ...(isBound ? { volumeName: `pvc-${name}` } : {}),
      },
      status: { phase, ...(isBound ? { capacity } : {}) },
    })
    return metadata.uid
  }

  /** As csi-provisioner and the cluster do when a volume was created. */
  bind(name: string, volume: Volume): void {
    const uid = this.putClaim(name, 'Bound')
    this.api.put(`${VOLUMES}/pvc-${name}`, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `pvc-${name}` },
      spec: {
        accessModes: ['ReadWriteOnce'],
        volumeMode: 'Filesystem',
        storageClassName: POOL,
        capacity: { storage: `${VOLUME_BYTES}` },
        claimRef: { namespace: NAMESPACE, name, uid },
        csi: {
          driver: DRIVER,
          volumeHandle: volume.volume_id,
          volumeAttributes: volume.volume_context,
        },
      },
      status: { phase: 'Bound' },
    })
  }

  putDisk({ name, guest }: BenchDisk): void {
    this.api.put(`${DISKS}/${name}`, {
      apiVersion: 'ldom-csi.io/v1alpha1',
      kind: 'GuestDisk',
      metadata: { namespace: NAMESPACE, name },
      spec: {
        claimName: name,
        guest: `${guest.machine}/${guest.guest}`,
        mountPath: mountPathOf(name),
      },
    })
  }

  isReady({ name }: BenchDisk): boolean {
    const object = this.api.objects.get(`${DISKS}/${name}`)
    const conditions = object && readGuestDisk(object)?.status.conditions
    return conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
  }

  async untilReady(disks: readonly BenchDisk[]): Promise<void> {
    await until(() => disks.every(disk => this.isReady(disk)), 'disks are not ready')
  }

  /** Makes them ready; nobody keeps them afterwards. */
  async populate(disks: readonly BenchDisk[]): Promise<void> {
    const { directory, configFile, api, simulation } = this
    const { port, serviceAccount } = api
    const cluster = { directory, configFile, port, serviceAccount }
    await simulation.ask({ kind: 'keep', cluster })
    for (const disk of disks) this.putDisk(disk)
    await this.untilReady(disks)
    await simulation.ask({ kind: 'end' })
    await api.watched(0)
    api.requests.length = 0
  }

  /** Deletes the disks, and when they are gone the objects of their claims. */
  async remove(disks: readonly BenchDisk[]): Promise<void> {
    for (const { name } of disks) this.api.delete(`${DISKS}/${name}`)
    const isGone = ({ name }: BenchDisk) => !this.api.objects.has(`${DISKS}/${name}`)
    await until(() => disks.every(isGone), 'disks do not go')
    for (const { name } of disks) {
      this.api.delete(`${CLAIMS}/${name}`)
      this.api.delete(`${VOLUMES}/pvc-${name}`)
    }
    while (this.api.collectGarbage());
  }
}

export const mountPathOf = (name: string) => `/srv/${name}`

export async function until(isTrue: () => boolean, otherwise: string): Promise<void> {
  const endMs = Date.now() + LONGEST_MS
  while (!isTrue()) {
    if (Date.now() > endMs) throw new Error(otherwise)
    await sleep(5)
  }
}

export async function withBench<T>(
  program: Program,
  use: (bench: Bench) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-bench-'))
  const simulation = await startSimulation(directory, { world: 'guest-disks', volumes: 0 })
  const api = new SimApiServer(directory)
  await api.listen()
  const controller = await startController(directory, program, undefined)
  const client = connect(controller.endpoint)
  const bench = new Bench({ directory, api, simulation, controller, client })
  api.put(`/apis/storage.k8s.io/v1/storageclasses/${POOL}`, {
    metadata: { name: POOL },
    provisioner: DRIVER,
    volumeBindingMode: 'Immediate',
  })
  writeFileSync(bench.configFile, JSON.stringify(configuration(directory)))
  try {
    while (!(await client.identity.Probe({})).ready?.value) await sleep(100)
    return await use(bench)
  } finally {
    client.close()
    await controller.stop()
    await api.close()
    await simulation.stop()
    rmSync(directory, { recursive: true })
  }
}

function configuration(directory: string): object {
  const file: WorldFile = JSON.parse(readFileSync(join(directory, 'world.json'), 'utf8'))
  const guests = GUESTS.map(({ machine, guest, platform }) => {
    const host = file.guests[`${machine}/${guest}`]?.host ?? ''
    const access = file.hosts[host]
    if (access === undefined) throw new Error(`no ssh to ${host}`)
    const { address, port, user, privateKeyFile, knownHostsFile } = access
    const ssh = { address, port, user, privateKeyFile, knownHostsFile }
    return { machine, guest, platform, namespaces: [NAMESPACE], ssh }
  })
  return { driverName: DRIVER, guests }
}

export interface GuestDisksProcess {
  ask(order: Order): Promise<ProcessReport>
  stop(): Promise<void>
}

/** With a clock that `ask` moves. */
export function forkGuestDisks({ configFile, controller, api }: Bench): GuestDisksProcess {
  const args = [configFile, controller.endpoint, String(api.port), api.serviceAccount]
  const child = fork(new URL('guest-disks-process.ts', import.meta.url), args, {
    execArgv: NODE_OPTIONS,
  })
  const ask = (order: Order) =>
    new Promise<ProcessReport>((resolve, reject) => {
      const onExit = () => reject(new Error('the process of guest-disks ended'))
      child.once('exit', onExit)
      child.once('message', message => {
        child.off('exit', onExit)
        resolve(message as ProcessReport)
      })
      child.send(order)
    })
  return { ask, stop: () => end(child) }
}
