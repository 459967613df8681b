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
const HEAD = /^[A-Z][A-Z0-9_-]*(?=\s|\||$)/
const NOTICE = /^(Notice|Note|Warning): /

// Yields one record at a time: a machine with a thousand disks has some eight thousand lines.
export function* parseRecords(stdout: string): Generator<ListedRecord> {
  let isListing = false
  let record: ListedRecord | undefined
  let isInNotice = false
  // After a domain's VARIABLES record, a line without a head may be the text of a variable.
  let hasVariables = false
  for (const untrimmed of linesOf(stdout)) {
    const line = untrimmed.trimEnd()
    if (!isListing) {
      isListing = /^VERSION \d+\.\d+$/.test(line)
      continue
    }
    if (line === '') continue
    const isContinuation = line.startsWith('|')
    const head =
      RECORD.exec(line)?.[1] ?? (hasVariables || isContinuation ? undefined : HEAD.exec(line)?.[0])
    if (head !== undefined || isContinuation) isInNotice = false
    if (isContinuation && !hasVariables && record === undefined) {
      refuse('a continuation before any record')
    }
    if (isContinuation) {
      record?.continuations.push(parseFields(line.slice(1).split('|')))
    } else if (head !== undefined || (hasVariables && HEAD.test(line))) {
      if (record !== undefined) yield record
      record = undefined
      if (head === 'DOMAIN') hasVariables = false
      if (head === 'VARIABLES') hasVariables = true
      else if (head !== undefined) {
        record = {
          head,
          fields: parseFields(line.split('|').slice(1)),
          continuations: [],
          stray: undefined,
        }
      }
    } else if (NOTICE.test(line) || isInNotice) {
      isInNotice = true
    } else if (!hasVariables) {
      refuse(`the line ${JSON.stringify(line.slice(0, 80))}`)
    } else if (record !== undefined) {
      record.stray ??= line
    }
  }
  if (!isListing) refuse('no VERSION line')
  if (record !== undefined) yield record
}

function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('\n', at)
    const end = next < 0 ? text.length : next
    yield text.slice(at, end).replace(/\r$/, '')
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
