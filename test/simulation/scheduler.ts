// Decides, from one seed, everything that decides an order: which command begins next, which answer
// arrives next, which deadline passes, which timer ends. Whatever waits is parked here; between two
// releases the program runs until nothing of it can go on.

import type { SimHost } from '../../sim/host.ts'
import { delivered } from '../../sim/sim-shell.ts'
import type { Clock } from '../../src/clock.ts'
import type { Command, CommandResult, RunOptions, Shell } from '../../src/shell/shell.ts'
import { ShellError } from '../../src/shell/shell.ts'

/** Numbers that follow from a seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to, and without, `below`. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let word = this.#state
    word = Math.imul(word ^ (word >>> 15), word | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)]
    if (chosen === undefined) throw new Error('nothing to pick from')
    return chosen
  }
}

/** What waits on behalf of one process; when the process ends, nothing of it goes on. */
export interface Owner {
  readonly name: string
  isAlive: boolean
}

interface Parked {
  readonly title: string
  readonly owner: Owner
  /** Real commands first: time passes when there is little else to do. */
  readonly isTime: boolean
  release(): void
}

export class Scheduler implements Clock {
  readonly random: Random
  /** What was released, in order. */
  readonly story: string[] = []
  #parked: Parked[] = []
  #nowMs = Date.UTC(2026, 10, 21)

  constructor(random: Random) {
    this.random = random
  }

  nowMs(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        this.#nowMs += ms
        resolve()
      }
      const leave = this.park({
        title: `${ms} ms pass`,
        owner: EVERYBODY,
        isTime: true,
        release: wake,
      })
      signal?.addEventListener('abort', () => leave() && reject(signal.reason), { once: true })
    })
  }

  /** Answers how to leave before the turn comes: true when it had not come yet. */
  park(parked: Parked): () => boolean {
    this.#parked.push(parked)
    return () => {
      const at = this.#parked.indexOf(parked)
      if (at >= 0) this.#parked.splice(at, 1)
      return at >= 0
    }
  }

  /** Lets one thing go on, and the program run as far as it can; false when nothing waits. */
  async step(): Promise<boolean> {
    await untilNothingGoesOn()
    this.#parked = this.#parked.filter(({ owner }) => owner.isAlive)
    const work = this.#parked.filter(({ isTime }) => !isTime)
    const choice = work.length === 0 || this.random.chance(8) ? this.#parked : work
    if (choice.length === 0) return false
    const parked = this.random.pick(choice)
    this.#parked.splice(this.#parked.indexOf(parked), 1)
    this.story.push(parked.title)
    parked.release()
    await untilNothingGoesOn()
    return true
  }
}

// Promises that are settled go on before it; whatever else could make the program go on is parked
// here.
function untilNothingGoesOn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

const EVERYBODY: Owner = { name: 'time', isAlive: true }

/**
 * The seam in front of a simulated host: a command waits before it begins, and its answer before it
 * arrives.
 */
export class ScheduledShell implements Shell {
  readonly #host: SimHost
  readonly #scheduler: Scheduler
  readonly #owner: Owner

  constructor(
    host: SimHost,
    { scheduler, owner }: { readonly scheduler: Scheduler; readonly owner: Owner },
  ) {
    this.#host = host
    this.#scheduler = scheduler
    this.#owner = owner
  }

  async run(command: Command, options: RunOptions): Promise<CommandResult> {
    const { effect, signal, input = '' } = options
    const title = `${this.#owner.name}: ${this.#host.name}: ${command.join(' ')}`
    if (!(await this.#turn(title, signal))) {
      throw new ShellError('not-started', `${this.#host.name}: the deadline has passed`)
    }
    const outcome = await this.#host.perform(command, input)
    // A write that has begun is awaited; a read is given up when its caller has no more time.
    const arrived = await this.#turn(
      `  -> ${outcome.kind} of ${title}`,
      effect === 'read' ? signal : undefined,
    )
    if (!arrived) throw new ShellError('unknown', `${this.#host.name}: ${command[0]} was given up`)
    return delivered(outcome, { host: this.#host.name, command })
  }

  #turn(title: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted) return Promise.resolve(false)
    return new Promise(resolve => {
      const leave = this.#scheduler.park({
        title,
        owner: this.#owner,
        isTime: false,
        release: () => resolve(true),
      })
      signal?.addEventListener('abort', () => leave() && resolve(false), { once: true })
    })
  }
}
