// The life of one process between two moments: it ends at a chosen exchange with the world, before
// or after the effect of that exchange. From then on nothing that the process asks for happens.
// What is only read from the cluster or the driver does not count: an end there is one after the
// exchange before.

import type { GuestDisksOptions } from '../../../src/bin/compose/guest-disks.ts'
import { StorageError } from '../../../src/errors.ts'
import type { Shell } from '../../../src/shell/shell.ts'

export interface Death {
  /** The number of the exchange, from 1. */
  readonly at: number
  readonly when: 'before' | 'after'
}

export class Life {
  readonly #death: Death | undefined
  #exchanges = 0
  #isOver = false

  constructor(death?: Death) {
    this.#death = death
  }

  /** How many exchanges there were. */
  get exchanges(): number {
    return this.#exchanges
  }

  get isMortal(): boolean {
    return this.#death !== undefined
  }

  get isOver(): boolean {
    return this.#isOver
  }

  api({ send, watch }: GuestDisksOptions['api']): GuestDisksOptions['api'] {
    return {
      send: (asked, options, signal) => {
        const exchange = () => send(asked, options, signal)
        return asked.method === 'GET' ? this.#read(exchange) : this.#exchange(exchange)
      },
      watch: (path, signal) => this.#watch(watch(path, signal)),
    }
  }

  driver({ controller, disks }: GuestDisksOptions['driver']): GuestDisksOptions['driver'] {
    return {
      controller: {
        ...controller,
        ControllerPublishVolume: (request, options) =>
          this.#exchange(() => controller.ControllerPublishVolume(request, options)),
        ControllerUnpublishVolume: (request, options) =>
          this.#exchange(() => controller.ControllerUnpublishVolume(request, options)),
      },
      disks: {
        ListDisks: (request, options) => this.#read(() => disks.ListDisks(request, options)),
      },
    }
  }

  shell(shell: Shell): Shell {
    return { run: (argv, options) => this.#exchange(() => shell.run(argv, options)) }
  }

  async #exchange<T>(effect: () => Promise<T>): Promise<T> {
    this.#exchanges += 1
    const isLast = this.#exchanges === this.#death?.at
    if (isLast && this.#death?.when === 'before') this.#isOver = true
    this.#throwIfOver()
    try {
      return await effect()
    } finally {
      if (isLast) this.#isOver = true
      this.#throwIfOver()
    }
  }

  async #read<T>(look: () => Promise<T>): Promise<T> {
    this.#throwIfOver()
    try {
      return await look()
    } finally {
      this.#throwIfOver()
    }
  }

  async *#watch(events: AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
    for await (const event of events) {
      this.#throwIfOver()
      yield event
    }
  }

  #throwIfOver(): void {
    if (this.#isOver) throw new StorageError('unavailable', 'this process is no more')
  }
}
