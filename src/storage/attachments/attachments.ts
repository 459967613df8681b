// Attaches volumes to guests. The driver records an attachment before it creates the first export.
// It deletes the record only after it has removed the last export. So no second guest gets the
// volume, even while a machine does not answer. The order is observe, plan, apply, observe. Nothing
// is undone: a repeated call completes the work.

import { StorageError } from '../../errors.ts'
import type { MachineView } from '../../hypervisors/hypervisor.ts'
import type { KeyedLock } from '../../locks.ts'
import { contentOf } from '../../model/content.ts'
import { formatGuestId, sameGuest } from '../../model/ids.ts'
import type { Attachment, AttachRequest, GuestId, ListRange, Volume } from '../../model/volumes.ts'
import { readNumbers } from '../catalog/numbers.ts'
import { type RecordReading, readAttached, readVolume, requireVolume } from '../catalog/read.ts'
import { attachmentName, isReleasingRecord } from '../names.ts'
import { settleHost, settleMachine } from '../observation.ts'
import { findPlace, findUnknown, getMachine, getPlace } from '../places.ts'
import type { PoolMachine, Pools, Recorded, VolumePlace } from '../pool.ts'
import { wantedDisk } from '../uses.ts'
import { confirm } from './confirmation.ts'
import { detachVolume } from './detachment.ts'
import { refuseRenamed } from './elsewhere.ts'
import { ChosenNumbers, isSlotLost, planAttachment, planNewSlot } from './numbers.ts'
import { listPublished, type PublishedVolume, publishedTo } from './published.ts'
import { changeRecord, createRecord, takeBack } from './records.ts'
import { checkAttach, type GuestRule, refuseFrozen, refuseRenumbered } from './rules.ts'
import { withoutStrangers } from './strangers.ts'
import { proveDetached } from './unknown-pool.ts'
import { readWritten } from './written.ts'

export class Attachments {
  readonly #pools: Pools
  readonly #lock: KeyedLock
  readonly #guestRule: (guest: GuestId) => GuestRule | undefined
  readonly #chosen = new Map<string, ChosenNumbers>()

  constructor(options: {
    pools: Pools
    lock: KeyedLock
    guestRule: (guest: GuestId) => GuestRule | undefined
  }) {
    this.#pools = options.pools
    this.#lock = options.lock
    this.#guestRule = options.guestRule
  }

