// A volume given to a guest. The record is written before the first export and released after the last removal, so that
// whatever a machine does not answer, no second guest gets the volume. Observe, plan, apply, observe; no undo: a retry converges.

import { isStorageError, StorageError } from '../errors.ts'
import type { MachineState } from '../hypervisor.ts'
import {
  checkAttach,
  findStrangers,
  type GuestRule,
  missingFromLive,
  planAttachment,
  planCleaning,
  planDetach,
  planExport,
} from './attach-plan.ts'
import { readPools, readVolume } from './catalog.ts'
import type { KeyedLock } from './locks.ts'
import type { Attachment, AttachRequest, GuestId, Volume } from './model.ts'
import { attachmentName, formatGuestId } from './names.ts'
import { findPlace, getMachine, getPlace, type PoolMachine, type Pools, type VolumePlace } from './pool.ts'
import { formatLunProperty, formatRecordProperties } from './properties.ts'
import { observeMachines } from './volumes.ts'

export interface PublishedVolume {
  readonly volume: Volume
  /** Guests that have the volume by record and, where their machine answers, by its listing. */
  readonly publishedTo: readonly GuestId[]
}

export class Attachments {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  readonly #guestRule: (guest: GuestId) => GuestRule | undefined

  constructor(options: { pools: Pools; lock: KeyedLock; guestRule: (guest: GuestId) => GuestRule | undefined }) {
    this.#pools = options.pools
    this.#lock = options.lock
    this.#guestRule = options.guestRule
  }

  /** Succeeds only when the guest holds this volume's disk on all of its paths. Already so: the same answer, no change. */
  async attach(request: AttachRequest, signal?: AbortSignal): Promise<Attachment> {
    const place = getPlace(this.#pools, request.volumeId)
    return this.#lock.run(place.volumeId, signal, () => this.#attach(place, request, signal))
  }

  async #attach(place: VolumePlace, request: AttachRequest, signal: AbortSignal | undefined): Promise<Attachment> {
    const { pool } = place
    const unknownMachine = !pool.machines.has(request.guest.machine)
    if (unknownMachine) {
      const { volume } = await readVolume(place, signal)
      if (volume === undefined) throw new StorageError('not-found', `volume ${place.volumeId} does not exist`)
      if (![...this.#pools.values()].some(other => other.machines.has(request.guest.machine))) {
        throw new StorageError(
          'not-found',
          `guest ${formatGuestId(request.guest)} does not exist: machine ${request.guest.machine} is not configured`,
        )
      }
    }
    const machine = getMachine(pool, request.guest.machine)
    await settle(place, machine, signal)
    const [{ volume, record }, observed] = await Promise.all([readVolume(place, signal), machine.hypervisor.observe(signal)])
    if (volume === undefined) throw new StorageError('not-found', `volume ${place.volumeId} does not exist`)
    const rule = this.#guestRule(request.guest)
    checkAttach(request, { volume, record, state: observed, rule })
    const own = record && attachmentName(place.leaf, record.guest)
    const state = await withoutStrangers(place, machine, observed, own, signal)

    const attachment =
      record ??
      (await this.#record(
        place,
        planAttachment(request, { volume, state, rule, slots: machine.hypervisor.slots, usesLun: pool.design.usesLun }),
        signal,
      ))
    if (missingFromLive(place, { volume, attachment, machine, state }) === undefined) return attachment
    return this.#export(place, { volume, attachment, machine, machineName: request.guest.machine, state }, signal)
  }

