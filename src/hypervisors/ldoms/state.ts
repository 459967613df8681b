// Converts a listing of the Logical Domains Manager to a LdomState. It shows which guests are ready
// for a change, what is exported, and what serves each disk.

import { StorageError } from '../../errors.ts'
import type { GuestReadiness, GuestState, PathState } from '../hypervisor.ts'
import type { Vdisk, VdsDevice } from './devices.ts'
import type { Domain } from './listing.ts'

/**
 * One exported backend of one service domain. The caller computes its name: the same name means the
 * same attachment.
 */
export interface ExportedBackend {
  readonly name: string
  readonly service: string // the service instance, e.g. the vds
  readonly serviceDomain: string // the domain that runs it
  readonly device: string // path of the backend in that domain
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  readonly group: string | undefined // the path group (mpgroup) it belongs to
}

/**
 * A disk of a guest. `slot` is the disk number, which machine and guest share. It is undefined
 * while the hypervisor has not assigned one.
 */
export interface GuestDisk {
  readonly name: string
  readonly guest: string
  readonly slot: number | undefined
  readonly timeoutSeconds: number
  /**
   * The backends that serve it, the configured one first: `name@service`. There is more than one
   * with a path group. An unknown backend has a name that no export has.
   */
  readonly backends: readonly {
    readonly name: string
    readonly service: string
    readonly serviceDomain: string
    readonly state: PathState
  }[]
}

export interface LdomState {
  readonly guests: readonly GuestState[]
  readonly backends: readonly ExportedBackend[]
  readonly disks: readonly GuestDisk[]
  /**
   * The reason why nothing on this machine may be changed now (e.g. delayed reconfiguration);
   * undefined when there is none.
   */
  readonly frozen: string | undefined
}

export function toLdomState(domains: readonly Domain[]): LdomState {
  const devices = domains.flatMap(domain => domain.vdses.flatMap(vds => vds.devices))
  const vdsDomains = new Map(
    domains.flatMap(domain => domain.vdses.map(vds => [vds.name, domain.name])),
  )
  const exported: Exported = {
    byName: new Map(devices.map(device => [`${device.name}@${device.vds}`, device])),
    byGroup: Map.groupBy(devices, device => device.mpgroup),
  }
  const control =
    domains.find(domain => domain.flags.control) ??
    domains.find(domain => domain.name === 'primary')
  if (control === undefined) {
    throw new StorageError('internal', 'ldm listing not understood: no control domain in it')
  }
  return {
    guests: domains.map(domain => toGuestState(domain, control)),
    backends: devices.map(toExportedBackend),
    disks: domains.flatMap(domain =>
      domain.vdisks.map(vdisk => toGuestDisk(vdisk, exported, vdsDomains)),
    ),
    frozen: control.flags.delayedReconfiguration
      ? `domain ${control.name} is in delayed reconfiguration: it must reboot (or ldm ` +
        `cancel-reconf ${control.name}) before disks can change`
      : undefined,
  }
}

function toGuestState({ name, state, flags, unclear }: Domain, control: Domain): GuestState {
  const readiness: GuestReadiness =
    unclear === undefined ? readinessOf(state, flags) : { kind: 'unclear', reason: unclear }
  return { name, readiness, isControl: name === control.name }
}

function readinessOf(state: string, flags: Domain['flags']): GuestReadiness {
  if (flags.changing !== undefined) return { kind: 'changing', reason: flags.changing }
  // Releases before 1.2 could delay the reconfiguration of any domain.
  if (flags.delayedReconfiguration) return { kind: 'changing', reason: 'delayed reconfiguration' }
  if (state === 'inactive' || state === 'bound') return { kind: 'off' }
  if (state !== 'active') return { kind: 'changing', reason: `state ${state}` }
  if (flags.system === undefined) {
    return { kind: 'changing', reason: 'active without a flag that says whether a system runs' }
  }
  return flags.system === 'transition' ? { kind: 'no-os' } : { kind: 'running' }
}

function toExportedBackend({
  name,
  vds,
  serviceDomain,
  device,
  options,
  mpgroup,
}: VdsDevice): ExportedBackend {
  const mode = options.includes('ro') ? 'ro' : 'rw'
  const shape = options.includes('slice') ? 'slice' : 'full'
  return { name, service: vds, serviceDomain, device, mode, shape, group: mpgroup }
}

/** The exported devices of a machine, indexed because there may be thousands. */
interface Exported {
  readonly byName: ReadonlyMap<string, VdsDevice> // `name@vds`
  readonly byGroup: ReadonlyMap<string | undefined, readonly VdsDevice[]>
}

/**
 * An unknown backend of a disk. No export has this name, so nobody concludes that only known
 * backends serve the disk.
 */
const UNKNOWN_BACKEND = {
  name: '(unknown)',
  service: '(unknown)',
  serviceDomain: 'unknown',
  state: 'unknown',
} as const

/**
 * Without path lines (guest not bound, or a release before 3.2), the members of the group will
 * serve the disk.
 */
function toGuestDisk(
  vdisk: Vdisk,
  exported: Exported,
  vdsDomains: ReadonlyMap<string, string>,
): GuestDisk {
  const configured = vdisk.volume && { ...vdisk.volume, state: 'unknown' as const }
  const group =
    vdisk.mpgroup ??
    (configured && exported.byName.get(`${configured.name}@${configured.vds}`)?.mpgroup)
  const members = group === undefined ? [] : (exported.byGroup.get(group) ?? [])
  const listed =
    vdisk.paths.length > 0
      ? vdisk.paths
      : members.map(({ name, vds }) => ({ name, vds, state: 'unknown' as const }))
  const first = configured && (listed.find(path => isSame(path, configured)) ?? configured)
  const paths =
    first === undefined ? listed : [first, ...listed.filter(path => !isSame(path, first))]
  const backends = paths.map(({ name, vds, state }) => {
    const server = configured && isSame({ name, vds }, configured) ? vdisk.server : undefined
    return { name, service: vds, serviceDomain: vdsDomains.get(vds) ?? server ?? 'unknown', state }
  })
  return {
    name: vdisk.name,
    guest: vdisk.guest,
    slot: vdisk.id,
    timeoutSeconds: vdisk.timeoutSeconds,
    backends: vdisk.isVague ? [...backends, UNKNOWN_BACKEND] : backends,
  }
}

function isSame(a: { name: string; vds: string }, b: { name: string; vds: string }): boolean {
  return a.name === b.name && a.vds === b.vds
}
