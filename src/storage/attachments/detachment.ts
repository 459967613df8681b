// Detaches a volume from guests: first the disk, then every export, the fence, and the record last.
// Absence is success in every layer. The driver treats as absent only what a listing showed to be
// absent. If a machine does not answer, the record stays, unless a fence makes the bytes
// unreachable.

import { isStorageError, StorageError } from '../../errors.ts'
import { type MachineView, refuseUnlessOff, type Use } from '../../hypervisors/hypervisor.ts'
import { formatGuestId, sameGuest } from '../../model/ids.ts'
import type { GuestId } from '../../model/volumes.ts'
import { readAttached } from '../catalog/read.ts'
import { observeSettled, settleHost } from '../observation.ts'
import type { PoolMachine, Recorded, VolumePlace } from '../pool.ts'
import { leadsTo, usesOf } from '../uses.ts'
import { refuseIfElsewhere, refuseRenamed } from './elsewhere.ts'
import { markReleasing, releaseParent, releaseRecord, takeBack } from './records.ts'
import { type GuestRule, isBootDisk, refuseFrozen, unclearGuest } from './rules.ts'
import { refuseUnexplained } from './strangers.ts'

interface Detachment {
  readonly place: VolumePlace
  readonly guest: GuestId
  readonly machine: PoolMachine
  /** Undefined when nothing is recorded. Then only leftovers are removed. */
  readonly record: Recorded | undefined
  /** All records of the volume. */
  readonly records: readonly Recorded[]
  /** Other guests of the same machine have the volume too, so the machine's view stays. */
  readonly keepsView: boolean
  /** The guest may run from this disk and would not refuse its removal. */
  readonly isBoot: boolean
  /** What must be true at the moment when the guest loses the disk, or its record. */
  readonly only: 'while-off' | undefined
}

/** The caller holds the volume's lock. Without a guest, detaches from every recorded one. */
export async function detachVolume(
  place: VolumePlace,
  asked: GuestId | undefined,
  options: {
    readonly guestRule: (guest: GuestId) => GuestRule | undefined
    readonly signal?: AbortSignal | undefined
    readonly only?: 'while-off'
  },
): Promise<void> {
  const { signal, guestRule, only } = options
  await settleHost(place, signal)
  const askedMachine = asked && place.pool.machines.get(asked.machine)
  const [{ volume, records, sharing }, early] = await Promise.all([
    readAttached(place, signal, asked),
    askedMachine && observeSettled(place, askedMachine, signal),
  ])
  const guests = asked === undefined ? records.map(record => record.guest) : [asked]
  let left = records
  for (const guest of guests) {
    const record = records.find(candidate => sameGuest(candidate.guest, guest))
    left = left.filter(candidate => candidate !== record)
    const machine = machineOf(place, guest, record)
    if (machine === undefined) continue
    const keepsView = left.some(other => other.guest.machine === guest.machine)
    const { traits } = machine.hypervisor
    const rule = guestRule(guest)
    const isBoot =
      record !== undefined &&
      traits.startsFromDisks &&
      isBootDisk(record, volume, traits.slots.first) &&
      !(rule !== undefined && traits.refusesRemoval(rule.platform))
    const detachment = { place, guest, machine, record, records, keepsView, isBoot, only }
    await detachOne(detachment, early ?? (await observeSettled(place, machine, signal)), signal)
  }
  if (records.length > 0) return
  // The record may be left over from a call that was cut off, before the first guest's record or
  // after the last.
  if (sharing !== undefined) await releaseParent(place, signal)
  if (asked === undefined) await hideUnexplained(place, signal)
}

// Nothing is recorded, so no machine should reach the bytes. A machine that still exports the
// volume keeps its view.
async function hideUnexplained(place: VolumePlace, signal?: AbortSignal): Promise<void> {
  const { design, machines } = place.pool
  if (await design.isFenced(place, signal)) return
  for (const [name, machine] of machines) {
    const state = await observeSettled(place, machine, signal)
    if (state instanceof StorageError || isExported(place, state)) continue
    if ((await design.hide(place, name, signal)) === 'hidden') await design.forget(machine, signal)
  }
}

function isExported(place: VolumePlace, state: MachineView): boolean {
  return state.uses.some(use => leadsTo(place, use))
}

function machineOf(
  place: VolumePlace,
  guest: GuestId,
  record: Recorded | undefined,
): PoolMachine | undefined {
  const machine = place.pool.machines.get(guest.machine)
  if (machine === undefined && record !== undefined) {
    throw new StorageError(
      'failed-precondition',
      `volume ${place.volumeId} is attached on machine ${guest.machine}, which the configuration ` +
        `of pool ${place.pool.name} no longer names; add the machine, then detach`,
    )
  }
  return machine
}

async function detachOne(
  detachment: Detachment,
  state: MachineView | StorageError,
  signal?: AbortSignal,
): Promise<void> {
  const { place, guest, machine, record } = detachment
  const marked =
    state instanceof StorageError
      ? await detachFromSilence(detachment, state, signal)
      : await withdraw(detachment, state, signal)
  let hidden: 'hidden' | 'absent' = 'absent'
  if (marked.hides) hidden = await place.pool.design.hide(place, guest.machine, signal)
  if (marked.record !== undefined) await releaseRecord(place, marked.record, signal)
  // Runs after the release: devices that service domains still remember must not block other
  // attachments.
  if (hidden === 'hidden' || record !== undefined) await place.pool.design.forget(machine, signal)
}