  // One zfs create is the compare-and-set: "exists" means that somebody else was faster, whatever a machine says.
  async #record(place: VolumePlace, attachment: Attachment, signal: AbortSignal | undefined): Promise<Attachment> {
    try {
      await place.pool.writes.run(signal, () =>
        place.pool.zfs.createFilesystem(
          { dataset: place.record, properties: formatRecordProperties(attachment, place.pool.cluster) },
          signal,
        ),
      )
      return attachment
    } catch (error) {
      if (!isStorageError(error, 'already-exists')) throw error
      throw new StorageError('unavailable', `volume ${place.volumeId} was recorded as attached by another request meanwhile; try again`, {
        cause: error,
      })
    }
  }

  async #export(
    place: VolumePlace,
    seen: { volume: Volume; attachment: Attachment; machine: PoolMachine; machineName: string; state: MachineState },
    signal: AbortSignal | undefined,
  ): Promise<Attachment> {
    const { pool } = place
    const { volume, machine, machineName, state } = seen
    let attachment = seen.attachment
    const replaceLun = async (lun: number) => {
      await pool.zfs.setProperty(place.record, ...formatLunProperty(lun), signal)
      attachment = { ...attachment, lun }
    }
    const devices = await pool.design.expose(
      place,
      {
        machine,
        machineName,
        sizeBytes: volume.sizeBytes,
        lun: attachment.lun === undefined ? undefined : { number: attachment.lun, replace: replaceLun },
      },
      signal,
    )
    const plan = planExport(place, { volume, attachment, machine, devices, state })
    let failure: unknown
    try {
      if (plan.withdraw.length > 0) await machine.hypervisor.detach(plan.withdraw, signal)
      await machine.hypervisor.attach(plan.attach, signal)
    } catch (error) {
      // ldm's texts are no interface: after a failure the listing decides. A lost connection is not a failure but an unknown.
      if (isStorageError(error, 'unavailable')) throw error
      failure = error
    }
    const after = await machine.hypervisor.observe(signal)
    const missing = missingFromLive(place, { volume, attachment, machine, state: after })
    if (missing === undefined) return attachment
    if (failure !== undefined) throw failure
    throw new StorageError('unavailable', `volume ${place.volumeId}: ${missing} after the commands succeeded; try again`)
  }

  /**
   * Succeeds when nothing of the attachment is left in any layer; was there nothing, that is success too.
   * Without a guest: from whichever guest has it.
   */
  async detach(volumeId: string, guest: GuestId | undefined, signal?: AbortSignal): Promise<void> {
    const place = findPlace(this.#pools, volumeId)
    if (place === undefined) return
    await this.#lock.run(place.volumeId, signal, () => this.#detach(place, guest, signal))
  }

  async #detach(place: VolumePlace, asked: GuestId | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { pool } = place
    await pool.host.settled([place.leaf, ...pool.design.names(place)], signal)
    const askedMachine = asked && pool.machines.get(asked.machine)
    const [{ record }, early] = await Promise.all([readVolume(place, signal), askedMachine && observeOrError(place, askedMachine, signal)])
    const guest = asked ?? record?.guest
    if (guest === undefined) return
    const recorded = record !== undefined && formatGuestId(record.guest) === formatGuestId(guest)
    const machine = pool.machines.get(guest.machine)
    if (machine === undefined) {
      if (!recorded) return
      throw new StorageError(
        'unavailable',
        `volume ${place.volumeId} is attached on machine ${guest.machine}, which pool ${pool.name} no longer has in its configuration; add it to detach`,
      )
    }
    const state = early ?? (await observeOrError(place, machine, signal))
    if (state instanceof StorageError) await this.#detachFromSilence(place, { guest, machine, recorded }, state, signal)
    else await this.#withdraw(place, { guest, machine, recorded, state }, signal)
    if (recorded) await pool.writes.run(signal, () => pool.zfs.destroy(place.record, signal))
  }

  async #withdraw(
    place: VolumePlace,
    seen: { guest: GuestId; machine: PoolMachine; recorded: boolean; state: MachineState },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { guest, machine, recorded, state } = seen
    const steps = planDetach(place, guest, machine, state)
    const guestState = state.guests.find(candidate => candidate.name === guest.guest)
    if (recorded && guestState === undefined) await refuseIfElsewhere(place, guest, signal)
    if (steps.length > 0) {
      if (state.frozen !== undefined)
        throw new StorageError('unavailable', `machine ${guest.machine} cannot be changed now: ${state.frozen}`)
      if (guestState?.readiness.kind === 'changing') {
        throw new StorageError('unavailable', `guest ${formatGuestId(guest)} is in transition: ${guestState.readiness.reason}`)
      }
      await this.#apply(place, { guest, machine, steps }, signal)
    }
    if (recorded) await place.pool.design.hide(place, { machine, machineName: guest.machine }, signal)
  }

  async #apply(
    place: VolumePlace,
    seen: { guest: GuestId; machine: PoolMachine; steps: Parameters<PoolMachine['hypervisor']['detach']>[0] },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let failure: unknown
    try {
      await seen.machine.hypervisor.detach(seen.steps, signal)
    } catch (error) {
      if (isStorageError(error, 'unavailable')) throw error
      failure = error
    }
    const left = planDetach(place, seen.guest, seen.machine, await seen.machine.hypervisor.observe(signal))
    if (left.length === 0) return
    if (failure !== undefined) throw failure
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId}: machine ${seen.guest.machine} still lists ${left.length} objects of it after their removal; try again`,
    )
  }

  // A machine that does not answer may still run the guest. Where the design has a fence, closing it makes the bytes
  // unreachable and the record can go; what the machine still lists is cleaned when the volume is next attached there.
  async #detachFromSilence(
    place: VolumePlace,
    seen: { guest: GuestId; machine: PoolMachine; recorded: boolean },
    silence: StorageError,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { design } = place.pool
    if (design.usesLun) {
      if (seen.recorded) await design.hide(place, { machine: seen.machine, machineName: seen.guest.machine }, signal)
      if (await design.isFenced(place, signal)) return
    }
    throw new StorageError(
      'unavailable',
      `volume ${place.volumeId} cannot be taken from guest ${formatGuestId(seen.guest)} while machine ${seen.guest.machine} does not answer`,
      {
        cause: silence,
      },
    )
  }

  /** All volumes with the guests they are published to: one read a pool, one a machine. */
  async listPublished(signal?: AbortSignal): Promise<readonly PublishedVolume[]> {
    const [{ volumes, records }, states] = await Promise.all([readPools(this.#pools, signal), this.#observeAll(signal)])
    return volumes.map(volume => ({
      volume,
      publishedTo: records.filter(record => record.volumeId === volume.id && this.#isPublished(record, states)).map(record => record.guest),
    }))
  }

  /** The guests that one volume is published to. */
  async publishedTo(volume: Volume, signal?: AbortSignal): Promise<readonly GuestId[]> {
    const place = getPlace(this.#pools, volume.id)
    const [{ record }, states] = await Promise.all([readVolume(place, signal), observeMachines(place.pool, signal)])
    return record !== undefined && this.#isPublished(record, states) ? [record.guest] : []
  }

  async #observeAll(signal: AbortSignal | undefined): Promise<ReadonlyMap<string, MachineState | StorageError>> {
    const perPool = await Promise.all([...this.#pools.values()].map(pool => observeMachines(pool, signal)))
    return new Map(perPool.flatMap(states => [...states]))
  }

  // A silent machine leaves the record as the answer: the attacher must not take silence for a detached disk.
  #isPublished(record: Attachment, states: ReadonlyMap<string, MachineState | StorageError>): boolean {
    const state = states.get(record.guest.machine)
    if (state === undefined || state instanceof StorageError) return true
    const place = getPlace(this.#pools, record.volumeId)
    const name = attachmentName(place.leaf, record.guest)
    return state.disks.some(disk => disk.guest === record.guest.guest && disk.name === name)
  }
}

async function settle(place: VolumePlace, machine: PoolMachine, signal: AbortSignal | undefined): Promise<void> {
  const names = [place.leaf, ...place.pool.design.names(place)]
  await place.pool.host.settled(names, signal)
  await machine.hypervisor.settled(names, signal)
}

async function observeOrError(
  place: VolumePlace,
  machine: PoolMachine,
  signal: AbortSignal | undefined,
): Promise<MachineState | StorageError> {
  try {
    await machine.hypervisor.settled([place.leaf, ...place.pool.design.names(place)], signal)
    return await machine.hypervisor.observe(signal)
  } catch (error) {
    if (!isStorageError(error, 'unavailable')) throw error
    return error
  }
}

// A disk on our volume that no record explains: a stale saved configuration brought it back, or somebody made it by hand.
// Answers the state in which there is none: the one given, or the one after cleaning, which only a fence allows.
async function withoutStrangers(
  place: VolumePlace,
  machine: PoolMachine,
  state: MachineState,
  own: string | undefined,
  signal: AbortSignal | undefined,
): Promise<MachineState> {
  const strangers = findStrangers(place, state, own)
  if (strangers.backends.length === 0 && strangers.disks.length === 0) return state
  if (own === undefined && (await place.pool.design.isFenced(place, signal))) {
    await machine.hypervisor.detach(planCleaning(strangers), signal)
    const cleaned = await machine.hypervisor.observe(signal)
    const left = findStrangers(place, cleaned, own)
    if (left.backends.length === 0 && left.disks.length === 0) return cleaned
  }
  const what = [
    ...strangers.disks.map(disk => `disk ${disk.name} of guest ${disk.guest}`),
    ...strangers.backends.map(backend => `export ${backend.name}@${backend.service} of ${backend.device}`),
  ]
  throw new StorageError(
    'failed-precondition',
    `volume ${place.volumeId}: ${what.join(' and ')} on machine ${machine.hypervisor.machine} without a record of this driver; nothing is attached until it is removed (ldm rm-vdisk, ldm rm-vdsdev, or detach the volume from that guest)`,
  )
}

// The guest is not on its machine any more. Released only when every machine of the pool was listed without its disk.
async function refuseIfElsewhere(place: VolumePlace, guest: GuestId, signal: AbortSignal | undefined): Promise<void> {
  for (const [name, state] of await observeMachines(place.pool, signal)) {
    if (state instanceof StorageError) {
      throw new StorageError(
        'unavailable',
        `guest ${formatGuestId(guest)} is gone and machine ${name} does not answer: it may have moved there with volume ${place.volumeId}`,
        {
          cause: state,
        },
      )
    }
    const disk = state.disks.find(candidate => candidate.name === attachmentName(place.leaf, guest))
    if (disk !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: guest ${guest.guest} has moved from machine ${guest.machine} to ${name} with its disk; migration with volumes is not supported, move it back or remove disk ${disk.name} there`,
      )
    }
  }
}
