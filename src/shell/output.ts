// What a command prints, gathered up to a limit. It becomes text as it comes, so that the bytes of
// a long listing are not kept beside its text; a character may be split between two chunks.

import { StringDecoder } from 'node:string_decoder'

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

export class Output {
  readonly #decoder = new StringDecoder('utf8')
  #text = ''
  #sizeBytes = 0

  /** False once both streams' limit is passed. */
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
