// A storage host with the real OpenZFS and the real OpenSSH: a machine in QEMU, reached through
// ports of 127.0.0.1. Its disks, keys and ports stay the same over every start.
//
// It has two SSH servers. The driver's has the limits of OpenSSH, and tests may do to it what they
// like. The other one belongs to the tests: `root` still works while the driver's is down.

import {
  buildStorageHost,
  type OpenZfsVersion,
  type StorageHostFiles,
} from '../../scripts/storage-host/storage-host.ts'
import { GiB } from '../../src/model/volumes.ts'
import { accessAt, freePorts, type MachineAccess } from '../support/machines/access.ts'
import { EmulatedMachine, openDirectory } from '../support/machines/emulated-machine.ts'
import { type Outcome, OwnHand } from '../support/machines/own-hand.ts'
import { type MachineDisk, type MachinePorts, machineArguments } from './qemu.ts'
import { writeStartFiles } from './start-files.ts'

export interface MachineOptions {
  readonly version: OpenZfsVersion
  readonly name?: string
  /** Disk N is `/dev/disk/by-id/virtio-diskN`. */
  readonly disks?: readonly MachineDisk[]
  /** Of the driver's SSH server: sessions of one connection. OpenSSH's default is 10. */
  readonly maxSessions?: number
  /** Of the driver's SSH server: connections that have not logged in yet. */
  readonly maxStartups?: string
  readonly memoryMiB?: number
}

/** The first for most tests; the others for pools that become full, or lose their disks. */
const USUAL_DISKS: readonly MachineDisk[] = [20, 1, 1, 1].map(size => ({
  sizeBytes: size * GiB,
}))

// Plain emulation on a machine that may be busy; quiet, it takes five seconds.
const LIMITS = { bootMs: 180_000, stopMs: 60_000 }

export class StorageMachine extends EmulatedMachine {
  readonly ports: MachinePorts
  readonly #options: MachineOptions
  readonly #files: StorageHostFiles
  readonly #hand: OwnHand

  private constructor(setup: {
    readonly directory: string
    readonly options: MachineOptions
    readonly files: StorageHostFiles
    readonly ports: MachinePorts
  }) {
    const { directory, options, files, ports } = setup
    super({ directory, name: nameOf(options), ready: 'storage host: ready', ...LIMITS })
    this.#options = options
    this.#files = files
    this.ports = ports
    this.#hand = new OwnHand(directory, ports.own)
  }

  /** The machine of a directory. It is built if it is missing, and not booted. */
  static async open(options: MachineOptions, directory?: string): Promise<StorageMachine> {
    const files = await buildStorageHost(options.version)
    const place = await openDirectory({ suite: 'zfs', directory }, newPorts)
    return new StorageMachine({ ...place, options, files })
  }

  protected async prepare(): Promise<readonly string[]> {
    const disks = this.#createDisks()
    const initrd = await writeStartFiles({
      directory: this.directory,
      initrd: this.#files.initrd,
      ports: this.ports,
      settings: {
        NAME: nameOf(this.#options),
        MAX_SESSIONS: String(this.#options.maxSessions ?? 10),
        // OpenSSH's own default.
        MAX_STARTUPS: this.#options.maxStartups ?? '10:30:100',
        ARC_BYTES: String(GiB / 4),
      },
      hostId: this.hostId,
    })
    return machineArguments({
      kernel: this.#files.kernel,
      console: this.consoleFile,
      memoryMiB: this.#options.memoryMiB ?? 1024,
      ports: this.ports,
      initrd,
      disks,
    })
  }

  protected disconnect(): void {
    this.#hand.close()
  }

  root(line: string, input = ''): Promise<Outcome> {
    return this.#hand.run(line, input)
  }

  async succeed(line: string, input = ''): Promise<string> {
    const { status, stdout, stderr } = await this.root(line, input)
    if (status !== 0) throw new Error(`${line}: status ${status}: ${stderr.trim()}`)
    return stdout
  }

  /** As `succeed`; this process does nothing else meanwhile. */
  succeedAtOnce(line: string): string {
    return this.#hand.runAtOnce(line)
  }

  /** Runs a line here and hands its output to a line of another machine; both have to succeed. */
  pipeTo(line: string, other: StorageMachine, otherLine: string): Promise<void> {
    return this.#hand.pipeTo(line, other.#hand, otherLine)
  }

  /** How the driver reaches the machine: as root, or as the ordinary user `csi`. */
  access(user: 'root' | 'csi' = 'root'): MachineAccess {
    return accessAt(this.directory, { user, port: this.ports.driver })
  }

  /** Kills the driver's SSH server and all its connections. It stays away until `startSshd`. */
  async stopSshd(): Promise<void> {
    await this.succeed('touch /run/no-sshd; /etc/kill-driver-sshd')
  }

  /** Returns when the driver's SSH server listens again. */
  async startSshd(): Promise<void> {
    await this.succeed(`rm -f /run/no-sshd; ${LISTENS}`)
  }

  /** Kills the driver's SSH server and all its connections; a new one starts at once. */
  async restartSshd(): Promise<void> {
    await this.succeed(`/etc/kill-driver-sshd; ${LISTENS}`)
  }

  #createDisks(): readonly Required<MachineDisk>[] {
    const disks = this.#options.disks ?? USUAL_DISKS
    return disks.map(({ sizeBytes, sectorBytes = 512, file }, index) => ({
      ...{ sizeBytes, sectorBytes },
      file: this.image(index, sizeBytes, file),
    }))
  }
}

const nameOf = ({ name = 'storage' }: MachineOptions) => name

const LISTENS = 'until netstat -ltn | grep -q ":22 "; do sleep 0.1; done'

async function newPorts(): Promise<MachinePorts> {
  const [driver = 0, own = 0, nbd = 0] = await freePorts(3)
  return { driver, own, nbd }
}
