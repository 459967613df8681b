// Finds the disk of a number, and refuses one that cannot be the volume's: beyond what the guest
// can name or address, or too small.

import type { Clock } from '../clock.ts'
import type { Disks, GuestDevice } from './platform.ts'
import { Refusal } from './refusal.ts'

const WAIT_FOR_DISK_MS = 30_000
const POLL_MS = 1_000

interface WantedDisk {
  readonly slot: number
  readonly sizeBytes: number
}

type Searched = Pick<Disks, 'slots' | 'maximumSizeBytes' | 'find' | 'discover'>

export class DiskSearch {
  readonly #disks: Searched
  readonly #clock: Clock
  readonly #waitForDiskMs: number

  constructor(options: {
    readonly disks: Searched
    readonly clock: Clock
    readonly waitForDiskMs?: number
  }) {
    this.#disks = options.disks
    this.#clock = options.clock
    this.#waitForDiskMs = options.waitForDiskMs ?? WAIT_FOR_DISK_MS
  }

  /** The disk, which may still be on its way: device nodes follow an attachment by a moment. */
  async wait(wanted: WantedDisk, signal?: AbortSignal): Promise<GuestDevice> {
    const { slot, sizeBytes } = wanted
    this.#checkLimits(wanted)
    // Not `until`: names of a former disk have to go before the pause in which the next one comes.
    const deadline = this.#clock.nowMs() + this.#waitForDiskMs
    for (let look = 0; ; look += 1) {
      const sighting = await this.#disks.find(slot, sizeBytes, signal)
      if (sighting.kind === 'present') return checkSize(sighting.device, sizeBytes)
      if (this.#clock.nowMs() >= deadline) throw missing()
      // The first look after the attachment is often too early; the operating system is asked only
      // when a second fails.
      if (look === 1 || sighting.kind === 'stale') {
        await this.#disks.discover(sighting.kind, signal)
      }
      await this.#clock.sleep(POLL_MS, signal)
    }
  }

  /** The disk, which was there before. */
  async find(wanted: WantedDisk, signal?: AbortSignal): Promise<GuestDevice> {
    this.#checkLimits(wanted)
    const sighting = await this.#disks.find(wanted.slot, wanted.sizeBytes, signal)
    if (sighting.kind !== 'present') throw missing()
    return checkSize(sighting.device, wanted.sizeBytes)
  }

  #checkLimits({ slot, sizeBytes }: WantedDisk): void {
    const { first, last } = this.#disks.slots
    if (slot < first || slot > last) {
      throw new Refusal('out-of-range', `this guest can name disks ${first} to ${last} only`)
    }
    const limit = this.#disks.maximumSizeBytes
    if (limit !== undefined && sizeBytes > limit) {
      throw new Refusal(
        'out-of-range',
        `${sizeBytes} bytes; this guest would see a disk over ${limit} bytes wrongly and damage it`,
      )
    }
  }
}

function missing(): Refusal {
  return new Refusal(
    'unavailable',
    'the guest does not show the disk; see whether it is attached and its service domain is up',
  )
}

function checkSize(device: GuestDevice, sizeBytes: number): GuestDevice {
  if (device.sizeBytes >= sizeBytes) return device
  throw new Refusal(
    'failed-precondition',
    `${device.blockPath} has ${device.sizeBytes} bytes, the volume ${sizeBytes}: it may be ` +
      'another disk, or one that the guest must look at anew; detach and attach the volume',
  )
}
