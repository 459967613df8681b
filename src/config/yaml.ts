// A text as YAML: its value, or what is wrong with it in words of the file. The reader's own words
// are for who calls it.

import type { Document } from 'yaml'

const ALIASES = 100

/** What the reader says, and what a person is told instead. */
const WORDS: readonly (readonly [said: RegExp, told: string])[] = [
  // The reader calls itself for every level.
  [/^Maximum call stack.*/, 'is nested too deeply'],
  [
    /^Source contains multiple documents;.*?( at line \d+, column \d+)?:?$/,
    'has a second document$1 and may have only one',
  ],
  [/^Unresolved alias .*: (.*)$/, 'the alias *$1 has no anchor &$1 above it'],
  [/^Excessive alias count.*/, 'has aliases of aliases that stand for too much'],
  [
    /^Merge sources must be .*/,
    'the value of "<<" must be a map, an alias of one, or a list of these',
  ],
]

/** In a line. */
export function describeYamlError({ message }: Error): string {
  const [line = message] = message.split('\n')
  const [said, told] = WORDS.find(([pattern]) => pattern.test(line)) ?? []
  if (said !== undefined && told !== undefined) return line.replace(said, told)
  // The colon announces the excerpt in the lines that are cut off here.
  return line.replace(/:$/, '')
}

/** Of a document whose text has no error: aliases and merged maps are only looked up here. */
export function readValue(
  document: Pick<Document, 'toJS'>,
): { readonly value: unknown } | { readonly problem: string } {
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: ALIASES })
  } catch (error) {
    // Nothing of ours runs in there: whatever it throws is said of the text.
    if (!(error instanceof Error)) throw error
    return { problem: describeYamlError(error) }
  }
  return holdsItself(value, { above: new Set(), done: new Set() })
    ? { problem: 'an alias stands inside of what it stands for' }
    : { value }
}

interface Walk {
  readonly above: Set<object>
  /** Looked at already: aliases make many ways to the same value. */
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
