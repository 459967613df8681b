// A zvol in the kernel of the storage host: bytes, size, and who has its device open. Paths and
// permissions are elsewhere.

import { DeviceError } from '../devices.ts'
import type { Store } from '../store.ts'

export class SimVolume {
  store: Store
  readonly blockSize: number
  /** Linux creates the node some time after the volume. */
  readonly nodeAppearsMs: number
  readonly #holders = new Map<number, { readonly holder: string; readonly exclusive: boolean }>()
  #nextHolder = 0

  constructor(options: { store: Store; blockSize: number; nodeAppearsMs: number }) {
    this.store = options.store
    this.blockSize = options.blockSize
    this.nodeAppearsMs = options.nodeAppearsMs
  }

  get isOpen(): boolean {
    return this.#holders.size > 0
  }

  get holders(): readonly string[] {
    return [...this.#holders.values()].map(({ holder }) => holder)
  }

  /** An exclusive holder excludes all others, and others exclude it (source: illumos zvol.c). */
  open(holder: string, exclusive: boolean): () => void {
    const others = [...this.#holders.values()]
    const refusing = exclusive ? others[0] : others.find(other => other.exclusive)
    if (refusing) throw new DeviceError('EBUSY', `held by ${refusing.holder}`)
    const key = this.#nextHolder++
    this.#holders.set(key, { holder, exclusive })
    return () => this.#holders.delete(key)
  }
}