interface Marked {
  readonly record: Recorded | undefined
  /** Whether the machine's view is removed, too. */
  readonly hides: boolean
}

async function withdraw(
  detachment: Detachment,
  state: MachineView,
  signal?: AbortSignal,
): Promise<Marked> {
  const { place, guest, machine, record, keepsView } = detachment
  refuseRenamed(place, guest, state)
  const guestState = state.guests.find(candidate => candidate.name === guest.guest)
  if (guestState?.readiness.kind === 'unclear') {
    throw unclearGuest(guest, guestState.readiness.reason, machine.hypervisor.words)
  }
  if (record !== undefined && guestState === undefined) {
    await refuseIfElsewhere(place, guest, signal)
  }
  const own = usesOf(place, guest, { machine, state, record })
  refuseUnexplained(place, { ...detachment, state, own })
  refuseNow(detachment, state, own)
  const marked = record && (await markReleasing(place, record, signal))
  let after = state
  try {
    if (own.length > 0) {
      after = await removeAll(detachment, own, signal)
    } else if (marked !== record) {
      // An attachment that used the record before it was marked is visible now. A later one finds
      // the mark before it answers.
      after = await machine.hypervisor.observe(signal)
      const late = usesOf(place, guest, { machine, state: after, record })
      refuseNow(detachment, after, late)
      if (late.length > 0) after = await removeAll(detachment, late, signal)
    }
  } catch (error) {
    // If the guest refuses to release the disk, it keeps the volume and the record gets its name
    // back.
    if (marked !== undefined && marked !== record && !isStorageError(error, 'unavailable')) {
      await takeBack(place, marked, signal)
    }
    throw error
  }
  // A view without a record is removed as well. It stays if the machine exports the volume under a
  // name that is not this guest's.
  return {
    record: marked,
    hides: !keepsView && (record !== undefined || !isExported(place, after)),
  }
}

function refuseNow(
  { place, guest, machine, record, isBoot, only }: Detachment,
  state: MachineView,
  own: readonly Use[],
): void {
  const isListed = own.length > 0
  if (isListed) refuseFrozen(guest.machine, state)
  const guestState = state.guests.find(candidate => candidate.name === guest.guest)
  const readiness = guestState?.readiness
  const isHidden = record !== undefined && machine.hypervisor.traits.transitionHidesDisks
  if (readiness?.kind === 'changing' && (isListed || isHidden)) {
    throw new StorageError(
      'unavailable',
      `guest ${formatGuestId(guest)} is in transition: ${readiness.reason}`,
    )
  }
  // This check runs before anything is changed. The machine checks again just before it removes the
  // disk. A guest that runs may have mounted a disk that is gone, and only it can unmount that.
  const hasDisk = own.some(({ kind }) => kind === 'disk')
  const hadDisk = record !== undefined && guestState !== undefined
  if (only !== undefined && (hasDisk || hadDisk)) {
    refuseUnlessOff(formatGuestId(guest), guestState)
  }
  // Linux does not refuse the removal of the disk that it runs from. Exports without a disk are no
  // disk to run from.
  if (hasDisk && isBoot && readiness !== undefined && readiness.kind !== 'off') {
    throw new StorageError(
      'failed-precondition',
      `volume ${place.volumeId} is the boot disk of guest ${formatGuestId(guest)}, which runs; ` +
        `stop it first (${machine.hypervisor.words.stop})`,
    )
  }
}

async function removeAll(
  { place, guest, machine, record, only }: Detachment,
  own: readonly Use[],
  signal?: AbortSignal,
): Promise<MachineView> {
  let failure: unknown
  try {
    await machine.hypervisor.remove(own, { only }, signal)
  } catch (error) {
    if (isStorageError(error, 'unavailable')) throw error
    failure = error
  }
  const after = await machine.hypervisor.observe(signal)
  const left = usesOf(place, guest, { machine, state: after, record })
  if (left.length === 0) return after
  if (failure !== undefined) throw failure
  throw new StorageError(
    'unavailable',
    `volume ${place.volumeId}: machine ${guest.machine} still lists ${left.length} of its disks ` +
      'and exports after their removal; try again',
  )
}

// A machine that does not answer may still run the guest. If the design has a fence, closing it
// makes the bytes unreachable, and the record can be deleted. Exports that the machine still lists
// are removed at the next attachment there.
async function detachFromSilence(
  { place, guest, record, keepsView, only }: Detachment,
  silence: StorageError,
  signal?: AbortSignal,
): Promise<Marked> {
  const { design } = place.pool
  // A guest that may be running must not lose its bytes.
  if (design.canFence && !keepsView && only === undefined) {
    const marked = record && (await markReleasing(place, record, signal))
    if (record !== undefined) await design.hide(place, guest.machine, signal)
    if (await design.isFencedFrom(place, guest.machine, signal)) {
      return { record: marked, hides: false }
    }
  }
  throw new StorageError(
    'unavailable',
    `volume ${place.volumeId} cannot be detached from guest ${formatGuestId(guest)} while ` +
      `machine ${guest.machine} does not answer`,
    { cause: silence },
  )
}
