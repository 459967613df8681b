// What every step of a history is played with: the installation, the driver of the moment, the
// faults and troubles in force, and the one way in which the driver is called. An answer that the
// contract does not allow is thrown as a broken promise.

import type { VirtualDisk } from '../../../sim/devices.ts'
import { DeviceError } from '../../../sim/devices.ts'
import type { SimFaultRule } from '../../../sim/host.ts'
import { type ErrorKind, isStorageError } from '../../../src/errors.ts'
import type { GuestVolumes } from '../../../src/guest/guest-volumes.ts'
import { parseGuestId } from '../../../src/model/ids.ts'
import { attachmentName, leafOfAttachmentName } from '../../../src/storage/names.ts'
import { type Driver, install, type TestInstallation } from '../../support/installation.ts'
import { type AttachmentBelief, Model, type VolumeBelief } from './model.ts'
import type { Fault, Trouble } from './steps.ts'

/**
 * What an answer may be when nothing disturbs the call. `unavailable` is allowed to every call that
 * is disturbed.
 */
export interface Expectation {
  readonly outcome: 'success' | 'refusal' | 'either'
  readonly kinds: readonly ErrorKind[]
}

export const SUCCESS: Expectation = { outcome: 'success', kinds: [] }

export function refusal(...kinds: ErrorKind[]): Expectation {
  return { outcome: 'refusal', kinds }
}

export function either(...kinds: ErrorKind[]): Expectation {
  return { outcome: 'either', kinds }
}

/** `unknown`: the answer was `unavailable`, so the work may be done, undone or half done. */
export type Answer<T> =
  | { readonly kind: 'success'; readonly value: T }
  | { readonly kind: 'refused'; readonly error: ErrorKind }
  | { readonly kind: 'unknown' }

export class BrokenPromise extends Error {}

/** What was played, for the report. */
export class Tally {
  histories = 0
  steps = 0
  commands = 0
  /** What was called and succeeded, by its first words. */
  readonly successes = new Map<string, number>()
  readonly outcomes = new Map<string, number>()
  readonly faults = new Map<string, number>()

  count(table: Map<string, number>, key: string): void {
    table.set(key, (table.get(key) ?? 0) + 1)
  }
}

export class Player {
  readonly installation: TestInstallation = install()
  readonly model = new Model()
  readonly tally: Tally
  driver: Driver = this.installation.driver()
  twice = false
  texts = 0
  /** What was called and how it ended, for the report of a failure. */
  readonly story: string[] = []
  readonly #plugins = new Map<string, GuestVolumes>()
  #troubles: { readonly trouble: Trouble; left: number }[] = []
  #faultFired = false
  #lateUntil = 0

  constructor(tally: Tally) {
    this.tally = tally
  }

  get world() {
    return this.installation.world
  }

  plugin(guest: string): GuestVolumes {
    const plugin = this.#plugins.get(guest) ?? this.installation.node(guest)
    this.#plugins.set(guest, plugin)
    return plugin
  }

  restartPlugin(guest: string): void {
    this.#plugins.delete(guest)
  }

  restartDriver(): void {
    this.driver = this.installation.driver()
  }

  /**
   * Something stands between the driver and its answers: an injected fault, a trouble, an effect
   * that is still to come.
   */
  get isDisturbed(): boolean {
    return (
      this.#faultFired ||
      this.#troubles.length > 0 ||
      this.world.timeline.commands.length < this.#lateUntil
    )
  }

  get isTroubled(): boolean {
    return this.#troubles.length > 0
  }

  get isFull(): boolean {
    return this.#troubles.some(({ trouble }) => trouble.kind === 'pool full')
  }

  /** Calls the driver, or twice at once, and holds the answers against what is allowed. */
  async call<T>(what: string, expected: Expectation, work: () => Promise<T>): Promise<Answer<T>> {
    const before = this.isDisturbed
    const answers = await Promise.all(
      (this.twice ? [work, work] : [work]).map(each => this.#answer(each)),
    )
    // The second of two at once may be told to wait for the first.
    const kinds: readonly ErrorKind[] = this.twice ? [...expected.kinds, 'busy'] : expected.kinds
    for (const answer of answers) {
      this.#judge(what, { ...expected, kinds }, answer, before || this.isDisturbed)
    }
    return answers.find(({ kind }) => kind === 'success') ?? answers[0] ?? fail('answer')
  }

  async #answer<T>(work: () => Promise<T>): Promise<Answer<T> & { readonly thrown?: unknown }> {
    try {
      return { kind: 'success', value: await work() }
    } catch (error) {
      if (!isStorageError(error)) throw error
      if (error.kind === 'unavailable') return { kind: 'unknown', thrown: error }
      return { kind: 'refused', error: error.kind, thrown: error }
    }
  }

