// Parses the records of `ldm`'s machine-readable listings: a head, fields `key=value`, and
// continuation lines. Nothing is quoted, so a value may contain anything except `|`.

import { StorageError } from '../../errors.ts'

export type Fields = ReadonlyMap<string, string>
export interface ListedRecord {
  readonly head: string
  readonly fields: Fields
  readonly continuations: Fields[]
  /** The first line below it that belongs to no record. */
  stray: string | undefined
}

/** The records that the driver reads. All other records of a domain are skipped. */
const RECORD = /^(DOMAIN|VDS|VDISK)(?=\s|\||$)/
const VERSION = /^VERSION \d+\.\d+$/
const HEAD = /^[A-Z][A-Z0-9_-]*(?=\s|\||$)/
const NOTICE = /^(Notice|Note|Warning): /

// Yields one record at a time: a machine with a thousand disks has some eight thousand lines.
export function* parseRecords(stdout: string): Generator<ListedRecord> {
  const reader = new RecordReader()
  let isListing = false
  for (const line of linesOf(stdout)) {
    if (!isListing) {
      isListing = VERSION.test(line)
    } else if (line !== '') {
      const ended = reader.take(line)
      if (ended !== undefined) yield ended
    }
  }
  if (!isListing) refuse('no VERSION line')
  const last = reader.end()
  if (last !== undefined) yield last
}

/** Collects the lines of one record after the other. */
class RecordReader {
  #record: ListedRecord | undefined
  #isInNotice = false
  /** After a domain's VARIABLES record, a line without a head may be the text of a variable. */
  #hasVariables = false

  /** Takes the next line and returns the record that it ends. */
  take(line: string): ListedRecord | undefined {
    if (line.startsWith('|')) {
      this.#continue(line)
      return undefined
    }
    const head = RECORD.exec(line)?.[1] ?? (this.#hasVariables ? undefined : HEAD.exec(line)?.[0])
    if (head !== undefined) return this.#start(head, line)
    if (this.#hasVariables && HEAD.test(line)) return this.end()
    this.#takeText(line)
    return undefined
  }

  /** Returns the record that is being collected. */
  end(): ListedRecord | undefined {
    const ended = this.#record
    this.#record = undefined
    return ended
  }

  #continue(line: string): void {
    this.#isInNotice = false
    if (this.#record === undefined && !this.#hasVariables) {
      refuse('a continuation before any record')
    }
    this.#record?.continuations.push(parseFields(line.slice(1).split('|')))
  }

  #start(head: string, line: string): ListedRecord | undefined {
    const ended = this.end()
    this.#isInNotice = false
    if (head === 'DOMAIN') this.#hasVariables = false
    if (head === 'VARIABLES') {
      this.#hasVariables = true
    } else {
      const fields = parseFields(line.split('|').slice(1))
      this.#record = { head, fields, continuations: [], stray: undefined }
    }
    return ended
  }

  #takeText(line: string): void {
    if (NOTICE.test(line) || this.#isInNotice) {
      this.#isInNotice = true
    } else if (!this.#hasVariables) {
      refuse(`the line ${JSON.stringify(line.slice(0, 80))}`)
    } else if (this.#record !== undefined) {
      this.#record.stray ??= line
    }
  }
}

function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('\n', at)
    const end = next < 0 ? text.length : next
    yield text.slice(at, end).trimEnd()
    at = end + 1
  }
}

// Only the first `=` separates, because values of variables may contain more. A bare word is a key
// without a value.
function parseFields(fields: readonly string[]): Fields {
  return new Map(
    fields.map(field => {
      const at = field.indexOf('=')
      return at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)]
    }),
  )
}

export function refuse(what: string): never {
  throw new StorageError('internal', `ldm listing not understood: ${what}`)
}
