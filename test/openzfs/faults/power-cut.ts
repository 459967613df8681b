// A power failure at one command of several calls at once: each waits at its own command until all
// others are there, or have ended. So one start of the machine serves them all.

import type { OpenShell } from '../../../src/bin/compose/hosts.ts'
import { type Command, ShellError } from '../../../src/shell/shell.ts'
import { pause } from '../../support/commands.ts'
import { openAround } from '../../support/machines/around-commands.ts'

/**
 * `sent`: the command is under way. `unanswered`: it has ended, and its answer is lost. Before a
 * command is sent, the machine is as after the end of the one before.
 */
export const MOMENTS = ['sent', 'unanswered'] as const
export type Moment = (typeof MOMENTS)[number]

export class PowerCut {
  readonly #at: number
  readonly #moment: Moment
  readonly #fail: () => Promise<void>
  readonly #there = Promise.withResolvers<void>()
  readonly #happened = Promise.withResolvers<void>()
  #missing: number

  constructor(options: {
    /** How many calls there are. */
    readonly calls: number
    /** At which command of each call, from 0. */
    readonly at: number
    readonly moment: Moment
    readonly fail: () => Promise<void>
  }) {
    this.#missing = options.calls
    this.#at = options.at
    this.#moment = options.moment
    this.#fail = options.fail
  }

  /** Resolves when the power has failed. */
  get happened(): Promise<void> {
    return this.#happened.promise
  }

  async arrive(): Promise<void> {
    this.#missing -= 1
    if (this.#missing === 0) void this.#cut()
    await (this.#moment === 'sent' ? this.#there.promise : this.#happened.promise)
  }

  async #cut(): Promise<void> {
    this.#there.resolve()
    // A command takes a tenth of a second; the failure meets it earlier or later.
    const pauseMs = this.#moment === 'sent' ? 50 + 100 * this.#at : 0
    await pause(pauseMs)
    await this.#fail().then(this.#happened.resolve, this.#happened.reject)
  }

  async around<T>(at: number, run: () => Promise<T>): Promise<T> {
    if (at !== this.#at) return run()
    if (this.#moment === 'sent') {
      await this.arrive()
      return run()
    }
    await run()
    await this.arrive()
    throw new ShellError('unknown', 'the power failed before the answer came')
  }
}

/**
 * Counts the commands of several calls that change a storage host, each about volumes of its own,
 * and lets a power failure happen at one of them. A failure at a read meets the host as the change
 * before left it.
 */
export class WatchedCalls {
  /** Changes of each call so far. */
  readonly commands = new Map<string, number>()
  readonly #callOf: (command: Command) => string
  readonly #host: string
  #cut: PowerCut | undefined

  /** `callOf` tells the name of the call that runs a command. */
  constructor(host: string, callOf: (command: Command) => string) {
    this.#host = host
    this.#callOf = callOf
  }

  /** From now on. */
  begin(cut?: PowerCut): void {
    this.#cut = cut
    this.commands.clear()
  }

  get openShell(): OpenShell {
    return openAround(this.#host, ({ command, effect, run }) =>
      effect === 'read' ? run() : this.#change(command, run),
    )
  }

  #change<T>(command: Command, work: () => Promise<T>): Promise<T> {
    const name = this.#callOf(command)
    const at = this.commands.get(name) ?? 0
    this.commands.set(name, at + 1)
    return this.#cut === undefined ? work() : this.#cut.around(at, work)
  }
}
