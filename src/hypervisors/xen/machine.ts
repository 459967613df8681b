// One Xen machine behind the hypervisor port. No code outside this folder knows domain ids, vbds or
// xenstore.

import type { Check } from '../../checks.ts'
import { type Clock, systemClock, until } from '../../clock.ts'
import { isStorageError, StorageError } from '../../errors.ts'
import type { Host } from '../../shell/host.ts'
import {
  type ExposedDisk,
  type Hypervisor,
  type MachineQuestions,
  type MachineView,
  refuseUnlessOff,
  type Use,
} from '../hypervisor.ts'
import { Turns } from '../turns.ts'
import { examineMachine } from './checks.ts'
import { planAttach } from './plan.ts'
import { readXenState } from './reading.ts'
import { isInMotion, toGuests, type XenDisk, type XenState } from './state.ts'
import { XEN_TRAITS, XEN_WORDS } from './traits.ts'
import { type KeyOf, viewOf } from './view.ts'
import { Xl } from './xl.ts'

export interface XenMachineOptions {
  readonly machine: string
  readonly host: Host
  readonly keyOf: KeyOf
  readonly clock?: Clock
}

/** Listings follow each other, so that a guest which starts in between makes them disagree. */
const LISTINGS = 3
/**
 * A guest connects within a second (xen/02 to 11, in emulation). One that does not has no operating
 * system yet, or hangs.
 */
const CONNECT = { limitMs: 20_000, pollMs: 1_000 }

export class XenMachine implements Hypervisor {
  readonly machine: string
  readonly traits = XEN_TRAITS
  readonly words = XEN_WORDS
  readonly #host: Host
  readonly #xl: Xl
  readonly #clock: Clock
  readonly #keyOf: KeyOf
  readonly #turns: Turns<XenState>
  // Callers that share a listing share its view.
  readonly #views = new WeakMap<XenState, MachineView>()
  readonly #states = new WeakMap<MachineView, XenState>()
  readonly #disks = new WeakMap<Use, XenDisk>()

  constructor({ machine, host, keyOf, clock = systemClock }: XenMachineOptions) {
    this.machine = machine
    this.#host = host
    this.#xl = new Xl(host.shell)
    this.#clock = clock
    this.#keyOf = keyOf
    this.#turns = new Turns({ machine, clock, list: () => this.#list() })
  }

  async observe(signal?: AbortSignal): Promise<MachineView> {
    const state = await this.#turns.observe(signal)
    const known = this.#views.get(state)
    if (known !== undefined) return known
    const { view, disks } = viewOf(state, { machine: this.machine, keyOf: this.#keyOf })
    this.#views.set(state, view)
    this.#states.set(view, state)
    for (const [use, disk] of disks) this.#disks.set(use, disk)
    return view
  }

  // Back ends of a domain that nobody lists may also be left over. Then they are shown as they are.
  async #list(): Promise<XenState> {
    for (let listing = 1; ; listing += 1) {
      const state = await readXenState(this.#xl)
      if (!isInMotion(state)) return state
      if (listing === LISTINGS) return this.#accepted(state)
    }
  }

  // A disk that a guest has cannot be absent from the store: then the store was not read whole. And
  // of a disk that was read in part nobody knows what it is.
  #accepted(state: XenState): XenState {
    const [missing] = state.unserved
    const [leaving] = state.leaving
    if (missing === undefined && leaving === undefined) return state
    const why =
      missing === undefined
        ? `disk ${leaving?.number} was removed while it was listed`
        : `its listings contradict each other: xl block-list has disk ${missing.number}, ` +
          'xenstore-ls has not'
    throw new StorageError('unavailable', `machine ${this.machine}: ${why}; try again`)
  }

  async attach(wanted: ExposedDisk, view: MachineView, signal?: AbortSignal): Promise<MachineView> {
    const state = this.#states.get(view)
    if (state === undefined) throw new Error(`machine ${this.machine} has not given this view`)
    const { detach, attach } = planAttach(wanted, this.machine, state)
    if (attach !== undefined) await this.#refuseOtherName(attach.device, { wanted, state }, signal)
    let failure: unknown
    try {
      await this.#change(detach, disk => this.#xl.detachDisk(disk, { signal }), signal)
      const disks =
        attach === undefined ? [] : [{ ...attach, slot: wanted.slot, mode: wanted.mode }]
      await this.#change(disks, disk => this.#xl.attachDisk(disk, { signal }), signal)
    } catch (error) {
      // As with a lost connection, a guest that was started anew or a hung script says nothing
      // about what is there now. The next call looks.
      if (isStorageError(error, 'unavailable')) throw error
      failure = error
    }
    return this.#connected(wanted, failure, signal)
  }

  // `/dev/zd0` and `/dev/zvol/tank/v` are one device. Xen compares devices of different guests
  // only.
  async #refuseOtherName(
    device: string,
    { wanted, state }: { readonly wanted: ExposedDisk; readonly state: XenState },
    signal?: AbortSignal,
  ): Promise<void> {
    const others = state.disks.filter(
      disk =>
        disk.physical !== undefined &&
        disk.device !== device &&
        this.#keyOf(disk.guest, disk.device ?? '') === undefined,
    )
    if (others.length === 0) return
    const real = await this.#xl.realPath(device, { signal })
    const other = others.find(({ physical }) => physical?.path === real)
    if (other === undefined) return
    throw new StorageError(
      'failed-precondition',
      `${wanted.about}: guest ${this.machine}/${other.guest} has it as disk ${other.label}, by ` +
        `the name ${other.device}, and no record explains it; remove it when nobody uses it (xl ` +
        `block-detach ${other.guest} ${other.label}), then try again`,
    )
  }

