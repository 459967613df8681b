// The controller of GuestDisks: the API server on one side, the driver's socket and the guests on
// the other.

import type { GuestDisksConfig } from '../../config/guest-disks.ts'
import type { CsiClient } from '../../csi/wire/client.ts'
import { callDirectly } from '../../csi/wire/direct.ts'
import { GuestDisksController } from '../../guest-disks/controller.ts'
import { type GuestAccess, Looks } from '../../guest-disks/looks.ts'
import { Teller } from '../../guest-disks/teller.ts'
import { CachedView } from '../../guest-disks/view.ts'
import type { ApiServer } from '../../kubernetes/api-server.ts'
import { CLAIMS, GUEST_DISKS, VOLUMES } from '../../kubernetes/cluster-objects.ts'
import { readClaim, readGuestDisk, readVolume } from '../../kubernetes/cluster-readers.ts'
import { DiskWrites } from '../../kubernetes/disk-writes.ts'
import { Events } from '../../kubernetes/events.ts'
import { readKubelets } from '../../kubernetes/kubelets.ts'
import { Watched } from '../../kubernetes/watched.ts'
import { VERSION } from '../version.ts'
import type { Surroundings } from './hosts.ts'
import { composeNode } from './node.ts'

export interface GuestDisksOptions extends Surroundings {
  readonly config: GuestDisksConfig
  readonly driver: Pick<CsiClient, 'controller' | 'disks'>
  readonly api: Pick<ApiServer, 'send' | 'watch'>
  /** Of this process: its pod. */
  readonly instance: string
  readonly lookEveryMs?: number
  readonly random?: () => number
}

export interface ComposedGuestDisks {
  readonly controller: GuestDisksController
  /** Closes the connections to guests, after the controller has been stopped. */
  close(): Promise<void>
}

const STAGING = '/var/lib/ldom-csi/staging'

export function composeGuestDisks(options: GuestDisksOptions): ComposedGuestDisks {
  const { config, driver, api, instance, clock, log, lookEveryMs } = options
  const { driverName } = config
  const access = new Map<string, GuestAccess>()
  const stops: (() => Promise<void>)[] = []
  for (const [guest, { node }] of config.guests) {
    if (node === undefined) continue
    const { services, volumes, stop } = composeNode(node, VERSION, options)
    const calls = callDirectly('Node', services, log)
    access.set(guest, { calls, look: signal => volumes.look(signal) })
    stops.push(stop)
  }
  const watch = <T extends { readonly key: string }>(
    path: string,
    read: (json: unknown) => T | undefined,
  ) => new Watched<T>({ api, clock, log, path, read })
  const disks = watch(GUEST_DISKS, readGuestDisk)
  const claims = watch(CLAIMS, readClaim)
  const volumes = watch(VOLUMES, json => readVolume(json, driverName))
  const writes = new DiskWrites({ api })
  const view = new CachedView({ disks, claims, volumes, writes })
  const events = new Events({ api, driverName, instance, clock, log })
  const parts = {
    view,
    writes,
    looks: new Looks({ controller: driver.disks, guests: access }),
    controller: driver.controller,
    grants: config.guests,
    calls: new Map([...access].map(([guest, { calls }]) => [guest, calls])),
    stagingDirectory: STAGING,
    teller: new Teller(events),
    now: () => new Date(clock.nowMs()),
  }
  const controller = new GuestDisksController({
    parts,
    view,
    disks,
    claims,
    volumes,
    readKubelets: signal => readKubelets(api, driverName, signal),
    clock,
    log,
    ...(lookEveryMs === undefined ? {} : { lookEveryMs }),
    ...(options.random === undefined ? {} : { random: options.random }),
  })
  const close = async () => {
    await events.stop()
    await Promise.all(stops.map(stop => stop()))
  }
  return { controller, close }
}
