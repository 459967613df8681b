// A whole simulated installation in one process, built from a specification. Tests inspect and
// change it; `ldom-sim serve` puts it behind SSH. It composes the simulated parts and knows none of
// their rules.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SimComstar } from './comstar/sim-comstar.ts'
import { SimInitiator } from './comstar/sim-initiator.ts'
import { addDevicePrograms } from './device-programs.ts'
import type { GuestDisks } from './devices.ts'
import { XEN } from './guest/bus.ts'
import { SimLinuxGuest } from './guest/linux-guest.ts'
import { SimSolarisGuest } from './guest/solaris-guest.ts'
import { SimHost, Timeline } from './host.ts'
import { SimMachine } from './ldom/sim-machine.ts'
import { FileStore, MemoryStore, type Store } from './store.ts'
import { addServiceProperties, addUname } from './system.ts'
import type { WorldSpec } from './world-spec.ts'
import { SimXen } from './xen/sim-xen.ts'
import { SimZfs } from './zfs/sim-zfs.ts'

export interface WorldOptions {
  /** Volumes are sparse files below this directory; without it they are kept in memory. */
  readonly directory?: string
  /** Linux guests get real block devices. Needs `directory`, and root on Linux. */
  readonly realBlockDevices?: boolean
  readonly nowMs?: () => number
}

export type SimGuest = SimSolarisGuest | SimLinuxGuest

export interface WorldGuest {
  readonly id: string // <machine>/<guest>
  readonly machine: string
  readonly name: string
  readonly platform: 'solaris' | 'linux'
  readonly guest: SimGuest
  readonly host: SimHost
  /** The directory in which a Linux guest's real block devices appear. */
  readonly kernelRoot: string | undefined
}

export class World {
  readonly spec: WorldSpec
  readonly timeline = new Timeline()
  readonly hosts = new Map<string, SimHost>()
  readonly machines = new Map<string, SimMachine>()
  readonly xenMachines = new Map<string, SimXen>()
  readonly guests = new Map<string, WorldGuest>()
  readonly zfsHosts = new Map<string, SimZfs>()
  readonly comstarHosts = new Map<string, SimComstar>()
  readonly initiators = new Map<string, SimInitiator>()
  readonly #options: WorldOptions
  readonly #nowMs: () => number
  #stores = 0

  constructor(spec: WorldSpec, options: WorldOptions = {}) {
    this.spec = spec
    this.#options = options
    this.#nowMs = options.nowMs ?? Date.now
    for (const name of Object.keys(spec.hosts)) this.#addHost(name)
    for (const [name, host] of Object.entries(spec.hosts)) this.#addStorage(name, host)
    for (const [name, host] of Object.entries(spec.hosts)) this.#addInitiator(name, host)
    for (const host of this.hosts.values()) addUname(host)
    for (const [name, machine] of Object.entries(spec.machines)) this.#addMachine(name, machine)
    for (const [name, xen] of Object.entries(spec.xenMachines)) this.#addXenMachine(name, xen)
  }

  host(name: string): SimHost {
    return find(this.hosts, name, 'host')
  }

  machine(name: string): SimMachine {
    return find(this.machines, name, 'machine')
  }

  xen(name: string): SimXen {
    return find(this.xenMachines, name, 'Xen machine')
  }

  /** A machine of either kind: what both have in common. */
  anyMachine(name: string): SimXen | SimMachine {
    return this.xenMachines.get(name) ?? this.machine(name)
  }

  /** The disks of a guest of any machine. */
  guestDisks({ machine, name }: Pick<WorldGuest, 'machine' | 'name'>): GuestDisks {
    return this.anyMachine(machine).guestDisks(name)
  }

  zfs(host: string): SimZfs {
    return find(this.zfsHosts, host, 'host with ZFS pools')
  }

  comstar(host: string): SimComstar {
    return find(this.comstarHosts, host, 'host with a target')
  }

  initiator(host: string): SimInitiator {
    return find(this.initiators, host, 'host with an initiator')
  }

  /** `id` is `<machine>/<guest>`. */
  guest(id: string): SimGuest {
    return this.placedGuest(id).guest
  }

  /** The guest with its host and machine. */
  placedGuest(id: string): WorldGuest {
    return find(this.guests, id, 'guest')
  }

  /** Detaches the real block devices of all guests. */
  dispose(): void {
    for (const { guest } of this.guests.values()) {
      if (guest instanceof SimLinuxGuest) guest.dispose()
    }
  }

