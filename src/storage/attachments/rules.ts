// Who may have a volume: what is refused before anything is changed. Pure, no I/O.

import { StorageError } from '../../errors.ts'
import type { Hypervisor, MachineView, Platform } from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import type { Attachment, AttachRequest, GuestId, Sharing, Volume } from '../../model/volumes.ts'
import type { VolumePlace } from '../pool.ts'
import { findDisk } from '../uses.ts'

/** What rules ask of a hypervisor, whatever its machines show. */
export type HypervisorRules = Pick<Hypervisor, 'traits' | 'words'>

/** What the controller must know of a guest's platform. */
export interface GuestRule {
  readonly platform: Platform
  readonly attachLimit: number | undefined
}

/** Refuses what must not or cannot be attached now. Called before anything is changed. */
export function checkAttach(
  request: AttachRequest,
  seen: {
    volume: Volume
    records: readonly Attachment[]
    sharing: Sharing | undefined
    /** Of an exclusive volume the one guest that may have it, recorded below or not yet. */
    owner: GuestId | undefined
    state: MachineView
    rule: GuestRule | undefined
    hypervisor: HypervisorRules
  },
): void {
  const { volume, records, sharing, owner, state, rule, hypervisor } = seen
  const { words } = hypervisor
  const guest = formatGuestId(request.guest)
  const guestState = state.guests.find(candidate => candidate.name === request.guest.guest)
  if (guestState === undefined) {
    throw new StorageError(
      'not-found',
      `guest ${guest} does not exist: machine ${request.guest.machine} lists no such domain`,
    )
  }
  if (guestState.isControl) {
    throw new StorageError(
      'failed-precondition',
      `guest ${guest} is the control domain of its machine, which gets no volumes of this driver`,
    )
  }
  // Without a rule nobody knows what the guest makes of a disk: its platform decides about sizes
  // and names.
  if (rule === undefined) {
    throw new StorageError(
      'failed-precondition',
      `guest ${guest} is matched by no rule under guests: in the configuration; add one with ` +
        'its platform',
    )
  }
  checkFormat(request, volume)
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
  if (record !== undefined && record.mode !== request.mode) {
    throw new StorageError(
      'already-exists',
      `volume ${volume.id} is attached to guest ${guest} ${record.mode}, not ${request.mode} as ` +
        'requested; detach it first',
    )
  }
  if (record !== undefined && request.slot !== undefined && request.slot !== record.slot) {
    throw new StorageError(
      'already-exists',
      `volume ${volume.id} is attached to guest ${guest} as disk ${record.slot}, not ` +
        `${request.slot} as requested; detach it first`,
    )
  }
  checkDiskSize({ ...request, sizeBytes: volume.sizeBytes }, rule, hypervisor)
  switch (guestState.readiness.kind) {
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
      throw new StorageError(
        'unavailable',
        `guest ${guest} is in transition: ${guestState.readiness.reason}`,
      )
    case 'unclear':
      throw unclearGuest(request.guest, guestState.readiness.reason, words)
  }
}

/**
 * What its machine lists of the guest is no ground for any change, nor for the belief that
 * something is absent.
 */
export function unclearGuest(
  guest: GuestId,
  reason: string,
  words: HypervisorRules['words'],
): StorageError {
  return new StorageError(
    'unavailable',
    `guest ${formatGuestId(guest)} is unclear in the listing of its machine: ${reason}; ` +
      `see ${words.inspect}`,
  )
}

/**
 * Asked only where something has to be changed: an attachment that is live stays so while its
 * machine waits for a reboot.
 */
export function refuseFrozen(machine: string, { frozen }: Pick<MachineView, 'frozen'>): void {
  if (frozen !== undefined) {
    throw new StorageError('unavailable', `machine ${machine} cannot be changed now: ${frozen}`)
  }
}

// A file system that two guests write raw is lost, and a raw device is no file system.
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

// A boot disk has to be there before its guest can run. Nobody asks for a raw disk under a given
// number for a guest that is off but who means that; every other disk is for an operating system
// that is not there to take it.
function isForBoot({ format, slot }: AttachRequest): boolean {
  return format.kind === 'block' && slot !== undefined
}

/**
 * Whether a guest may run from this disk: raw, and under one of the administrators' numbers, which
 * are given only where asked for.
 */
export function isBootDisk(
  { slot }: Attachment,
  volume: Volume | undefined,
  firstChosen: number,
): boolean {
  return slot < firstChosen && volume?.format.kind !== 'filesystem'
}

/** Refuses sizes that the guest would see wrongly. */
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

/** Nothing that attaching does gives a disk another number: only who takes it away first can. */
export function refuseRenumbered(
  place: VolumePlace,
  { guest, slot }: Attachment,
  state: MachineView,
): void {
  const disk = findDisk(place.leaf, guest, state)
  if (disk === undefined || disk.slot === slot) return
  throw new StorageError(
    'failed-precondition',
    `volume ${place.volumeId}: guest ${formatGuestId(guest)} has its disk ${disk.key} as disk ` +
      `${disk.slot ?? 'without a number'}, recorded is ${slot}: somebody has changed it; detach ` +
      'the volume from that guest and attach it again',
  )
}
