// Collects what a command prints, up to a limit. Bytes become text as they arrive, so that a long
// listing is not kept twice. A character may be split between two chunks.

import { StringDecoder } from 'node:string_decoder'

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

export class Output {
  readonly #decoder = new StringDecoder('utf8')
  #text = ''
  #sizeBytes = 0

  /** False once the stream is over its limit. */
  add(chunk: Buffer): boolean {
    this.#sizeBytes += chunk.length
    if (this.#sizeBytes > MAX_OUTPUT_BYTES) return false
    this.#text += this.#decoder.write(chunk)
    return true
  }

  text(): string {
    return this.#text + this.#decoder.end()
  }
}
