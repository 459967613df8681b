// One guest of the Xen host: what a person does to it with `xl`, and what its own shell answers.

import { waitFor } from '../support/commands.ts'
import type { Outcome } from '../support/machines/own-hand.ts'
import type { DomainName, GuestName } from './domains.ts'

// Plain emulation; quiet, a guest takes six seconds.
const GUEST_BOOT_MS = 180_000

/** What a guest asks of its host. */
export interface GuestHost {
  root(line: string, input?: string, domain?: DomainName): Promise<Outcome>
  succeed(line: string, input?: string, domain?: DomainName): Promise<string>
  /** Forgets a connection to a guest that is gone; the next one is made anew. */
  forget(domain: GuestName): void
}

export class XenGuest {
  readonly name: GuestName
  readonly #host: GuestHost

  constructor(host: GuestHost, name: GuestName) {
    this.#host = host
    this.name = name
  }

  async isRunning(): Promise<boolean> {
    return (await this.#host.root(`xl domid ${this.name}`)).status === 0
  }

  /** Starts it and returns when it answers. Already running is success. */
  async create(): Promise<void> {
    if (await this.isRunning()) await this.answers()
    else await this.createWith([])
  }

  /** Starts it with these disks, as if its configuration file had them. It must not run. */
  async createWith(disks: readonly string[]): Promise<void> {
    const lines = `disk = [ ${disks.map(disk => `"${disk}"`).join(', ')} ]`
    await this.#host.succeed(`xl create -q /etc/xen/${this.name}.cfg '${lines}'`)
    await this.answers()
  }

  /** Returns when it answers on a new connection. */
  async answers(): Promise<void> {
    const what = `guest ${this.name}`
    await waitFor({ what, limitMs: GUEST_BOOT_MS }, async () => {
      this.#host.forget(this.name)
      return (await this.root('true')).status === 0
    })
  }

  /** As if its plug was pulled. Not running is success. */
  async destroy(): Promise<void> {
    if (await this.isRunning()) await this.#host.succeed(`xl destroy ${this.name}`)
    this.#host.forget(this.name)
  }

  async pause(): Promise<void> {
    await this.#host.succeed(`xl pause ${this.name}`)
  }

  async unpause(): Promise<void> {
    await this.#host.succeed(`xl unpause ${this.name}`)
  }

  /** The guest reboots by itself, as its operating system does. Returns when it answers again. */
  async reboot(): Promise<void> {
    const before = await this.bootId()
    await this.root('(sleep 0.5; reboot -f) >/dev/null 2>&1 &')
    await waitFor({ what: `reboot of ${this.name}`, limitMs: GUEST_BOOT_MS }, async () => {
      this.#host.forget(this.name)
      return (await this.bootId()) !== before
    })
  }

  /** Another one after each start of its kernel. */
  bootId(): Promise<string> {
    return this.succeed('cat /proc/sys/kernel/random/boot_id')
  }

  root(line: string, input = ''): Promise<Outcome> {
    return this.#host.root(line, input, this.name)
  }

  succeed(line: string, input = ''): Promise<string> {
    return this.#host.succeed(line, input, this.name)
  }
}