  // Status 0 of an attach is not yet a disk: the guest has to take it (xen/05, 10).
  async #connected(
    wanted: ExposedDisk,
    failure: unknown,
    signal?: AbortSignal,
  ): Promise<MachineView> {
    let missing: string | undefined
    const look = async () => {
      const after = await this.observe(signal)
      missing = after.missing(wanted)
      if (missing === undefined) return after
      if (failure !== undefined) throw failure
      return undefined
    }
    const connected = await until({ clock: this.#clock, ...CONNECT }, look, signal)
    if (connected !== undefined) return connected
    throw new StorageError(
      'unavailable',
      `${wanted.about}: ${missing} although xl reported success; the guest does not take it: ` +
        'look whether it still boots or hangs',
    )
  }

  async remove(
    uses: readonly Use[],
    { only }: { readonly only?: 'while-off' | undefined } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const disks = uses.map(use => {
      const disk = this.#disks.get(use)
      if (disk === undefined) throw new Error(`machine ${this.machine} has not given this use`)
      return disk
    })
    await this.#change(
      disks,
      async disk => {
        if (only === 'while-off' && (await this.#isGone(disk, signal))) return
        await this.#xl.detachDisk(disk, { signal })
      },
      signal,
    )
  }

  /** A guest that is off is not listed, and its disks are gone. Any other keeps its disk. */
  async #isGone(disk: XenDisk, signal?: AbortSignal): Promise<boolean> {
    const domains = await this.#xl.listDomains({ signal })
    if (!domains.some(({ id }) => id === disk.domainId)) return true
    refuseUnlessOff(
      `${this.machine}/${disk.guest}`,
      toGuests(domains).find(({ name }) => name === disk.guest),
    )
    return false
  }

  async #change<T>(
    items: readonly T[],
    run: (item: T) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<void> {
    if (items.length === 0) return
    await this.#turns.change(async () => {
      for (const item of items) {
        if (signal?.aborted) throw this.#turns.deadline('there were disks to change', signal)
        await run(item)
      }
    }, signal)
  }

  // A removal names no volume. So every removal of unknown fate counts for all of them.
  settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    return this.#host.settled([...names, 'block-detach'], signal)
  }

  examine(questions: MachineQuestions, signal?: AbortSignal): Promise<readonly Check[]> {
    return examineMachine({ machine: this.machine, host: this.#host }, questions, signal)
  }
}