  /**
   * Succeeds only when the guest has this volume's disk on all of its paths. If that is so already,
   * the answer is the same and nothing changes.
   */
  async attach(request: AttachRequest, signal?: AbortSignal): Promise<Attachment> {
    const place = getPlace(this.#pools, request.volumeId)
    return this.#lock.hold(place.volumeId, signal, () => this.#attach(place, request, signal))
  }

  async #attach(
    place: VolumePlace,
    request: AttachRequest,
    signal?: AbortSignal,
  ): Promise<Attachment> {
    const { pool } = place
    const { guest } = request
    const machine = await this.#machineOf(place, guest, signal)
    await Promise.all([settleHost(place, signal), settleMachine(place, machine, signal)])
    const [reading, observed] = await Promise.all([
      readAttached(place, signal, guest),
      machine.hypervisor.observe(signal),
    ])
    const volume = requireVolume(reading, place)
    const { records, sharing, owner } = reading
    const rule = this.#guestRule(guest)
    for (const one of [guest, ...records.map(record => record.guest)]) {
      if (one.machine === guest.machine) refuseRenamed(place, one, observed)
    }
    const { hypervisor } = machine
    checkAttach(request, { volume, records, sharing, owner, state: observed, rule, hypervisor })
    const record = records.find(candidate => sameGuest(candidate.guest, guest))
    const state = await withoutStrangers(place, { machine, state: observed, records }, signal)

    const isLive =
      record !== undefined &&
      state.missing(wantedDisk(place, { volume, attachment: record }, machine)) === undefined
    const machines = new Set(records.map(other => other.guest.machine))
    // The storage host may have lost the export's backend. The machine then still lists the disk as
    // before.
    if (
      isLive &&
      !isReleasingRecord(record.dataset) &&
      (await pool.design.isExposed(place, machines, signal))
    ) {
      return answer(place, { record, volume }, signal)
    }
    if (record !== undefined) refuseRenumbered(place, record, state)
    refuseFrozen(guest.machine, state)

    const held = record && (await takeBack(place, record, signal))
    const attachment = await this.#recorded(
      place,
      { request, reading: { ...reading, volume }, held, machine, state, rule },
      signal,
    )
    const exported = await this.#export(
      place,
      { volume, attachment, records, machine, state },
      signal,
    )
    await confirm(
      place,
      { attachment: exported.attachment, machine, after: exported.after },
      signal,
    )
    return answer(place, { record: exported.attachment, volume }, signal)
  }

  /** Records the attachment under a disk number that no other disk of the guest has. */
  async #recorded(
    place: VolumePlace,
    seen: {
      request: AttachRequest
      reading: RecordReading & { readonly volume: Volume }
      held: Recorded | undefined
      machine: PoolMachine
      state: MachineView
      rule: GuestRule | undefined
    },
    signal?: AbortSignal,
  ): Promise<Recorded> {
    const { request, reading, held, machine, state, rule } = seen
    if (held !== undefined && !isSlotLost(held, { leaf: place.leaf, state })) return held
    const name = attachmentName(place.leaf, request.guest)
    const numbers = this.#numbersOf(request.guest)
    // Other calls may choose numbers during this read. Those numbers may not be in the records
    // read.
    const others = new Map(numbers.chosen)
    numbers.readers.add(others)
    try {
      for (const [other, slot] of await readNumbers(
        this.#pools,
        { guest: request.guest, pool: place.pool },
        signal,
      )) {
        others.set(other, slot)
      }
      others.delete(name)
      const slots = { ...machine.hypervisor.traits.slots, others }
      const { volume, records, sharing } = reading
      const planned =
        held ??
        planAttachment(request, {
          volume,
          records,
          state,
          rule,
          slots,
          number: place.pool.design.preferredNumber(place),
        })
      const lost = { leaf: place.leaf, state, slots, asked: request.slot }
      const slot = planNewSlot(planned, lost) ?? planned.slot
      numbers.choose(name, slot)
      return held === undefined
        ? await createRecord(place, { attachment: { ...planned, slot }, sharing }, signal)
        : await changeRecord(place, { record: held, change: { slot } }, signal)
    } finally {
      numbers.readers.delete(others)
      numbers.chosen.delete(name)
    }
  }

  #numbersOf(guest: GuestId): ChosenNumbers {
    const key = formatGuestId(guest)
    const numbers = this.#chosen.get(key) ?? new ChosenNumbers()
    this.#chosen.set(key, numbers)
    return numbers
  }

  // Checks the volume before the guest: callers get the volume wrong more often.
  async #machineOf(place: VolumePlace, guest: GuestId, signal?: AbortSignal): Promise<PoolMachine> {
    const machine = place.pool.machines.get(guest.machine)
    if (machine !== undefined) return machine
    requireVolume(await readVolume(place, signal), place)
    if ([...this.#pools.values()].some(other => other.machines.has(guest.machine))) {
      return getMachine(place.pool, guest.machine)
    }
    throw new StorageError(
      'not-found',
      `guest ${formatGuestId(guest)} does not exist: machine ${guest.machine} is not configured`,
    )
  }

  async #export(
    place: VolumePlace,
    seen: {
      volume: Volume
      attachment: Recorded
      records: readonly Recorded[]
      machine: PoolMachine
      state: MachineView
    },
    signal?: AbortSignal,
  ): Promise<{ readonly attachment: Recorded; readonly after: MachineView }> {
    const { volume, machine, state, records } = seen
    let { attachment } = seen
    const replace = async (lun: number) => {
      attachment = await changeRecord(place, { record: attachment, change: { lun } }, signal)
    }
    const devices = await place.pool.design.expose(
      place,
      {
        machine,
        machineName: attachment.guest.machine,
        sizeBytes: volume.sizeBytes,
        lun: attachment.lun === undefined ? undefined : { number: attachment.lun, replace },
        recordedOn: new Set([...records, attachment].map(({ guest }) => guest.machine)),
      },
      signal,
    )
    const wanted = wantedDisk(place, { volume, attachment }, machine)
    const paths = machine.paths.map(path => ({
      domain: path.serviceDomain,
      service: path.service,
      device: devices.get(path) ?? '',
    }))
    const after = await machine.hypervisor.attach({ ...wanted, paths }, state, signal)
    return { attachment, after }
  }

  /**
   * Succeeds when nothing of the attachment is left in any layer, also if there was nothing.
   * Without a guest, the volume is detached from every guest that has it. A volume of a pool that
   * is not configured is detached if the guest's machine shows nothing of it.
   */
  async detach(volumeId: string, guest: GuestId | undefined, signal?: AbortSignal): Promise<void> {
    await this.#detach(volumeId, guest, { signal })
  }

  /**
   * For a guest that cannot be asked to unmount. Refused unless the machine shows the guest as off
   * at the moment when its disk is removed. A guest that runs may also have a disk mounted that is
   * gone.
   */
  async detachWhileOff(
    volumeId: string,
    guest: GuestId | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#detach(volumeId, guest, { signal, only: 'while-off' })
  }

  async #detach(
    volumeId: string,
    guest: GuestId | undefined,
    how: { readonly signal?: AbortSignal | undefined; readonly only?: 'while-off' },
  ): Promise<void> {
    const unknown = findUnknown(this.#pools, volumeId)
    if (unknown !== undefined) {
      await proveDetached(unknown, guest, { pools: this.#pools, signal: how.signal })
      return
    }
    const place = findPlace(this.#pools, volumeId)
    if (place === undefined) return
    await this.#lock.hold(place.volumeId, how.signal, () =>
      detachVolume(place, guest, { guestRule: this.#guestRule, ...how }),
    )
  }

  /** All volumes with the guests they are published to. One read per pool and one per machine. */
  listPublished(signal?: AbortSignal, range?: ListRange): Promise<readonly PublishedVolume[]> {
    return listPublished(this.#pools, signal, range)
  }

  /** The guests that one volume is published to, as `listPublished` shows them. */
  publishedTo(volume: Volume, signal?: AbortSignal): Promise<readonly GuestId[]> {
    return publishedTo(this.#pools, volume, signal)
  }
}

// `content` describes the volume as it is now. The orchestrator keeps the context of the first
// attachment for a long time. A guest that formats by that old context could format data. The
// identity by which the guest finds the disk does not change.
async function answer(
  place: VolumePlace,
  { record, volume }: { readonly record: Recorded; readonly volume: Volume },
  signal?: AbortSignal,
): Promise<Attachment> {
  const { dataset: _, ...attachment } = record
  const content = { of: contentOf(volume), bornSeconds: volume.bornSeconds }
  const grown = volume.sizeBytes > attachment.sizeBytes ? { grownTo: volume.sizeBytes } : {}
  const written = attachment.written ? {} : await readWritten(place, volume, signal)
  return { ...attachment, ...grown, ...written, content }
}
