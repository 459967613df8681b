// Taking a volume from guests: the disk, every export, the fence, and the record last. Absence is success in every layer, and only what was
// seen to be absent counts: a machine that does not answer keeps the record, unless a fence makes the bytes unreachable.

import { isStorageError, StorageError } from '../errors.ts'
import type { DetachStep, MachineState } from '../hypervisor.ts'
import { planDetach, unclearGuest } from './attach-plan.ts'
import { readVolume } from './catalog.ts'
import type { Attachment, GuestId } from './model.ts'
import { attachmentName, formatGuestId } from './names.ts'
import { observeMachines, observeSettled, settleHost } from './observing.ts'
import type { PoolMachine, VolumePlace } from './pool.ts'
import { releaseRecord, releaseShared } from './records.ts'

interface Detachment {
  readonly place: VolumePlace
  readonly guest: GuestId
  readonly machine: PoolMachine
  /** Undefined where nothing is recorded: then only leftovers are removed. */
  readonly record: Attachment | undefined
  /** Other guests of the same machine have the volume too: its view stays. */
  readonly keepsView: boolean
}

/** The caller holds the volume's lock. Without a guest: from every recorded one. */
export async function detachVolume(place: VolumePlace, asked: GuestId | undefined, signal?: AbortSignal): Promise<void> {
  await settleHost(place, signal)
  const askedMachine = asked && place.pool.machines.get(asked.machine)
  const [{ records, sharing }, early] = await Promise.all([
    readVolume(place, signal),
    askedMachine && observeSettled(place, askedMachine, signal),
  ])
  const guests = asked === undefined ? records.map(record => record.guest) : [asked]
  let left = records
  for (const guest of guests) {
    const record = records.find(candidate => formatGuestId(candidate.guest) === formatGuestId(guest))
    left = left.filter(candidate => candidate !== record)
    const machine = machineOf(place, guest, record)
    if (machine === undefined) continue
    const keepsView = left.some(other => other.guest.machine === guest.machine)
    await detachOne({ place, guest, machine, record, keepsView }, early ?? (await observeSettled(place, machine, signal)), signal)
  }
  // A cut may have left it behind after the last guest's record.
  if (records.length === 0 && sharing === 'shared') await releaseShared(place, signal)
}

function machineOf(place: VolumePlace, guest: GuestId, record: Attachment | undefined): PoolMachine | undefined {
  const machine = place.pool.machines.get(guest.machine)
  if (machine === undefined && record !== undefined) {
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} is attached on machine ${guest.machine}, which pool ${place.pool.name} no longer has in its configuration; add it to detach`,
    )
  }
  return machine
}

async function detachOne(detachment: Detachment, state: MachineState | StorageError, signal: AbortSignal | undefined): Promise<void> {
  if (state instanceof StorageError) await detachFromSilence(detachment, state, signal)
  else await withdraw(detachment, state, signal)
  if (detachment.record !== undefined) await releaseRecord(detachment.place, detachment.record, signal)
}

async function withdraw(detachment: Detachment, state: MachineState, signal: AbortSignal | undefined): Promise<void> {
  const { place, guest, machine, record, keepsView } = detachment
  const steps = planDetach(place, guest, machine, state)
  const guestState = state.guests.find(candidate => candidate.name === guest.guest)
  if (guestState?.readiness.kind === 'unclear') throw unclearGuest(guest, guestState.readiness.reason)
  if (record !== undefined && guestState === undefined) await refuseIfElsewhere(place, guest, signal)
  if (steps.length > 0) {
    if (state.frozen !== undefined) throw new StorageError('unavailable', `machine ${guest.machine} cannot be changed now: ${state.frozen}`)
    if (guestState?.readiness.kind === 'changing') {
      throw new StorageError('unavailable', `guest ${formatGuestId(guest)} is in transition: ${guestState.readiness.reason}`)
    }
    await apply(detachment, steps, signal)
  }
  if (record !== undefined && !keepsView) await place.pool.design.hide(place, { machine, machineName: guest.machine }, signal)
}

async function apply({ place, guest, machine }: Detachment, steps: readonly DetachStep[], signal: AbortSignal | undefined): Promise<void> {
  let failure: unknown
  try {
    await machine.hypervisor.detach(steps, signal)
  } catch (error) {
    if (isStorageError(error, 'unavailable')) throw error
    failure = error
  }
  const left = planDetach(place, guest, machine, await machine.hypervisor.observe(signal))
  if (left.length === 0) return
  if (failure !== undefined) throw failure
  throw new StorageError(
    'unavailable',
    `volume ${place.volumeId}: machine ${guest.machine} still lists ${left.length} objects of it after their removal; try again`,
  )
}

// A machine that does not answer may still run the guest. Where the design has a fence, closing it makes the bytes
// unreachable and the record can go; what the machine still lists is cleaned when the volume is next attached there.
async function detachFromSilence(
  { place, guest, machine, record, keepsView }: Detachment,
  silence: StorageError,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { design } = place.pool
  if (design.usesLun && !keepsView) {
    if (record !== undefined) await design.hide(place, { machine, machineName: guest.machine }, signal)
    if (await design.isFencedFrom(place, guest.machine, signal)) return
  }
  throw new StorageError(
    'unavailable',
    `volume ${place.volumeId} cannot be taken from guest ${formatGuestId(guest)} while machine ${guest.machine} does not answer`,
    { cause: silence },
  )
}

// The guest is not on its machine any more. Released only when every machine of the pool was listed without its disk.
async function refuseIfElsewhere(place: VolumePlace, guest: GuestId, signal: AbortSignal | undefined): Promise<void> {
  const name = attachmentName(place.leaf, guest)
  for (const [machine, state] of await observeMachines(place.pool, signal)) {
    if (state instanceof StorageError) {
      throw new StorageError(
        'unavailable',
        `guest ${formatGuestId(guest)} is gone and machine ${machine} does not answer: it may have moved there with volume ${place.volumeId}`,
        { cause: state },
      )
    }
    if (state.disks.some(disk => disk.name === name)) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: guest ${guest.guest} has moved from machine ${guest.machine} to ${machine} with its disk; migration with volumes is not supported, move it back or remove disk ${name} there`,
      )
    }
  }
}
