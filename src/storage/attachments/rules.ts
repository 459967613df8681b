// Decides who may have a volume. All refusals come before anything is changed. Pure, no I/O.

import { StorageError } from '../../errors.ts'
import type {
  GuestReadiness,
  GuestState,
  Hypervisor,
  MachineView,
  Platform,
} from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { Attachment, AttachRequest, GuestId, Sharing, Volume } from '../../model/volumes.ts'
import type { VolumePlace } from '../pool.ts'
import { findDisk } from '../uses.ts'

/** What the rules need from a hypervisor, independent of the state of its machines. */
export type HypervisorRules = Pick<Hypervisor, 'traits' | 'words'>

/** What the controller must know about a guest. */
export interface GuestRule {
  readonly platform: Platform
  readonly attachLimit: number | undefined
}

/** What was read before an attachment. */
export interface AttachFacts {
  readonly volume: Volume
  readonly records: readonly Attachment[]
  readonly sharing: Sharing | undefined
  /** The one guest that may have an exclusive volume, whether its own record exists yet or not. */
  readonly owner: GuestId | undefined
  readonly state: MachineView
  readonly rule: GuestRule | undefined
  readonly hypervisor: HypervisorRules
}

/** Refuses what must not or cannot be attached now. Nothing is changed before this check. */
export function checkAttach(request: AttachRequest, facts: AttachFacts): void {
  const { volume, state, rule, hypervisor } = facts
  const guestState = guestIn(state, request.guest, hypervisor.words)
  checkRule(request.guest, rule)
  checkFormat(request, volume)
  checkRecords(request, facts)
  checkDiskSize({ ...request, sizeBytes: volume.sizeBytes }, rule, hypervisor)
  checkReadiness(request, guestState.readiness, hypervisor.words)
}

function guestIn(
  { guests }: MachineView,
  guest: GuestId,
  { unlisted }: HypervisorRules['words'],
): GuestState {
  const guestState = guests.find(candidate => candidate.name === guest.guest)
  if (guestState === undefined) {
    throw new StorageError(
      'not-found',
      `guest ${formatGuestId(guest)} does not exist: machine ${guest.machine} lists no such ` +
        `domain${unlisted}`,
    )
  }
  if (guestState.isControl) {
    throw new StorageError(
      'failed-precondition',
      `guest ${formatGuestId(guest)} is the control domain of its machine; this driver attaches ` +
        'no volumes to control domains',
    )
  }
  return guestState
}

// The rule names the guest's platform, which limits disk sizes and decides device names.
function checkRule(guest: GuestId, rule: GuestRule | undefined): void {
  if (rule === undefined) {
    throw new StorageError(
      'failed-precondition',
      `no rule under guests: in the configuration matches guest ${formatGuestId(guest)}; add one ` +
        'with its platform',
    )
  }
}

/** Compares the request with the recorded attachments of the volume. */
function checkRecords(request: AttachRequest, facts: AttachFacts): void {
  const { volume, records, sharing, owner } = facts
  const guest = formatGuestId(request.guest)
  const record = records.find(candidate => formatGuestId(candidate.guest) === guest)
  const isAnothers =
    sharing === 'exclusive' && (owner === undefined || formatGuestId(owner) !== guest)
  if (sharing !== undefined && (sharing !== request.sharing || isAnothers)) {
    const given = owner === undefined ? records.map(other => other.guest) : [owner]
    const others = given.map(formatGuestId).join(', ')
    const kind = record === undefined || isAnothers ? 'in-use' : 'already-exists'
    throw new StorageError(
      kind,
      `volume ${volume.id} is attached ${sharing} to guest ${others || '(in transition)'}; ` +
        'detach it there first',
    )
  }
  if (record !== undefined) checkRecord(request, record)
}

/** Refuses a mode or a disk number other than the recorded one. */
function checkRecord(request: AttachRequest, record: Attachment): void {
  const attached = `volume ${record.volumeId} is attached to guest ${formatGuestId(record.guest)}`
  if (record.mode !== request.mode) {
    throw new StorageError(
      'already-exists',
      `${attached} ${record.mode}, not ${request.mode} as requested; detach it first`,
    )
  }
  if (request.slot !== undefined && request.slot !== record.slot) {
    throw new StorageError(
      'already-exists',
      `${attached} as disk ${record.slot}, not ${request.slot} as requested; detach it first`,
    )
  }
}

