// Reads YAML: the value of a text, or its mistake in the words of the file. The parser's own words
// are for developers.

import type { Document } from 'yaml'

const ALIASES = 100

/** What the parser says, and what the user is told instead. */
const WORDS: readonly (readonly [said: RegExp, told: string])[] = [
  // The parser recurses at every level.
  [/^Maximum call stack.*/, 'is nested too deeply'],
  [
    /^Source contains multiple documents;.*?( at line \d+, column \d+)?:?$/,
    'has a second document$1 and may have only one',
  ],
  [/^Unresolved alias .*: (.*)$/, 'the alias *$1 has no anchor &$1 above it'],
  [/^Excessive alias count.*/, 'has nested aliases that expand to too much'],
  [
    /^Merge sources must be .*/,
    'the value of "<<" must be a map, an alias of one, or a list of these',
  ],
]

/** The first line of the message, in our words where we have some. */
export function describeYamlError({ message }: Error): string {
  const [line = message] = message.split('\n')
  const [said, told] = WORDS.find(([pattern]) => pattern.test(line)) ?? []
  if (said !== undefined && told !== undefined) return line.replace(said, told)
  // The colon introduces an excerpt in the lines that are dropped.
  return line.replace(/:$/, '')
}

/** For a document that parsed without errors. Only aliases and merged maps are resolved here. */
export function readValue(
  document: Pick<Document, 'toJS'>,
): { readonly value: unknown } | { readonly problem: string } {
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: ALIASES })
  } catch (error) {
    // No code of ours runs inside, so any error is about the text.
    if (!(error instanceof Error)) throw error
    return { problem: describeYamlError(error) }
  }
  return holdsItself(value, { above: new Set(), done: new Set() })
    ? { problem: 'an alias contains itself' }
    : { value }
}

interface Walk {
  readonly above: Set<object>
  /** Values already checked: aliases lead to the same value many times. */
  readonly done: Set<object>
}

function holdsItself(value: unknown, walk: Walk): boolean {
  if (typeof value !== 'object' || value === null || walk.done.has(value)) return false
  if (walk.above.has(value)) return true
  walk.above.add(value)
  const found = Object.values(value).some(each => holdsItself(each, walk))
  walk.above.delete(value)
  walk.done.add(value)
  return found
}
