// The running machine: domains with their states, and the disks that bound guests really have. It
// checks nothing that ldm checks and prints nothing: changes.ts and print.ts do, and tests may put
// a machine into any state.

import type { GuestDisks, VirtualDisk } from '../devices.ts'
import type { SimHost } from '../host.ts'
import { ExportedPath, LiveDisk, type ServiceDomain } from './exports.ts'
import type { Configuration, DiskServer, DomainEntry, VdiskEntry, Volume } from './model.ts'
import { CONTROL_DOMAIN } from './model.ts'

export type Platform = 'solaris' | 'linux'

/** The state of a domain that is not in its configuration. */
export interface Runtime {
  readonly platform: Platform
  /** How a request to add or remove a disk of the active guest is handled. */
  readonly hotplug: 'asks-guest' | 'refused' | 'accepted-unchecked'
  readonly utilPercent: string
  readonly softState: string
  /** Whether the operating system answers. */
  system: boolean
  /** `failed`: the domain was the source; a person must say which of the two domains goes on. */
  migration: 'none' | 'source' | 'failed'
  startedMs: number
  readonly live: Map<string, LiveDisk>
  readonly listeners: ((event: 'disks' | 'boot') => void)[]
}

export interface Member {
  readonly vds: string
  readonly volume: Volume
  readonly domain: string
}

interface Exported {
  readonly byName: ReadonlyMap<string, Member> // `volume@vds`
  readonly byGroup: ReadonlyMap<string, readonly Member[]>
}

export class Running {
  configuration: Configuration
  readonly services: ReadonlyMap<string, ServiceDomain>
  readonly runtimes = new Map<string, Runtime>()
  readonly nowMs: () => number
  delayedReconfiguration = false
  /**
   * Changes that wait for the reboot of the control domain, or for the next power-on in
   * configuration mode.
   */
  readonly pending: (() => void)[] = []
  #exported: Exported | undefined

  constructor(
    configuration: Configuration,
    services: ReadonlyMap<string, ServiceDomain>,
    nowMs: () => number,
  ) {
    this.configuration = configuration
    this.services = services
    this.nowMs = nowMs
  }

  get domains(): DomainEntry[] {
    return [...this.configuration.domains.values()]
  }

  runtime(name: string): Runtime {
    const runtime = this.runtimes.get(name)
    if (!runtime) throw new Error(`no domain ${name} in the simulated machine`)
    return runtime
  }

  server(vds: string): { readonly server: DiskServer; readonly domain: DomainEntry } | undefined {
    for (const domain of this.domains) {
      const server = domain.servers.get(vds)
      if (server) return { server, domain }
    }
    return undefined
  }

  /** Every exported volume of the machine. */
  volumes(): Member[] {
    return this.domains.flatMap(domain =>
      [...domain.servers.values()].flatMap(server =>
        [...server.volumes.values()].map(volume => ({
          vds: server.name,
          volume,
          domain: domain.name,
        })),
      ),
    )
  }

  /**
   * Must be called after every change of disk servers and their volumes. A listing looks each up
   * many times, so they are indexed.
   */
  exportsChanged(): void {
    this.#exported = undefined
  }

