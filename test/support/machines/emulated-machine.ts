// A machine in QEMU that belongs to a directory: its process, console, disks and pools. Disks, keys
// and ports stay the same over every start.

import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../commands.ts'
import { Daemons } from '../daemons.ts'
import type { Outcome } from './own-hand.ts'

export interface EmulatedMachineOptions {
  readonly directory: string
  /** For messages. */
  readonly name: string
  /** What its console says once it is of use. */
  readonly ready: string
  readonly bootMs: number
  readonly stopMs: number
}

const PROJECT = join(import.meta.dirname, '../../..')

/** Where a suite of this clone keeps its machines: short, for the sake of sockets. */
export function machinesDirectory(suite: string): string {
  const clone = createHash('sha256').update(PROJECT).digest('hex').slice(0, 8)
  return `/tmp/ldom-${suite}-${clone}`
}

/**
 * The directory of a machine, a new one if none is given, with the ports that it got once. The path
 * has to be short: sockets are in it.
 */
export async function openDirectory<Ports>(
  { suite, directory }: { readonly suite: string; readonly directory: string | undefined },
  newPorts: () => Promise<Ports>,
): Promise<{ readonly directory: string; readonly ports: Ports }> {
  const at = directory ?? mkdtempSync(join(tmpdir(), `ldom-${suite}-`))
  mkdirSync(at, { recursive: true, mode: 0o700 })
  const record = join(at, 'ports.json')
  if (!existsSync(record)) writeFileSync(record, JSON.stringify(await newPorts()))
  return { directory: at, ports: JSON.parse(readFileSync(record, 'utf8')) }
}

export abstract class EmulatedMachine {
  protected readonly directory: string
  readonly #options: EmulatedMachineOptions
  readonly #daemons: Daemons

  constructor(options: EmulatedMachineOptions) {
    this.directory = options.directory
    this.#options = options
    this.#daemons = new Daemons(options.directory)
  }

  /** Runs a line of the machine's shell as root, through the SSH server of the tests. */
  abstract root(line: string, input?: string): Promise<Outcome>

  /** Standard output of `root`; anything but status 0 is an error. */
  abstract succeed(line: string, input?: string): Promise<string>

  /** Prepares a start, and returns its command line. */
  protected abstract prepare(): Promise<readonly string[]>

  /** Ends the tests' own connections. */
  protected abstract disconnect(): void

  /** What is still to be done once it answers. */
  protected async started(): Promise<void> {}

  get isRunning(): boolean {
    return this.#daemons.isRunning('qemu')
  }

  /** Returns when the machine has imported its pools and answers. Already running is success. */
  async boot(): Promise<void> {
    if (this.isRunning) return
    const command = await this.prepare()
    rmSync(this.consoleFile, { force: true })
    this.#daemons.start('qemu', command)
    const { name, bootMs } = this.#options
    const what = `the start of ${name}, see ${this.consoleFile}`
    await waitFor({ what, limitMs: bootMs, everyMs: 100 }, () => this.#isUp()).catch(
      async error => {
        await this.kill()
        throw error
      },
    )
    await this.started()
  }

  async #isUp(): Promise<boolean> {
    if (!this.isRunning) throw new Error(readFileSync(this.#daemons.log('qemu'), 'utf8'))
    if (!this.console().includes(this.#options.ready)) return false
    return (await this.root('true')).status === 0
  }

  /** Exports the pools and switches the machine off. */
  async stop(): Promise<void> {
    if (!this.isRunning) return
    await this.root('poweroff')
    const gone = async () => !this.isRunning
    const { name, stopMs } = this.#options
    const wait = { what: `the end of ${name}`, limitMs: stopMs, everyMs: 50 }
    await waitFor(wait, gone).catch(() => {})
    await this.kill()
  }

  /** A power failure: nothing is told. What the disks were given stays. */
  async kill(): Promise<void> {
    await this.#daemons.end('qemu', 'SIGKILL')
    this.disconnect()
  }

  /** Ends the machine, and removes everything that it had; not disks with a place of their own. */
  async remove(): Promise<void> {
    this.disconnect()
    await EmulatedMachine.removeAt(this.directory)
  }

  /** The same for whatever machine has the directory. No machine is success. */
  static async removeAt(directory: string): Promise<void> {
    if (!existsSync(directory)) return
    await new Daemons(directory).end('qemu', 'SIGKILL')
    // The clients of OpenSSH end now, too, and remove their sockets. A socket that goes during the
    // removal ends that, and it is said to have succeeded.
    await waitFor({ what: `the removal of ${directory}`, everyMs: 50 }, async () => {
      rmSync(directory, { recursive: true, force: true })
      return !existsSync(directory)
    })
  }

  /** `layout` names disks as in `/dev/disk/by-id`, in the words of `zpool create`. */
  async createPool(name: string, layout: string): Promise<void> {
    // zpool partitions the disks and does not always wait long enough for udev on a busy machine.
    const create = `zpool create -f ${name} ${layout}`
    const again = `for i in 1 2 3 4 5; do ${create} && exit; udevadm settle; done; exit 1`
    await this.succeed(`cd /dev/disk/by-id; ${again}`)
  }

  /** Booted, with the pool `tank` on its first disk. */
  async bootWithPool(): Promise<void> {
    await this.boot()
    if ((await this.root('zpool list tank')).status !== 0) {
      await this.createPool('tank', 'virtio-disk0')
    }
  }

  console(): string {
    return existsSync(this.consoleFile) ? readFileSync(this.consoleFile, 'utf8') : ''
  }

  protected get consoleFile(): string {
    return join(this.directory, 'console.log')
  }

  /** OpenZFS writes it into its pools, and imports those of another one only by force. */
  protected get hostId(): Uint8Array {
    return createHash('sha256').update(this.directory).digest().subarray(0, 4)
  }

  /** The image of a disk, made once and sparse; at `file` if it has a place of its own. */
  protected image(index: number, sizeBytes: number, file?: string): string {
    const image = file ?? join(this.directory, `disk${index}.img`)
    if (!existsSync(image)) {
      writeFileSync(image, '', { mode: 0o600 })
      truncateSync(image, sizeBytes)
    }
    return image
  }
}
