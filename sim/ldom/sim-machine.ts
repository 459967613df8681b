// One simulated machine: a control domain with the program `ldm`, service domains, guests with
// disks, a service processor. world.ts builds it. Simulated guests get their disks from it, and
// tests change its state.

import { createHash } from 'node:crypto'
import type { GuestDisks } from '../devices.ts'
import type { SimHost } from '../host.ts'
import { ServiceDomain } from './exports.ts'
import { CONTROL_DOMAIN, DEFAULT_SETTINGS, type DomainEntry, type LdmSettings } from './model.ts'
import { ldmProgram } from './program.ts'
import { type Platform, Running } from './running.ts'
import { SpStore } from './sp-store.ts'
import { TEXTS } from './texts.ts'

/** Details of a domain that only listings show. */
export interface SimDomainLooks {
  readonly uuid?: string
  readonly console?: string
  readonly vcpus?: number
  readonly memoryBytes?: number
  readonly utilPercent?: string
  readonly uptimeSeconds?: number
}

export interface SimGuestOptions extends SimDomainLooks {
  readonly name: string
  readonly platform: Platform
  readonly state?: 'active' | 'bound' | 'inactive'
  /**
   * By default ldm asks a Solaris guest before it changes a disk, and does not ask a Linux guest.
   */
  readonly hotplug?: 'refused' | 'accepted-unchecked'
}

export interface SimServiceDomainOptions extends SimDomainLooks {
  readonly name: string
  readonly host: SimHost
  readonly vds: readonly string[]
}

export interface SimMachineOptions {
  readonly name: string
  readonly controlHost: SimHost
  readonly serviceDomains: readonly SimServiceDomainOptions[]
  readonly guests: readonly SimGuestOptions[]
  readonly nowMs?: () => number
  readonly settings?: Partial<LdmSettings>
}

export class SimMachine {
  readonly name: string
  /** Settings of release and account; tests may change them while the machine runs. */
  readonly settings: LdmSettings
  readonly #running: Running
  readonly #store: SpStore
  #notice = ''

  constructor({
    name,
    controlHost,
    serviceDomains,
    guests,
    nowMs = Date.now,
    settings = {},
  }: SimMachineOptions) {
    this.name = name
    this.settings = { ...DEFAULT_SETTINGS, ...settings }
    const services = new Map(
      serviceDomains.map(service => [service.name, new ServiceDomain(service.name, service.host)]),
    )
    this.#running = new Running({ domains: new Map() }, services, nowMs)
    if (!services.has(CONTROL_DOMAIN)) {
      this.#addDomain({ name: CONTROL_DOMAIN }, 'active', 'solaris')
    }
    for (const service of serviceDomains) {
      this.#addDomain(service, 'active', 'solaris', { vds: service.vds })
    }
    for (const guest of guests) {
      this.#addDomain(guest, guest.state ?? 'active', guest.platform, { hotplug: guest.hotplug })
    }
    this.#store = new SpStore(this.#running.configuration)
    const program = ldmProgram({
      running: this.#running,
      settings: this.settings,
      store: this.#store,
      takeNotice: () => this.#takeNotice(),
    })
    controlHost.programs.set('ldm', program)
  }

  get ldcBudget(): number {
    return this.settings.ldcBudget
  }

  set ldcBudget(endpoints: number) {
    this.settings.ldcBudget = endpoints
  }

  guestDisks(guest: string): GuestDisks {
    return this.#running.guestDisks(guest)
  }

  guestNames(): string[] {
    return this.#running.domains
      .map(({ name }) => name)
      .filter(name => name !== CONTROL_DOMAIN && !this.#running.services.has(name))
  }

  addGuest(guest: SimGuestOptions): void {
    this.#addDomain(guest, guest.state ?? 'active', guest.platform, { hotplug: guest.hotplug })
    this.#store.changed(this.#running.configuration)
  }

  /** Removes the domain with its vdisks. Volumes that were exported for it stay. */
  removeGuest(guest: string): void {
    const domain = this.#domain(guest)
    this.#running.setState(domain, 'inactive', false)
    this.#running.configuration.domains.delete(guest)
    this.#running.exportsChanged()
    this.#store.changed(this.#running.configuration)
  }

  /** `state` may be any word, also a transient one. `os`: whether the operating system answers. */
  setGuest(guest: string, { state, os }: { readonly state?: string; readonly os?: boolean }): void {
    const domain = this.#domain(guest)
    const wanted = state ?? domain.state
    this.#running.setState(domain, wanted, os ?? wanted === 'active')
    this.#store.changed(this.#running.configuration)
  }

  rebootGuest(guest: string): void {
    const domain = this.#domain(guest)
    if (this.#running.isRunning(domain)) this.#running.boot(guest)
  }

  /** Sets a variable as `eeprom` in the domain or `ldm set-variable` does. */
  setVariable(domain: string, name: string, value: string): void {
    this.#domain(domain).variables.set(name, value)
    this.#store.changed(this.#running.configuration)
  }

  setMigrating(guest: string, migrating: boolean | 'failed'): void {
    this.#running.runtime(guest).migration =
      migrating === 'failed' ? 'failed' : migrating ? 'source' : 'none'
  }

  /**
   * Gives the domain another name; it is inactive then. ldm has no subcommand for that (documented:
   * reference manuals 2.2 to 3.4). People save its constraints with `list-constraints -x`, remove
   * it, and create it again with its vdisks by `add-domain -i` from the edited file.
   */
  renameGuest(guest: string, name: string): void {
    const domain = this.#domain(guest)
    const { platform, hotplug } = this.#running.runtime(guest)
    this.removeGuest(guest)
    this.#addDomain({ name }, 'inactive', platform, {
      hotplug: hotplug === 'asks-guest' ? undefined : hotplug,
    })
    for (const vdisk of domain.vdisks.values()) {
      this.#domain(name).vdisks.set(vdisk.name, { ...vdisk })
    }
    this.#store.changed(this.#running.configuration)
  }

