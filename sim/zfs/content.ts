// The generation of each block of a dataset, from which the simulator knows how much two datasets
// share. The bytes themselves are in a Store.

let nextGeneration = 1

export class Content {
  readonly #metadataBytes: number
  readonly #blockBytes: number
  #metadata: number
  #blocks: Map<number, number>

  constructor(
    metadataBytes: number,
    blockBytes: number,
    blocks: Map<number, number> = new Map(),
    metadata = nextGeneration++,
  ) {
    this.#metadataBytes = metadataBytes
    this.#blockBytes = blockBytes
    this.#blocks = blocks
    this.#metadata = metadata
  }

  copy(): Content {
    return new Content(this.#metadataBytes, this.#blockBytes, new Map(this.#blocks), this.#metadata)
  }

  get bytes(): number {
    return this.#metadataBytes + this.#blocks.size * this.#blockBytes
  }

  /** Before compression, which halves the metadata (recorded for blank ones). */
  get logicalBytes(): number {
    return this.logicalBytesNotIn([])
  }

  /** Bytes to which none of the others refers. */
  bytesNotIn(others: readonly Content[]): number {
    return this.#metadataNotIn(others) + this.#dataNotIn(others)
  }

  logicalBytesNotIn(others: readonly Content[]): number {
    return this.#metadataNotIn(others) / 2 + this.#dataNotIn(others)
  }

  #metadataNotIn(others: readonly Content[]): number {
    return others.some(other => other.#metadata === this.#metadata) ? 0 : this.#metadataBytes
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
