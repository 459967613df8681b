// One simulated Xen machine: dom0 with `xl` and `xenstore-ls`, and guests with disks. world.ts
// builds it. Simulated guests get their disks from it, and tests change its state. What happens is
// recorded in test/transcripts/xen unless a comment says otherwise.

import type { GuestDisks, SimDevice, VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimHost } from '../host.ts'
import { XenVirtualDisk } from './disk.ts'
import type {
  DiskSpec,
  PhysicalDevice,
  RebootStep,
  Removal,
  Vbd,
  XenControl,
  XenDomain,
} from './model.ts'
import { TEXTS } from './texts.ts'
import { xenstoreProgram } from './xenstore.ts'
import { xlProgram } from './xl.ts'

export interface SimXenGuest {
  readonly name: string
  readonly state?: 'active' | 'inactive'
  readonly memoryMiB?: number
  /** The `disk` lines of its configuration file, by which it is created. */
  readonly disks?: readonly DiskSpec[]
}

export interface SimXenOptions {
  readonly name: string
  readonly controlHost: SimHost
  readonly guests: readonly SimXenGuest[]
  /** How dom0's kernel numbers a device; by default as zvols. */
  readonly physical?: (target: string) => PhysicalDevice
  /** Files that xl serves through a loop device, where the host has no such device. */
  readonly isFile?: (target: string) => boolean
}

type Listener = (event: 'disks' | 'boot') => void

interface Guest extends SimXenGuest {
  readonly listeners: Listener[]
}

export class SimXen implements XenControl {
  readonly name: string
  readonly host: SimHost
  /** The hot-plug script of dom0 waits for a lock until xl kills it. */
  scriptHangs = false
  /** Devices that are mounted in dom0. */
  readonly mountedInControl = new Set<string>()
  readonly #guests = new Map<string, Guest>()
  readonly #domains = new Map<string, XenDomain>()
  readonly #disks = new WeakMap<Vbd, XenVirtualDisk>()
  readonly #physical: (target: string) => PhysicalDevice
  readonly #isFile: (target: string) => boolean
  readonly #numbers = new Map<string, number>()
  #nextId = 1

