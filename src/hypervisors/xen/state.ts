// What a Xen machine shows: its guests, and every disk that dom0 serves. It is joined from the
// listings of domains, of the guests' side and of the serving side.

import { slotOfNumber, vdevName } from '../../model/vdev.ts'
import type { GuestReadiness, GuestState } from '../hypervisor.ts'
import type { BackEnd, Domain, FrontEnd } from './listing.ts'
import { BLOCK_BACKEND } from './traits.ts'

export interface XenDisk {
  readonly domainId: number
  readonly guest: string
  readonly number: number
  /** Its name where it has one of ours, else its number. */
  readonly label: string
  /** Undefined for a partition and for other kinds of disks. */
  readonly slot: number | undefined
  /** As it was given when the disk was attached: a renamed zvol keeps its old path (xen/13). */
  readonly device: string | undefined
  /** Numbers and path of the block device behind it, whatever it was called (xen/11-zvol.txt). */
  readonly physical: { readonly numbers: string; readonly path: string } | undefined
  /** Undefined for a mode that the driver does not use. */
  readonly mode: 'rw' | 'ro' | undefined
  /** `vbd`: a block device that dom0's kernel serves. Others are none of the driver's. */
  readonly backEnd: string
  readonly frontState: number | undefined
  readonly backState: number | undefined
  /** What the hot-plug script said: `connected`, or why not. Undefined until it has ended. */
  readonly hotplug: string | undefined
}

export interface XenState {
  readonly domains: readonly Domain[]
  readonly guests: readonly GuestState[]
  readonly disks: readonly XenDisk[]
  /** Disks that a guest has from dom0, and that dom0 does not serve. */
  readonly unserved: readonly FrontEnd[]
  /** Disks that went while they were listed. */
  readonly leaving: readonly BackEnd[]
}

/** 4 on both sides (xen/02): only then the guest has the disk. */
const CONNECTED = 4
/** 5 and 6: a removal has begun, and only another one completes it (xen/10). */
const CLOSING = 5

export function isConnected({ frontState, backState, hotplug }: XenDisk): boolean {
  return frontState === CONNECTED && backState === CONNECTED && hotplug === 'connected'
}

/** The hot-plug script has done its part, and only the guest has not answered yet. */
export function waitsForGuest({ frontState = 0, backState = 0, hotplug }: XenDisk): boolean {
  return hotplug === 'connected' && frontState < CLOSING && backState < CLOSING
}

export function toXenState(
  domains: readonly Domain[],
  frontEnds: readonly FrontEnd[],
  backEnds: readonly BackEnd[],
): XenState {
  const names = new Map(domains.map(({ id, name }) => [id, name]))
  const states = new Map(
    frontEnds.map(({ domainId, number, state }) => [`${domainId}/${number}`, state]),
  )
  return {
    domains,
    guests: toGuests(domains),
    disks: backEnds.map(backEnd => toDisk(backEnd, { names, states })),
    leaving: backEnds.filter(({ isLeaving }) => isLeaving),
    unserved: frontEnds.filter(
      ({ servedBy, domainId, number }) =>
        servedBy === 0 &&
        !backEnds.some(backEnd => backEnd.domainId === domainId && backEnd.number === number),
    ),
  }
}

/** Whether the listings contradict each other: a domain or a disk came or went in between. */
export function isInMotion({ domains, disks, unserved, leaving }: XenState): boolean {
  const ids = new Set(domains.map(({ id }) => id))
  return (
    unserved.length > 0 ||
    leaving.length > 0 ||
    disks.some(disk => !ids.has(disk.domainId) || disk.device === undefined)
  )
}

export function toGuests(domains: readonly Domain[]): readonly GuestState[] {
  return domains.map(domain => toGuest(domain, domains))
}

function toGuest({ id, name, flags }: Domain, domains: readonly Domain[]): GuestState {
  const isTwice = domains.some(other => other.name === name && other.id !== id)
  const readiness: GuestReadiness = isTwice
    ? { kind: 'unclear', reason: `two domains are named ${name}` }
    : readinessOf(flags)
  return { name, readiness, isControl: id === 0 }
}

// The letters: running, blocked, paused, shut down, why, dying (xl(1)). A domain with none of them
// is ready to run (xen/10). Xen does not tell whether an operating system answers.
function readinessOf(flags: string): GuestReadiness {
  const changing = (reason: string): GuestReadiness => ({ kind: 'changing', reason })
  if (flags.includes('d')) return changing('it is dying')
  if (flags.includes('s')) return changing(shutDown(flags.split('s')[1]))
  if (flags.includes('p')) return changing('it is paused; xl unpause continues it')
  return { kind: 'running' }
}

// xl starts a guest that reboots anew under another id, with the disks that it had (xen/15).
function shutDown(why: string | undefined): string {
  switch (why) {
    case 'r':
      return 'it reboots'
    case 'c':
      return 'it has crashed and was not destroyed'
    default:
      return 'it has shut down and was not destroyed'
  }
}

function toDisk(
  { kind, domainId, number, keys }: BackEnd,
  { names, states }: { names: ReadonlyMap<number, string>; states: ReadonlyMap<string, number> },
): XenDisk {
  const slot = slotOfNumber(number)
  const parameters = keys.get('params')
  const state = keys.get('state')
  return {
    domainId,
    // A disk of a domain that nobody lists still leads to its device.
    guest: names.get(domainId) ?? '(a domain that is not listed)',
    number,
    label: slot === undefined ? String(number) : vdevName(slot),
    slot,
    // Other back ends put a word for the format before the path (xen/05: aio:/srv).
    device: kind === BLOCK_BACKEND ? parameters : parameters?.replace(/^[a-z0-9]+:/, ''),
    physical: toPhysical(keys),
    mode: MODES.get(keys.get('mode') ?? ''),
    backEnd: kind,
    frontState: states.get(`${domainId}/${number}`),
    backState: state === undefined ? undefined : Number(state),
    hotplug: keys.get('hotplug-error') ?? keys.get('hotplug-status'),
  }
}

function toPhysical(keys: BackEnd['keys']): XenDisk['physical'] {
  const [numbers, path] = [keys.get('physical-device'), keys.get('physical-device-path')]
  return numbers === undefined || path === undefined ? undefined : { numbers, path }
}

const MODES: ReadonlyMap<string, 'rw' | 'ro'> = new Map([
  ['w', 'rw'],
  ['r', 'ro'],
])