  #addHost(name: string): SimHost {
    if (this.hosts.has(name)) {
      throw new Error(`two hosts of the simulated installation are named ${name}`)
    }
    const host = new SimHost(name, this.timeline)
    host.banner = this.spec.hosts[name]?.banner ?? ''
    this.hosts.set(name, host)
    return host
  }

  #addStorage(name: string, { pools, comstar }: WorldSpec['hosts'][string]): void {
    if (pools.length === 0) return
    const zfs = new SimZfs(this.host(name), {
      pools,
      createStore: size => this.#createStore(size),
      nowMs: this.#nowMs,
    })
    this.zfsHosts.set(name, zfs)
    if (comstar) {
      this.comstarHosts.set(
        name,
        new SimComstar(this.host(name), { zfs, ...comstar, nowMs: this.#nowMs }),
      )
    }
  }

  #addInitiator(name: string, { initiator }: WorldSpec['hosts'][string]): void {
    if (!initiator) return
    const targets = initiator.targets.map(host => this.comstar(host))
    this.initiators.set(
      name,
      new SimInitiator(this.host(name), {
        iqn: initiator.iqn,
        controller: initiator.controller,
        targets,
      }),
    )
  }

  #addMachine(name: string, spec: WorldSpec['machines'][string]): void {
    const machine = new SimMachine({
      name,
      controlHost: this.host(spec.controlDomain),
      serviceDomains: Object.entries(spec.serviceDomains).map(([domain, { host, vds }]) => ({
        name: domain,
        host: this.host(host),
        vds,
      })),
      guests: Object.entries(spec.guests).map(([guest, { platform, state }]) => ({
        name: guest,
        platform,
        state,
      })),
      nowMs: this.#nowMs,
    })
    this.machines.set(name, machine)
    addServiceProperties(this.host(spec.controlDomain), machine)
    for (const guest of Object.keys(spec.guests)) this.#addGuest(machine, guest, spec)
  }

  #addGuest(machine: SimMachine, name: string, spec: WorldSpec['machines'][string]): void {
    const { platform = 'solaris', controller = 0 } = spec.guests[name] ?? {}
    const id = `${machine.name}/${name}`
    const host = this.#addHost(`${machine.name}-${name}`)
    const options = { disks: machine.guestDisks(name), nowMs: this.#nowMs }
    const kernelRoot =
      platform === 'linux' && this.#options.realBlockDevices
        ? this.#kernelRoot(host.name)
        : undefined
    const guest =
      platform === 'solaris'
        ? new SimSolarisGuest(host, { ...options, controller })
        : new SimLinuxGuest(host, kernelRoot === undefined ? options : { ...options, kernelRoot })
    this.guests.set(id, { id, machine: machine.name, name, platform, guest, host, kernelRoot })
  }

  #addXenMachine(name: string, spec: WorldSpec['xenMachines'][string]): void {
    const controlHost = this.host(spec.controlDomain)
    addDevicePrograms(controlHost)
    const guests = Object.entries(spec.guests).map(([guest, { state }]) => ({ name: guest, state }))
    const machine = new SimXen({ name, controlHost, guests })
    this.xenMachines.set(name, machine)
    for (const guest of Object.keys(spec.guests)) {
      const id = `${name}/${guest}`
      const host = this.#addHost(`${name}-${guest}`)
      const options = { disks: machine.guestDisks(guest), nowMs: this.#nowMs, bus: XEN }
      const kernelRoot = this.#options.realBlockDevices ? this.#kernelRoot(host.name) : undefined
      const linux = new SimLinuxGuest(
        host,
        kernelRoot === undefined ? options : { ...options, kernelRoot },
      )
      const platform = 'linux' as const
      this.guests.set(id, {
        id,
        machine: name,
        name: guest,
        platform,
        guest: linux,
        host,
        kernelRoot,
      })
    }
  }

  #kernelRoot(name: string): string {
    const directory = join(this.#directory(), 'guests', name)
    mkdirSync(directory, { recursive: true })
    return directory
  }

  #createStore(sizeBytes: number): Store {
    if (this.#options.directory === undefined) return new MemoryStore(sizeBytes)
    const directory = join(this.#directory(), 'volumes')
    mkdirSync(directory, { recursive: true })
    const resized = () => this.#tellXenGuests()
    return new FileStore(join(directory, String(this.#stores++)), sizeBytes, resized)
  }

  // Xen passes a new size on at once, to real block devices, too.
  #tellXenGuests(): void {
    for (const machine of this.xenMachines.values()) {
      for (const guest of machine.guestNames()) machine.tell(guest, 'disks')
    }
  }

  #directory(): string {
    if (this.#options.directory === undefined) {
      throw new Error('real block devices need a directory for their bytes')
    }
    return this.#options.directory
  }
}

function find<T>(map: ReadonlyMap<string, T>, name: string, what: string): T {
  const value = map.get(name)
  if (value === undefined) {
    throw new Error(
      `no ${what} is named ${name} in the simulated installation; there are: ` +
        `${[...map.keys()].join(', ')}`,
    )
  }
  return value
}

export function createWorld(spec: WorldSpec, options?: WorldOptions): World {
  return new World(spec, options)
}