  constructor({ name, controlHost, guests, physical, isFile }: SimXenOptions) {
    this.name = name
    this.host = controlHost
    this.#physical = physical ?? (target => this.#zvolNumbers(target))
    this.#isFile = isFile ?? (() => false)
    for (const guest of guests) this.addGuest(guest)
    controlHost.devices.push(path => this.#behind(path))
    controlHost.programs.set('readlink', args => this.#readlink(args))
    controlHost.programs.set('xl', xlProgram(this))
    controlHost.programs.set('xenstore-ls', xenstoreProgram(this))
  }

  get domains(): readonly XenDomain[] {
    return [...this.#domains.values()].sort((a, b) => a.id - b.id)
  }

  domain(text: string): XenDomain | undefined {
    return this.#domains.get(text) ?? this.domains.find(({ id }) => String(id) === text)
  }

  guestNames(): string[] {
    return [...this.#guests.keys()]
  }

  addGuest(guest: SimXenGuest): void {
    this.#guests.set(guest.name, { ...guest, listeners: [] })
    if (guest.state !== 'inactive') this.create(guest.name)
  }

  /** A person deletes its configuration. */
  removeGuest(name: string): void {
    this.destroy(name)
    this.#guests.delete(name)
  }

  /** `xl create` with the guest's configuration: a new id, and the disks of that file only. */
  create(name: string): void {
    const guest = this.#guest(name)
    const domain = this.#build(guest)
    for (const disk of guest.disks ?? []) this.#add(domain, disk)
    if (this.#runScripts(domain)) this.#begin(domain)
  }

  /** The domain ends, and its disks are closed at once. */
  destroy(name: string): void {
    const domain = this.#domains.get(name)
    if (domain === undefined) return
    this.#domains.delete(name)
    this.#closeAll(domain)
  }

  /** The guest reboots, without a pause for whoever looks. */
  rebootGuest(name: string): void {
    for (const _ of this.reboot(name));
  }

  /**
   * The guest reboots: xl starts it anew under another id, with the disks that it had, also those
   * attached since its creation. Each step lasts until the next one is asked for.
   */
  *reboot(name: string): Generator<RebootStep, void> {
    const domain = this.#domains.get(name)
    if (domain === undefined) return
    const disks = [...domain.vbds.values()].filter(({ online }) => online)
    Object.assign(domain, { reboots: true, paused: true })
    this.#closeAll(domain)
    domain.vbds.clear()
    yield 'shut down'
    // A person may destroy it in each state.
    if (this.#domains.get(name) !== domain) return
    this.#domains.delete(name)
    yield 'not listed'
    const next = this.#build(this.#guest(name))
    yield 'created'
    if (this.#domains.get(name) !== next) return
    for (const disk of disks) this.#add(next, disk)
    yield 'disks added'
    if (this.#domains.get(name) !== next || !this.#runScripts(next)) return
    yield 'disks ready'
    if (this.#domains.get(name) === next) this.#begin(next)
  }

  /** `active` or `inactive`, as for a machine of another kind. */
  setGuest(name: string, { state, os }: { readonly state?: string; readonly os?: boolean }): void {
    if (state === 'inactive') this.destroy(name)
    if (state === 'active' && !this.#domains.has(name)) this.create(name)
    const domain = this.#domains.get(name)
    if (os === undefined || domain === undefined) return
    domain.system = os
    this.#connectAll(domain)
    this.tell(name, 'boot')
  }

  /** `xl rename`; the guest goes on. Its configuration file has the new name, too. */
  renameGuest(name: string, to: string): void {
    const domain = this.#domains.get(name)
    if (domain === undefined) throw new Error(`no guest ${name} runs in ${this.name}`)
    this.#domains.delete(name)
    this.#domains.set(to, { ...domain, name: to })
    this.#guests.set(to, { ...this.#guest(name), name: to })
    this.#guests.delete(name)
  }

  /** dom0 goes with everything that runs on it; guests that were running are created again. */
  powerCycle(): void {
    const running = [...this.#domains.keys()]
    for (const name of running) this.destroy(name)
    this.#nextId = 1
    this.host.down = false
    for (const name of running) this.create(name)
  }

  pause(domain: XenDomain): void {
    domain.paused = true
  }

  /** The guest answers now what it was asked meanwhile. */
  unpause(domain: XenDomain): void {
    domain.paused = false
    for (const vbd of domain.vbds.values()) {
      if (!vbd.removing) continue
      vbd.front = 6
      vbd.back = 6
      closeVbd(vbd)
    }
    this.#connectAll(domain)
    this.tell(domain.name, 'disks')
  }

  guestDisks(name: string): GuestDisks {
    return {
      list: (): readonly VirtualDisk[] => {
        const domain = this.#domains.get(name)
        if (domain === undefined || !domain.system) return []
        return [...domain.vbds.values()]
          .flatMap(vbd => (vbd.front === 4 ? (this.#disks.get(vbd) ?? []) : []))
          .sort((a, b) => a.id - b.id)
      },
      onChange: listener => void this.#guest(name).listeners.push(listener),
    }
  }

  sizeOf(vbd: Vbd): number {
    return this.#disks.get(vbd)?.knownBytes() ?? 0
  }

  kindOf(target: string): 'device' | 'file' | undefined {
    if (this.host.device(target) !== undefined) return 'device'
    return this.#isFile(target) ? 'file' : undefined
  }

  attach(domain: XenDomain, spec: DiskSpec): string | undefined {
    const vbd = this.#add(domain, spec)
    if (spec.backEnd === 'qdisk') return undefined
    const complaint = this.#runScript(domain, vbd)
    if (complaint !== undefined) return complaint
    this.#connectAll(domain)
    this.tell(domain.name, 'disks')
    return undefined
  }

  #add(domain: XenDomain, spec: DiskSpec): Vbd {
    const { number, vdev, target, access, backEnd } = spec
    const vbd: Vbd = {
      ...{ number, vdev, target, access, backEnd },
      front: backEnd === 'qdisk' || !this.#answers(domain) ? 1 : 3,
      back: backEnd === 'qdisk' ? 1 : 2,
      hotplug: undefined,
      hotplugError: undefined,
      online: true,
      removing: false,
      physical: undefined,
      close: undefined,
    }
    domain.vbds.set(number, vbd)
    return vbd
  }

  /** The hot-plug script of dom0 opens the device, or complains. */
  #runScript(domain: XenDomain, vbd: Vbd): string | undefined {
    if (this.scriptHangs) return 'hung'
    const physical = this.#physical(vbd.target)
    const refusal = this.#refusal(domain, vbd, physical)
    if (refusal !== undefined) {
      vbd.hotplug = 'busy'
      vbd.hotplugError = refusal
      return refusal
    }
    const device = this.host.device(vbd.target)
    vbd.hotplug = 'connected'
    vbd.physical = physical
    vbd.close = device?.open(`vbd ${domain.name}/${vbd.vdev}`) ?? (() => {})
    if (device !== undefined) this.#disks.set(vbd, new XenVirtualDisk(vbd, device))
    return undefined
  }

  detach(domain: XenDomain, vbd: Vbd, how: { readonly force: boolean }): Removal {
    const isAsked = vbd.front === 4 || vbd.front === 1
    if (isAsked && !how.force && (vbd.backEnd === 'qdisk' || !this.#answers(domain))) {
      if (vbd.backEnd === 'qdisk') {
        Object.assign(vbd, { front: 6, back: 5, online: false })
      } else if (vbd.front === 4 && !domain.wedged) {
        Object.assign(vbd, { back: 5, online: false, removing: true })
      }
      return 'kept'
    }
    // A forced removal of a mounted disk leaves a kernel thread of the guest waiting for ever.
    if (how.force && this.#disks.get(vbd)?.holders.has('mount')) domain.wedged = true
    domain.vbds.delete(vbd.number)
    closeVbd(vbd)
    this.tell(domain.name, 'disks')
    return 'removed'
  }

  /** The whole state as plain data, for comparison. Ids and times are left out. */
  state() {
    return {
      domains: this.domains.map(({ name, paused, wedged, vbds }) => ({
        name,
        state: 'active',
        paused,
        wedged,
        vbds: [...vbds.values()]
          .map(({ number, vdev, target, access, backEnd, front }) => ({
            ...{ number, vdev, target, access, backEnd, front },
          }))
          .sort((a, b) => a.number - b.number),
      })),
    }
  }

  tell(name: string, event: 'disks' | 'boot'): void {
    for (const listener of this.#guests.get(name)?.listeners ?? []) listener(event)
  }

  /** As xl builds it: paused, until its disks are ready. */
  #build({ name, memoryMiB = 160 }: Guest): XenDomain {
    const domain: XenDomain = {
      name,
      id: this.#nextId++,
      memoryMiB,
      paused: true,
      reboots: false,
      wedged: false,
      system: true,
      vbds: new Map(),
    }
    this.#domains.set(name, domain)
    return domain
  }

  /** A domain that does not get all of its disks is not created (libxl_create.c; not recorded). */
  #runScripts(domain: XenDomain): boolean {
    const vbds = [...domain.vbds.values()].filter(({ backEnd }) => backEnd === 'phy')
    const isReady = vbds.every(
      vbd => this.kindOf(vbd.target) !== undefined && this.#runScript(domain, vbd) === undefined,
    )
    if (!isReady) this.destroy(domain.name)
    return isReady
  }

  #begin(domain: XenDomain): void {
    domain.paused = false
    this.#connectAll(domain)
    this.tell(domain.name, 'boot')
  }

  #closeAll(domain: XenDomain): void {
    for (const vbd of domain.vbds.values()) closeVbd(vbd)
    this.tell(domain.name, 'boot')
  }

  #answers(domain: XenDomain): boolean {
    return domain.system && !domain.paused && !domain.wedged
  }

  #connectAll(domain: XenDomain): void {
    if (!this.#answers(domain)) return
    for (const vbd of domain.vbds.values()) {
      if (vbd.hotplug !== 'connected' || vbd.front === 6) continue
      vbd.front = 4
      vbd.back = 4
    }
  }

  // The script compares the numbers of block devices with those of other domains; of files it
  // compares nothing, as it takes a decimal number for a hexadecimal one.
  #refusal(domain: XenDomain, vbd: Vbd, physical: PhysicalDevice): string | undefined {
    if (this.kindOf(vbd.target) !== 'device') return undefined
    if (this.mountedInControl.has(vbd.target)) return TEXTS.inControlDomain(physical.path)
    const others = this.domains
      .filter(other => other !== domain)
      .flatMap(other => [...other.vbds.values()])
      .filter(other => other.physical?.numbers === physical.numbers)
    if (others.length === 0) return undefined
    if (vbd.access === 'w') return TEXTS.inGuest(physical.path)
    return others.some(({ access }) => access === 'w')
      ? TEXTS.writtenInGuest(physical.path)
      : undefined
  }

  /** `-f` and the path of a device: the name that dom0's kernel has for it. */
  #readlink([flag, target = '', ...more]: readonly string[]): SimAnswer {
    if (flag !== '-f' || more.length > 0) {
      return { exitStatus: 1, stdout: '', stderr: 'readlink: unsupported in the simulation\n' }
    }
    const path = this.kindOf(target) === 'device' ? this.#physical(target).path : target
    return { exitStatus: 0, stdout: `${path}\n`, stderr: '' }
  }

  /** The device with this name of the kernel. */
  #behind(path: string): SimDevice | undefined {
    const target = this.#targetOf(path)
    return target === path ? undefined : this.host.device(target)
  }

  #targetOf(path: string): string {
    const found = [...this.#numbers].find(([, index]) => zvolNode(index) === path)
    return found?.[0] ?? path
  }

  // Each zvol has 16 minor numbers of major 230.
  #zvolNumbers(name: string): PhysicalDevice {
    const target = this.#targetOf(name)
    const index = this.#numbers.get(target) ?? this.#numbers.size
    this.#numbers.set(target, index)
    return { numbers: `e6:${(index * 16).toString(16)}`, path: zvolNode(index) }
  }

  #guest(name: string): Guest {
    const guest = this.#guests.get(name)
    if (guest === undefined) {
      throw new Error(`no guest ${name} in the simulated machine ${this.name}`)
    }
    return guest
  }
}

const zvolNode = (index: number) => `/dev/zd${index * 16}`

function closeVbd(vbd: Vbd): void {
  vbd.close?.()
  vbd.close = undefined
}
