// What a command prints, gathered up to a limit. Text is decoded once at the end: a character may be split between two chunks.

export const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

export class Output {
  #chunks: Buffer[] = []
  #sizeBytes = 0

  /** False once both streams' limit is passed. */
  add(chunk: Buffer): boolean {
    this.#sizeBytes += chunk.length
    if (this.#sizeBytes > MAX_OUTPUT_BYTES) return false
    this.#chunks.push(chunk)
    return true
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }
}