  /** `false` stands for a reboot of the control domain: changes that waited take effect. */
  setDelayedReconfiguration(delayed: boolean): void {
    this.#running.delayedReconfiguration = delayed
    if (delayed) return
    this.#applyPending()
  }

  /**
   * `down`: the host does not answer, and no export works. A real guest without another path waits;
   * here its I/O fails.
   */
  setServiceDomain(name: string, state: 'up' | 'down'): void {
    this.#running.setServiceDomain(name, state)
  }

  /** The system log of a service domain: the messages of its disk server. */
  serviceLog(name: string): readonly string[] {
    return this.#running.services.get(name)?.log ?? []
  }

  /**
   * Power off and on. The machine comes up with the service processor's configuration for the next
   * power-on. After a hardware fault the firmware boots another one (`boots`), or the same without
   * the domains whose resources are `missing`.
   */
  powerCycle(fault: { readonly boots?: string; readonly missing?: readonly string[] } = {}): void {
    // Configuration mode ends with the power cycle; the machine comes up as it was set up.
    if (this.settings.configurationMode) {
      this.#applyPending()
      this.settings.configurationMode = false
      this.#running.restart(structuredClone(this.#running.configuration))
      return
    }
    const { boots, missing } = fault
    const configuration = this.#store.powerOn({
      ...(boots === undefined ? {} : { boots }),
      degraded: missing !== undefined,
    })
    for (const name of missing ?? []) configuration.domains.delete(name)
    this.#running.restart(configuration)
    this.#running.pending.length = 0
    const newer = this.#store.newerAutosave()
    if (newer === undefined) return
    if (this.settings.autorecoveryPolicy === 2) this.#notice = TEXTS.newerAutosave(newer)
    if (this.settings.autorecoveryPolicy === 3) this.#store.overwriteWithAutosave()
  }

  /** Whether a power cycle would bring back what runs now. */
  isSaved(): boolean {
    return this.#store.newerAutosave() === undefined
  }

  /** The whole state as plain data, for comparison. Console, load and times are left out. */
  state() {
    return {
      domains: this.#running.domains.map(({ name, state, servers, vdisks }) => ({
        name,
        state,
        vds: [...servers.values()].map(server => ({
          name: server.name,
          volumes: [...server.volumes.values()]
            .map(volume => ({ ...volume, options: [...volume.options] }))
            .sort(byName),
        })),
        vdisks: [...vdisks.values()].map(vdisk => ({ ...vdisk })).sort(byName),
      })),
      delayedReconfiguration: this.#running.delayedReconfiguration,
      configurations: this.#store.list().trimEnd().split('\n'),
    }
  }

  #addDomain(
    looks: SimDomainLooks & { readonly name: string },
    state: string,
    platform: Platform,
    {
      vds = [],
      hotplug,
    }: { readonly vds?: readonly string[]; readonly hotplug?: SimGuestOptions['hotplug'] } = {},
  ): void {
    const { name, uptimeSeconds = 3600 } = looks
    const running = this.#running
    const entry: DomainEntry = {
      name,
      uuid: looks.uuid ?? uuidOf(`${this.name}/${name}`),
      console:
        looks.console ?? (name === CONTROL_DOMAIN ? 'UART' : String(4999 + running.domains.length)),
      vcpus: looks.vcpus ?? 8,
      memoryBytes: looks.memoryBytes ?? 8 * 1024 ** 3,
      state,
      servers: new Map(vds.map(server => [server, { name: server, volumes: new Map() }])),
      vdisks: new Map(),
      variables: new Map([
        ['auto-boot?', 'true'],
        ['boot-device', '/virtual-devices@100/channel-devices@200/disk@0:a disk net'],
        ['nvramrc', 'devalias data=disk'],
      ]),
    }
    running.configuration.domains.set(name, entry)
    running.exportsChanged()
    running.runtimes.set(name, {
      platform,
      hotplug: hotplug ?? (platform === 'linux' ? 'accepted-unchecked' : 'asks-guest'),
      utilPercent: looks.utilPercent ?? '0.4',
      softState: platform === 'linux' ? 'Linux running' : 'Solaris running',
      system: state === 'active',
      migration: 'none',
      startedMs: running.nowMs() - uptimeSeconds * 1000,
      live: new Map(),
      listeners: [],
    })
  }

  #domain(name: string): DomainEntry {
    const domain = this.#running.configuration.domains.get(name)
    if (!domain) throw new Error(`no domain ${name} in the simulated machine ${this.name}`)
    return domain
  }

  #applyPending(): void {
    for (const apply of this.#running.pending.splice(0)) apply()
    this.#store.changed(this.#running.configuration)
  }

  #takeNotice(): string {
    const notice = this.#notice
    this.#notice = ''
    return notice
  }
}

function uuidOf(seed: string): string {
  const hex = createHash('sha256').update(seed).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-')
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
