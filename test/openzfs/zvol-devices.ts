// The zvols of a real storage host as devices of its simulated twin: what a simulated machine
// exports has the real bytes. An open export is a connection to the storage host's NBD server, which
// has the zvol open; here it is a file that nbdfuse makes.

import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DeviceError, type SimDevice } from '../../sim/devices.ts'
import type { StorageMachine } from './machine.ts'

const SECTOR = 512
const READY_MS = 30_000

export class ZvolDevices {
  readonly #directory: string
  readonly #devices = new Map<string, ZvolDevice>()
  readonly #machine: StorageMachine

  /** The files that nbdfuse makes are in the directory. */
  constructor(machine: StorageMachine, directory: string) {
    this.#machine = machine
    this.#directory = directory
    mkdirSync(directory, { recursive: true })
  }

  /** What a simulated host is asked for: the device of a path, undefined if there is none. */
  find(path: string): SimDevice | undefined {
    if (!path.startsWith('/dev/zvol/')) return undefined
    const known = this.#devices.get(path)
    if (known?.isOpen) return known
    if (sizeOf(this.#machine, path) === undefined) return undefined
    const device = new ZvolDevice(path, { machine: this.#machine, directory: this.#directory })
    this.#devices.set(path, device)
    return device
  }

  /** Closes whatever is open. */
  dispose(): void {
    for (const device of this.#devices.values()) device.dispose()
  }
}

interface Surroundings {
  readonly machine: StorageMachine
  readonly directory: string
}

class ZvolDevice implements SimDevice {
  readonly #path: string
  readonly #surroundings: Surroundings
  #opens = 0
  #connection: Connection | undefined

  constructor(path: string, surroundings: Surroundings) {
    this.#path = path
    this.#surroundings = surroundings
  }

  get isOpen(): boolean {
    return this.#opens > 0
  }

  /** The size now; a connection that began with another one is made anew. */
  get sizeBytes(): number {
    const size = sizeOf(this.#surroundings.machine, this.#path)
    if (size === undefined) throw new DeviceError('ENXIO', this.#path)
    return size
  }

  get file(): string {
    return this.#connected().file
  }

  open(): () => void {
    this.#opens += 1
    if (this.#opens === 1) this.#connected()
    let isClosed = false
    return () => {
      if (isClosed) return
      isClosed = true
      this.#opens -= 1
      if (this.#opens === 0) this.dispose()
    }
  }

  read(offset: number, length: number): Buffer {
    const result = Buffer.alloc(length)
    this.#transfer(offset + length, descriptor => readSync(descriptor, result, 0, length, offset))
    return result
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#transfer(offset + bytes.length, descriptor =>
      writeSync(descriptor, bytes, 0, bytes.length, offset),
    )
  }

  dispose(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  #connected(): Connection {
    this.#connection ??= new Connection(this.#path, {
      ...this.#surroundings,
      sizeBytes: this.sizeBytes,
    })
    return this.#connection
  }

  #transfer(end: number, work: (descriptor: number) => number): void {
    if (end > this.#connected().sizeBytes) {
      // NBD says the size once, at the beginning.
      this.dispose()
      if (end > this.#connected().sizeBytes) {
        throw new RangeError(`${this.#path} ends before ${end}`)
      }
    }
    const descriptor = openSync(this.#connected().file, constants.O_RDWR | constants.O_SYNC)
    try {
      work(descriptor)
    } catch (cause) {
      throw new DeviceError('EIO', `${this.#path}: ${cause}`)
    } finally {
      closeSync(descriptor)
    }
  }
}

/** One connection to the NBD server, as a file. */
class Connection {
  static #made = 0
  readonly file: string
  readonly sizeBytes: number

  constructor(path: string, setup: Surroundings & { readonly sizeBytes: number }) {
    const { machine, directory } = setup
    this.sizeBytes = setup.sizeBytes
    const name = createHash('sha256').update(path).digest('hex').slice(0, 16)
    machine.succeedAtOnce(`ln -sfn ${path} /run/exports/${name}`)
    const number = Connection.#made++
    this.file = join(directory, `${process.pid}-${number}`)
    const pidFile = `${this.file}.pid`
    writeFileSync(this.file, '')
    const url = `nbd://127.0.0.1:${machine.ports.nbd}/${name}`
    const child = spawn('nbdfuse', ['-P', pidFile, this.file, url], {
      stdio: 'inherit',
      detached: true,
    })
    child.unref()
    const endMs = Date.now() + READY_MS
    while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') {
      if (Date.now() > endMs) throw new DeviceError('EIO', `${path} was not connected`)
      pauseAtOnce(5)
    }
    rmSync(pidFile)
  }

  /**
   * The file is gone at once. The connection ends when the last loop device on it has been
   * detached, which a simulated guest does in the same command.
   */
  close(): void {
    execFileSync('fusermount3', ['-uz', this.file])
    rmSync(this.file)
  }
}

function sizeOf(machine: StorageMachine, path: string): number | undefined {
  const line = `cat /sys/class/block/$(basename "$(readlink -f ${path})")/size 2>/dev/null || true`
  const sectors = machine.succeedAtOnce(line).trim()
  return sectors === '' ? undefined : Number(sectors) * SECTOR
}

// Devices of the simulator answer at once, so whoever looks for one waits without other work.
function pauseAtOnce(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