  #indexed(): Exported {
    if (this.#exported !== undefined) return this.#exported
    const volumes = this.volumes()
    this.#exported = {
      byName: new Map(volumes.map(member => [`${member.volume.name}@${member.vds}`, member])),
      byGroup: Map.groupBy(volumes, member => member.volume.mpgroup),
    }
    return this.#exported
  }

  /** The paths of a vdisk if it is bound now: its own volume, then the rest of its path group. */
  membersOf(vdisk: VdiskEntry): [Member, ...Member[]] {
    const { byName, byGroup } = this.#indexed()
    const own = byName.get(`${vdisk.volume}@${vdisk.vds}`)
    if (!own) throw new Error(`vdisk ${vdisk.name} has no volume`)
    const group = own.volume.mpgroup
    return [
      own,
      ...(group === '' ? [] : (byGroup.get(group) ?? [])).filter(member => member !== own),
    ]
  }

  /** The vdisk that uses a volume, directly or through its path group. */
  userOf(
    vds: string,
    volume: string,
  ): { readonly vdisk: VdiskEntry; readonly domain: DomainEntry } | undefined {
    for (const domain of this.domains) {
      for (const vdisk of domain.vdisks.values()) {
        if (
          this.membersOf(vdisk).some(member => member.vds === vds && member.volume.name === volume)
        ) {
          return { vdisk, domain }
        }
      }
    }
    return undefined
  }

  isBound(domain: DomainEntry): boolean {
    return domain.state !== 'inactive'
  }

  isRunning(domain: DomainEntry): boolean {
    return domain.state === 'active' && this.runtime(domain.name).system
  }

  connect(domain: DomainEntry, vdisk: VdiskEntry): void {
    const runtime = this.runtime(domain.name)
    vdisk.id ??= lowestFree([...domain.vdisks.values()].map(({ id }) => id))
    const [first, ...others] = this.membersOf(vdisk).map(
      member => new ExportedPath(this.#service(member.domain), member.vds, member.volume),
    )
    if (!first) return
    runtime.live.set(
      vdisk.name,
      new LiveDisk(vdisk.id, vdisk.name, [first, ...others], runtime.platform === 'solaris'),
    )
  }

  disconnect(domain: DomainEntry, vdisk: string): void {
    const { live } = this.runtime(domain.name)
    live.get(vdisk)?.remove()
    live.delete(vdisk)
  }

  /**
   * Any state may follow any other. When a guest starts or stops, its mounts and opens are gone.
   */
  setState(domain: DomainEntry, state: string, system: boolean): void {
    const runtime = this.runtime(domain.name)
    const wasRunning = this.isRunning(domain)
    const wasBound = this.isBound(domain)
    if (state === 'active' && domain.state !== 'active') runtime.startedMs = this.nowMs()
    domain.state = state
    runtime.system = system
    if (this.isBound(domain) && !wasBound) {
      for (const vdisk of domain.vdisks.values()) this.connect(domain, vdisk)
    }
    if (!this.isBound(domain) && wasBound) {
      for (const vdisk of domain.vdisks.values()) {
        this.disconnect(domain, vdisk.name)
        if (!vdisk.explicitId) vdisk.id = undefined
      }
    }
    if (this.isRunning(domain) !== wasRunning) this.boot(domain.name)
  }

  boot(name: string): void {
    for (const disk of this.runtime(name).live.values()) disk.boot()
    this.tell(name, 'boot')
  }

  tell(name: string, event: 'disks' | 'boot'): void {
    for (const listener of this.runtimes.get(name)?.listeners ?? []) listener(event)
  }

  /** Stops all domains, and starts the machine with this configuration. */
  restart(configuration: Configuration): void {
    for (const { live } of this.runtimes.values()) {
      for (const disk of live.values()) {
        disk.holders.clear()
        disk.remove()
      }
      live.clear()
    }
    this.configuration = configuration
    this.exportsChanged()
    this.delayedReconfiguration = false
    for (const service of this.services.values()) {
      if (!service.up) service.host.down = false
      service.up = true
    }
    for (const domain of this.domains) {
      const runtime = this.runtime(domain.name)
      runtime.migration = 'none'
      runtime.startedMs = this.nowMs()
      runtime.system = domain.state === 'active'
      if (this.isBound(domain)) {
        for (const vdisk of domain.vdisks.values()) this.connect(domain, vdisk)
      }
    }
    for (const name of this.runtimes.keys()) this.boot(name)
  }

  /** A service domain that stops closes its backends; one that starts opens them again. */
  setServiceDomain(name: string, state: 'up' | 'down'): void {
    const service = this.#service(name)
    service.host.down = state === 'down'
    if (service.up === (state === 'up')) return
    service.up = state === 'up'
    this.runtime(name).system = service.up
    for (const { live } of this.runtimes.values()) {
      for (const path of [...live.values()].flatMap(disk => disk.paths)) {
        if (path.service !== service) continue
        if (service.up) path.open()
        else path.close()
      }
    }
  }

  guestDisks(name: string): GuestDisks {
    const runtime = this.runtime(name)
    return {
      list: (): readonly VirtualDisk[] => {
        const domain = this.configuration.domains.get(name)
        return domain && this.isRunning(domain)
          ? [...runtime.live.values()].sort((a, b) => a.id - b.id)
          : []
      },
      onChange: listener => void runtime.listeners.push(listener),
    }
  }

  /** The host whose devices a service domain exports. */
  serviceHost(domain: string): SimHost {
    return this.#service(domain).host
  }

  #service(domain: string): ServiceDomain {
    const service = this.services.get(domain)
    if (!service) throw new Error(`${domain} is no service domain of the simulated machine`)
    return service
  }

  /**
   * Channel end points that a domain uses. Each path takes one in the guest and one in its service
   * domain.
   */
  channels(name: string): number {
    let used = name === CONTROL_DOMAIN ? CONTROL_CHANNELS : 0
    for (const domain of this.domains) {
      if (!this.isBound(domain) || domain.name === CONTROL_DOMAIN) continue
      if (name === domain.name || name === CONTROL_DOMAIN) used += GUEST_CHANNELS
      for (const path of [...this.runtime(domain.name).live.values()].flatMap(disk => disk.paths)) {
        if (name === domain.name || name === path.service.name) used += 1
      }
    }
    return used
  }
}

// "About 15" for the control domain itself (documented: 3.2 guide). The number for a guest's own
// control, console and devices is an estimate.
const CONTROL_CHANNELS = 15
export const GUEST_CHANNELS = 3

function lowestFree(ids: readonly (number | undefined)[]): number {
  let id = 0
  while (ids.includes(id)) id++
  return id
}
