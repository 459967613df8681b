// The generation of each block of a dataset, from which the simulator knows how much two datasets
// share. The bytes themselves are in a Store.

import type { Metadata } from './empty.ts'

let nextGeneration = 1

type Own = Readonly<Record<'metadata' | 'clone', Metadata>>

export class Content {
  readonly #own: Own
  readonly #blockBytes: number
  #metadata = nextGeneration++
  #blocks = new Map<number, number>()
  /** The part of the metadata that a clone took anew. Undefined in all that are no such clones. */
  #anew: number | undefined

  constructor(own: Own, blockBytes: number) {
    this.#own = own
    this.#blockBytes = blockBytes
  }

  copy(): Content {
    const copy = new Content(this.#own, this.#blockBytes)
    copy.#metadata = this.#metadata
    copy.#blocks = new Map(this.#blocks)
    copy.#anew = this.#anew
    return copy
  }

  /** What was written takes two copies of one block anew when it is cloned (recorded). */
  clone(): Content {
    const clone = this.copy()
    if (this.#blocks.size > 0) clone.#anew = nextGeneration++
    return clone
  }

  get bytes(): number {
    return this.bytesNotIn([])
  }

  /** Data before compression, and one copy of the metadata. */
  get logicalBytes(): number {
    return this.logicalBytesNotIn([])
  }

  /** Bytes to which none of the others refers. */
  bytesNotIn(others: readonly Content[]): number {
    return this.#metadataNotIn(others, 'bytes') + this.#dataNotIn(others)
  }

  logicalBytesNotIn(others: readonly Content[]): number {
    return this.#metadataNotIn(others, 'logicalBytes') + this.#dataNotIn(others)
  }

  #metadataNotIn(others: readonly Content[], count: keyof Metadata): number {
    const isShared = others.some(other => other.#metadata === this.#metadata)
    const isAnew = this.#anew !== undefined && !others.some(other => other.#anew === this.#anew)
    const { metadata, clone } = this.#own
    return (isShared ? 0 : metadata[count]) + (isAnew ? clone[count] : 0)
  }

  #dataNotIn(others: readonly Content[]): number {
    if (others.length === 0) return this.#blocks.size * this.#blockBytes
    let bytes = 0
    for (const [index, generation] of this.#blocks) {
      if (!others.some(other => other.#blocks.get(index) === generation)) bytes += this.#blockBytes
    }
    return bytes
  }

  /** Blocks that this write would allocate, because they are absent or shared with `previous`. */
  newBlocks(offset: number, length: number, previous: Content | undefined): readonly number[] {
    const fresh: number[] = []
    const last = Math.floor((offset + length - 1) / this.#blockBytes)
    for (let index = Math.floor(offset / this.#blockBytes); index <= last; index++) {
      const generation = this.#blocks.get(index)
      if (
        generation === undefined ||
        (previous !== undefined && previous.#blocks.get(index) === generation)
      ) {
        fresh.push(index)
      }
    }
    return fresh
  }

  renew(blocks: readonly number[]): void {
    for (const index of blocks) this.#blocks.set(index, nextGeneration++)
    if (blocks.length > 0) this.renewMetadata()
  }

  /** What the dataset keeps of itself is written anew. */
  renewMetadata(): void {
    this.#metadata = nextGeneration++
    this.#anew = undefined
  }

  /** Drops the blocks beyond the new end. */
  truncate(sizeBytes: number): void {
    for (const index of [...this.#blocks.keys()]) {
      if (index * this.#blockBytes >= sizeBytes) this.#blocks.delete(index)
    }
  }
}

/** Bytes to which at least one of `contents` refers, and none of `others`. */
export function unionBytesNotIn(
  contents: readonly Content[],
  others: readonly Content[],
  kind: 'bytesNotIn' | 'logicalBytesNotIn' = 'bytesNotIn',
): number {
  let bytes = 0
  const before = [...others]
  for (const content of contents) {
    bytes += content[kind](before)
    before.push(content)
  }
  return bytes
}
