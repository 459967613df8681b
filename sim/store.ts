// Random-access bytes of every simulated volume: in memory for tests, in sparse files for real
// block devices. A copy does not depend on its original, so the bytes of a snapshot never change.

import {
  closeSync,
  constants,
  copyFileSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'

export interface Store {
  readonly sizeBytes: number
  /** The file that holds the bytes; undefined for a store in memory. */
  readonly file: string | undefined
  /** Throws RangeError past the end. Bytes that were never written are zero. */
  read(offset: number, length: number): Buffer
  write(offset: number, bytes: Uint8Array): void
  /** New bytes are zero. Bytes that are cut off are lost. */
  resize(sizeBytes: number): void
  copy(): Store
  dispose(): void
}

const BLOCK = 4096

export class MemoryStore implements Store {
  readonly file = undefined
  #blocks: Map<number, Buffer>
  #sizeBytes: number

  constructor(sizeBytes: number, blocks: Map<number, Buffer> = new Map()) {
    this.#sizeBytes = sizeBytes
    this.#blocks = blocks
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  read(offset: number, length: number): Buffer {
    checkRange(offset, length, this.#sizeBytes)
    const result = Buffer.alloc(length)
    for (let at = 0; at < length; ) {
      const inBlock = (offset + at) % BLOCK
      const count = Math.min(BLOCK - inBlock, length - at)
      this.#blocks.get((offset + at - inBlock) / BLOCK)?.copy(result, at, inBlock, inBlock + count)
      at += count
    }
    return result
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(offset, bytes.length, this.#sizeBytes)
    for (let at = 0; at < bytes.length; ) {
      const inBlock = (offset + at) % BLOCK
      const count = Math.min(BLOCK - inBlock, bytes.length - at)
      const index = (offset + at - inBlock) / BLOCK
      // Copies of this store share its blocks, so a write replaces the block.
      const block = Buffer.from(this.#blocks.get(index) ?? Buffer.alloc(BLOCK))
      block.set(bytes.subarray(at, at + count), inBlock)
      this.#blocks.set(index, block)
      at += count
    }
  }

  resize(sizeBytes: number): void {
    if (sizeBytes < this.#sizeBytes) {
      const tail = sizeBytes % BLOCK
      const last = this.#blocks.get((sizeBytes - tail) / BLOCK)
      if (tail > 0 && last) {
        this.#blocks.set(
          (sizeBytes - tail) / BLOCK,
          Buffer.concat([last.subarray(0, tail), Buffer.alloc(BLOCK - tail)]),
        )
      }
      for (const index of [...this.#blocks.keys()]) {
        if (index * BLOCK >= sizeBytes) this.#blocks.delete(index)
      }
    }
    this.#sizeBytes = sizeBytes
  }

  copy(): Store {
    return new MemoryStore(this.#sizeBytes, new Map(this.#blocks))
  }

  dispose(): void {
    this.#blocks.clear()
  }
}

export class FileStore implements Store {
  readonly file: string
  #descriptor: number
  #sizeBytes: number
  #nextCopy = 0
  readonly #resized: () => void

  /** Opens or creates the sparse file and sets its size. `resized` is told of later sizes. */
  constructor(file: string, sizeBytes: number, resized: () => void = () => {}) {
    this.file = file
    this.#resized = resized
    this.#descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600)
    this.#sizeBytes = sizeBytes
    ftruncateSync(this.#descriptor, sizeBytes)
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  read(offset: number, length: number): Buffer {
    checkRange(offset, length, this.#sizeBytes)
    const result = Buffer.alloc(length)
    readSync(this.#descriptor, result, 0, length, offset)
    return result
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(offset, bytes.length, this.#sizeBytes)
    writeSync(this.#descriptor, bytes, 0, bytes.length, offset)
  }

  resize(sizeBytes: number): void {
    ftruncateSync(this.#descriptor, sizeBytes)
    this.#sizeBytes = sizeBytes
    this.#resized()
  }

  // The copy contains everything that was written to a loop device over the file, as both use the
  // same cached pages. The guest does nothing during the copy. Like a real snapshot the copy is
  // crash-consistent. It has what a program in the guest has synced, and lacks what the guest's
  // kernel still holds back. The file system's log makes it consistent.
  copy(): Store {
    const target = `${this.file}.${process.hrtime.bigint().toString(36)}.${this.#nextCopy++}`
    copyFileSync(this.file, target, constants.COPYFILE_FICLONE)
    return new FileStore(target, this.#sizeBytes, this.#resized)
  }

  dispose(): void {
    closeSync(this.#descriptor)
    rmSync(this.file, { force: true })
  }
}

function checkRange(offset: number, length: number, sizeBytes: number): void {
  if (offset < 0 || length < 0 || offset + length > sizeBytes) {
    throw new RangeError(`bytes ${offset}+${length} are outside a store of ${sizeBytes}`)
  }
}