function checkReadiness(
  request: AttachRequest,
  readiness: GuestReadiness,
  words: HypervisorRules['words'],
): void {
  const guest = formatGuestId(request.guest)
  switch (readiness.kind) {
    case 'running':
      return
    case 'off':
      if (isForBoot(request)) return
      throw new StorageError(
        'unavailable',
        `guest ${guest} is not running; start it (${words.start}), the disk is attached then`,
      )
    case 'no-os':
      throw new StorageError(
        'unavailable',
        `guest ${guest} has no operating system running (firmware prompt or booting) that could ` +
          'take a disk; boot it',
      )
    case 'changing':
      throw new StorageError('unavailable', `guest ${guest} is in transition: ${readiness.reason}`)
    case 'unclear':
      throw unclearGuest(request.guest, readiness.reason, words)
  }
}

/**
 * The machine's listing of this guest is unreliable. The driver must not change anything because of
 * it, nor conclude that something is absent.
 */
export function unclearGuest(
  guest: GuestId,
  reason: string,
  words: HypervisorRules['words'],
): StorageError {
  return new StorageError(
    'unavailable',
    `the machine's listing of guest ${formatGuestId(guest)} is unclear: ${reason}; see ` +
      words.inspect,
  )
}

/**
 * Called only when something has to be changed. A live attachment stays valid while its machine
 * waits for a reboot.
 */
export function refuseFrozen(machine: string, { frozen }: Pick<MachineView, 'frozen'>): void {
  if (frozen !== undefined) {
    throw new StorageError('unavailable', `machine ${machine} cannot be changed now: ${frozen}`)
  }
}

// Attaching a file system as a raw device, or the reverse, would destroy data.
function checkFormat({ guest, format }: AttachRequest, volume: Volume): void {
  const { format: made } = volume
  const isSame =
    format.kind === 'block' || made.kind === 'block'
      ? format.kind === made.kind
      : format.type === made.type || format.type === 'any' || made.type === 'any'
  if (isSame) return
  const say = (of: Volume['format']) =>
    of.kind === 'block' ? 'a raw block device' : `a file system (${of.type})`
  throw new StorageError(
    'invalid-argument',
    `volume ${volume.id} was created as ${say(made)} and cannot be attached to guest ` +
      `${formatGuestId(guest)} as ${say(format)}`,
  )
}

// A boot disk must be attached before its guest can run. A raw disk with a requested number for a
// guest that is off can only be a boot disk. Every other disk needs a running operating system that
// takes it.
function isForBoot({ format, slot }: AttachRequest): boolean {
  return format.kind === 'block' && slot !== undefined
}

/**
 * Whether a guest may run from this disk: it is raw and has one of the administrators' numbers.
 * Those numbers are used only on request.
 */
export function isBootDisk(
  { slot }: Attachment,
  volume: Volume | undefined,
  firstChosen: number,
): boolean {
  return slot < firstChosen && volume?.format.kind !== 'filesystem'
}

/** Refuses sizes that the guest would report wrongly. */
export function checkDiskSize(
  disk: { readonly volumeId: string; readonly guest: GuestId; readonly sizeBytes: number },
  rule: GuestRule | undefined,
  { traits }: Pick<HypervisorRules, 'traits'>,
): void {
  const { volumeId, guest, sizeBytes } = disk
  const limit = rule && traits.largestDisk(rule.platform)
  if (rule === undefined || limit === undefined || sizeBytes <= limit.bytes) return
  throw new StorageError(
    'out-of-range',
    `volume ${volumeId} with ${sizeBytes} bytes: the ${rule.platform} guest ` +
      `${formatGuestId(guest)} ${limit.beyond}`,
  )
}

/**
 * Refuses a live disk whose number differs from the record. Attaching cannot renumber a disk; it
 * must be detached first.
 */
export function refuseRenumbered(
  place: VolumePlace,
  { guest, slot }: Attachment,
  state: MachineView,
): void {
  const disk = findDisk(place.leaf, { guest, slot }, state)
  if (disk === undefined || disk.slot === slot) return
  throw new StorageError(
    'failed-precondition',
    `volume ${place.volumeId}: guest ${formatGuestId(guest)} has disk ${disk.key} with number ` +
      `${disk.slot ?? 'none'}, the record says ${slot}: somebody has changed it; detach the ` +
      'volume from that guest and attach it again',
  )
}
