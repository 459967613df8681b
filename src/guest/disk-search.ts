// Finds the disk with a given number. Rejects a disk that cannot be the volume's: one the guest
// cannot name or address, or one that is too small.

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

  /** Waits for the disk. The guest creates device nodes a moment after the disk is attached. */
  async wait(wanted: WantedDisk, signal?: AbortSignal): Promise<GuestDevice> {
    this.#checkLimits(wanted)
    const looks = { failed: 0 }
    try {
      return await this.#lookUntilThere(wanted, looks, signal)
    } catch (error) {
      // A caller whose deadline has passed is told what was seen, not that it has passed.
      if (signal?.aborted && looks.failed > 0 && !(error instanceof Refusal)) throw missing()
      throw error
    }
  }

  // Not `until`: leftover names of a removed disk must be cleared before the pause, because the new
  // disk may appear during it.
  async #lookUntilThere(
    { slot, sizeBytes }: WantedDisk,
    looks: { failed: number },
    signal?: AbortSignal,
  ): Promise<GuestDevice> {
    const deadline = this.#clock.nowMs() + this.#waitForDiskMs
    for (;;) {
      const sighting = await this.#disks.find(slot, sizeBytes, signal)
      if (sighting.kind === 'present') return checkSize(sighting.device, sizeBytes)
      looks.failed += 1
      if (this.#clock.nowMs() >= deadline) throw missing()
      // The first look after attaching is often too early. Ask the operating system to search only
      // when the second look fails, or when a leftover name is in the way.
      if (looks.failed === 2 || sighting.kind === 'stale') {
        await this.#disks.discover(sighting.kind, signal)
      }
      await this.#clock.sleep(POLL_MS, signal)
    }
  }

  /** Looks once: the disk was found before. */
  async find(wanted: WantedDisk, signal?: AbortSignal): Promise<GuestDevice> {
    this.#checkLimits(wanted)
    const sighting = await this.#disks.find(wanted.slot, wanted.sizeBytes, signal)
    if (sighting.kind !== 'present') throw missing()
    return checkSize(sighting.device, wanted.sizeBytes)
  }

  #checkLimits({ slot, sizeBytes }: WantedDisk): void {
    const { first, last } = this.#disks.slots
    if (slot < first || slot > last) {
      throw new Refusal('out-of-range', `this guest can only name disks ${first} to ${last}`)
    }
    const limit = this.#disks.maximumSizeBytes
    if (limit !== undefined && sizeBytes > limit) {
      throw new Refusal(
        'out-of-range',
        `${sizeBytes} bytes; this guest misreads disks over ${limit} bytes and would damage them`,
      )
    }
  }
}

function missing(): Refusal {
  return new Refusal(
    'unavailable',
    'the guest does not show the disk; check that it is attached to the guest where this node ' +
      'plugin works, and that its service domain is up',
  )
}

function checkSize(device: GuestDevice, sizeBytes: number): GuestDevice {
  if (device.sizeBytes >= sizeBytes) return device
  throw new Refusal(
    'failed-precondition',
    `${device.blockPath} has ${device.sizeBytes} bytes, the volume ${sizeBytes}: it may be ` +
      "another disk, or the guest still sees the disk's old size; detach and attach the volume",
  )
}