  #judge<T>(
    what: string,
    expected: Expectation,
    answer: Answer<T> & { readonly thrown?: unknown },
    disturbed: boolean,
  ): void {
    const { outcome } = expected
    this.story.push(
      `${what}: ${answer.thrown === undefined ? answer.kind : String(answer.thrown)}${disturbed ? ' (disturbed)' : ''}`,
    )
    const kinds = this.isFull ? [...expected.kinds, 'no-space'] : expected.kinds
    this.tally.count(this.tally.outcomes, answer.kind === 'refused' ? answer.error : answer.kind)
    switch (answer.kind) {
      case 'success':
        this.tally.count(this.tally.successes, what.replace(/ of .*| snap.*/, ''))
        if (outcome !== 'refusal') return
        throw new BrokenPromise(`${what} succeeded; it should be refused as ${kinds.join(' or ')}`)
      case 'unknown':
        if (disturbed || kinds.includes('unavailable')) return
        throw new BrokenPromise(
          `${what} is unavailable though nothing disturbs it: ${String(answer.thrown)}`,
          { cause: answer.thrown },
        )
      case 'refused':
        if (kinds.includes(answer.error)) return
        throw new BrokenPromise(
          `${what} was refused as ${answer.error}, not ${kinds.join(' or ') || 'at all'}: ` +
            `${String(answer.thrown)}`,
          {
            cause: answer.thrown,
          },
        )
    }
  }

  /** Puts the fault in the way of the commands to come. */
  arm(fault: Fault | undefined): void {
    const { rules, commands } = this.world.timeline
    rules.length = 0
    this.#faultFired = false
    if (fault === undefined) return
    let seen = 0
    const rule: SimFaultRule = (argv, host) => {
      if (seen++ !== fault.at) return undefined
      this.story.push(`fault ${fault.kind} on ${host.name}: ${argv.join(' ').slice(0, 200)}`)
      this.#faultFired = true
      this.tally.count(this.tally.faults, fault.kind)
      if (fault.kind !== 'late') return { kind: fault.kind }
      this.#lateUntil = Math.max(this.#lateUntil, commands.length + fault.afterCommands)
      return { kind: 'late', afterCommands: fault.afterCommands }
    }
    rules.push(rule)
  }

  async settle(): Promise<void> {
    await this.world.timeline.settle()
    this.#lateUntil = 0
  }

  makeTrouble(trouble: Trouble, lastsSteps: number): void {
    this.tally.count(this.tally.faults, trouble.kind)
    this.story.push(`trouble for ${lastsSteps} steps: ${JSON.stringify(trouble)}`)
    this.#troubles.push({ trouble, left: lastsSteps })
    this.#apply(trouble, true)
  }

  /** A step has passed; what has lasted long enough ends. */
  passTroubles(): void {
    for (const trouble of this.#troubles) trouble.left -= 1
    const over = this.#troubles.filter(({ left }) => left < 0)
    this.#troubles = this.#troubles.filter(({ left }) => left >= 0)
    for (const { trouble } of over) this.#apply(trouble, false)
    // What ends must not end another of the same kind.
    for (const { trouble } of this.#troubles) this.#apply(trouble, true)
  }

  heal(): void {
    for (const { trouble } of this.#troubles) this.#apply(trouble, false)
    this.#troubles = []
    this.arm(undefined)
  }

  #apply(trouble: Trouble, on: boolean): void {
    switch (trouble.kind) {
      case 'host down':
        this.world.host(trouble.host).down = on
        return
      case 'service domain down':
        this.world.machine(trouble.machine).setServiceDomain(trouble.name, on ? 'down' : 'up')
        return
      case 'pool suspended':
        this.#zpool(trouble.pool).suspended = on
        return
      case 'pool full':
        this.#zpool(trouble.pool).full = on
        return
    }
  }

  #zpool(pool: string) {
    return this.zfs(pool).pool(this.poolOf(pool).dataset.split('/')[0] ?? '')
  }

  poolOf(pool: string) {
    return this.driver.pools.get(pool) ?? fail(`pool ${pool}`)
  }

  zfs(pool: string) {
    return this.world.zfs(this.poolOf(pool).host.name)
  }

  dataset(volume: VolumeBelief): string {
    return `${this.poolOf(volume.pool).dataset}/${volume.leaf}`
  }

  hasDataset(volume: VolumeBelief): boolean {
    return this.zfs(volume.pool).dataset(this.dataset(volume)) !== undefined
  }

  /**
   * Disks and exports of the volume that belong to no attachment the orchestrator knows: a saved
   * configuration brought them back, or the machine was silent.
   */
  hasLeftovers(volume: VolumeBelief): boolean {
    const known = new Set(
      [...volume.attachments.keys()].map(guest => attachmentName(volume.leaf, parseGuestId(guest))),
    )
    return this.namesOnMachines(volume).some(name => !known.has(name))
  }

  /** Names of exports and disks of the volume, on every machine. */
  namesOnMachines(volume: VolumeBelief): readonly string[] {
    const names = [...this.world.machines.values()].flatMap(machine =>
      machine
        .state()
        .domains.flatMap(({ vds, vdisks }) =>
          [...vds.flatMap(({ volumes }) => volumes), ...vdisks].map(({ name }) => name),
        ),
    )
    return names.filter(name => leafOfAttachmentName(name) === volume.leaf)
  }

  /** The disk as its guest has it, by the name of the attachment. */
  disk(volume: VolumeBelief, guest: string): VirtualDisk | undefined {
    const id = parseGuestId(guest)
    const disks = this.world.machine(id.machine).guestDisks(id.guest).list()
    return disks.find(disk => disk.name === attachmentName(volume.leaf, id))
  }

  /** The guest has the disk, and its bytes answer. */
  isLive(volume: VolumeBelief, { guest }: AttachmentBelief): boolean {
    return this.disk(volume, guest)?.activeServiceDomain() !== undefined
  }
}

/** Undefined when the guest got an I/O error. */
export function inGuest<T>(
  work: () => T,
): { readonly value: T } | { readonly failure: DeviceError } {
  try {
    return { value: work() }
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error
    return { failure: error }
  }
}

export function fail(what: string): never {
  throw new Error(`no ${what} in this history`)
}

export function choose<T>(list: readonly T[], number: number): T | undefined {
  return list.length === 0 ? undefined : list[number % list.length]
}

export function platformOf(guest: string): 'solaris' | 'linux' {
  return guest.endsWith('ldg2') ? 'linux' : 'solaris'
}
