// A real Xen host with its guests: a machine in QEMU, reached through ports of 127.0.0.1. Its disks,
// keys and ports stay the same over every start. dom0 has the ZFS pools, and starts no guest by
// itself.
//
// Every domain has two SSH servers. The driver's has the limits of OpenSSH. The other one belongs to
// the tests: `root` of dom0 and of a guest.

import { join } from 'node:path'
import { buildXenHost, type XenHostFiles } from '../../scripts/xen-host/xen-host.ts'
import { GiB } from '../../src/model/volumes.ts'
import { accessAt, freePorts, type MachineAccess } from '../support/machines/access.ts'
import { EmulatedMachine, openDirectory } from '../support/machines/emulated-machine.ts'
import { type Outcome, OwnHand } from '../support/machines/own-hand.ts'
import {
  extendInitrd,
  makeKeys,
  type ServerPorts,
  StartFiles,
} from '../support/machines/start-files.ts'
import {
  ADDRESSES,
  DOMAINS,
  type DomainName,
  GUESTS,
  type GuestName,
  guestConfiguration,
} from './domains.ts'
import { type GuestHost, XenGuest } from './guest.ts'
import { machineArguments } from './qemu.ts'

type Ports = Readonly<Record<DomainName, ServerPorts>>

const DISKS: readonly number[] = [20 * GiB, GiB]
const MEMORY_MIB = 2304
/** What a host takes of this machine: its memory, and a gigabyte of translated code. */
export const XEN_HOST_BYTES = 4 * GiB

// Plain emulation on a machine that may be busy; quiet, dom0 takes twelve seconds.
const LIMITS = { bootMs: 300_000, stopMs: 90_000 }

export class XenHost extends EmulatedMachine implements GuestHost {
  readonly #files: XenHostFiles
  readonly #ports: Ports
  readonly #hands: ReadonlyMap<DomainName, OwnHand>

  private constructor(directory: string, files: XenHostFiles, ports: Ports) {
    super({ directory, name: 'dom0', ready: 'Xen host: ready', ...LIMITS })
    this.#files = files
    this.#ports = ports
    this.#hands = new Map(
      DOMAINS.map(domain => [domain, new OwnHand(directory, ports[domain].own)]),
    )
  }

  /** The machine of a directory. It is built if it is missing, and not booted. */
  static async open(directory?: string): Promise<XenHost> {
    const files = await buildXenHost()
    const place = await openDirectory({ suite: 'xen', directory }, newPorts)
    return new XenHost(place.directory, files, place.ports)
  }

  protected async prepare(): Promise<readonly string[]> {
    return machineArguments({
      ...this.#files,
      initrd: await this.#writeStartFiles(),
      console: this.consoleFile,
      memoryMiB: MEMORY_MIB,
      disks: DISKS.map((sizeBytes, index) => ({
        file: this.image(index, sizeBytes),
        serial: `disk${index}`,
      })),
      forwards: DOMAINS.flatMap(domain => [
        { from: this.#ports[domain].driver, address: ADDRESSES[domain], to: 22 },
        { from: this.#ports[domain].own, address: ADDRESSES[domain], to: 2200 },
      ]),
    })
  }

  // On one emulated processor, guests that boot would starve dom0, which serves them.
  protected override async started(): Promise<void> {
    await this.succeed('xl sched-credit2 -d Domain-0 -w 4096')
  }

  protected disconnect(): void {
    for (const hand of this.#hands.values()) hand.close()
  }

  /** Runs a line of dom0's shell, or of a guest's, as root through the SSH server of the tests. */
  root(line: string, input = '', domain: DomainName = 'dom0'): Promise<Outcome> {
    const hand = this.#hands.get(domain)
    if (hand === undefined) throw new Error(`no domain ${domain}`)
    return hand.run(line, input)
  }

  /** Standard output of `root`; anything but status 0 is an error. */
  async succeed(line: string, input = '', domain: DomainName = 'dom0'): Promise<string> {
    const { status, stdout, stderr } = await this.root(line, input, domain)
    if (status !== 0) throw new Error(`${domain}: ${line}: status ${status}: ${stderr.trim()}`)
    return stdout
  }

  guest(name: GuestName): XenGuest {
    return new XenGuest(this, name)
  }

  /** How the driver reaches a domain, as root. */
  access(domain: DomainName): MachineAccess {
    return accessAt(this.directory, { user: 'root', port: this.#ports[domain].driver })
  }

  /** Forgets a connection to a guest that is gone; the next one is made anew. */
  forget(domain: GuestName): void {
    this.#hands.get(domain)?.close()
  }

  /** Returns the path of dom0's whole initial file system; the guests' part is in it. */
  async #writeStartFiles(): Promise<string> {
    const { directory } = this
    await makeKeys(directory, Object.values(this.#ports))
    const settings = { NAME: 'dom0', MAX_SESSIONS: '10', MAX_STARTUPS: '10:30:100' }
    const guest = new StartFiles(join(directory, 'guest-start'), directory)
    guest.putSettings(settings)
    guest.putKeys()

    const dom0 = new StartFiles(join(directory, 'start'), directory)
    dom0.putSettings({ ...settings, ARC_BYTES: String(GiB / 8) })
    dom0.putKeys()
    dom0.put('etc/hostid', this.hostId)
    dom0.put('guest/start', await guest.pack())
    for (const name of GUESTS) dom0.put(`etc/xen/${name}.cfg`, guestConfiguration(name))
    return extendInitrd(directory, this.#files.initrd, dom0)
  }
}

async function newPorts(): Promise<Ports> {
  const ports = await freePorts(2 * DOMAINS.length)
  const of = (domain: DomainName): ServerPorts => {
    const at = 2 * DOMAINS.indexOf(domain)
    return { driver: ports[at] ?? 0, own: ports[at + 1] ?? 0 }
  }
  return { dom0: of('dom0'), web: of('web'), db: of('db'), pvh: of('pvh') }
}
