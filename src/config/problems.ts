// Problems of a configuration file or a manifest: a key path and a sentence.

import type { z } from 'zod'

export interface ConfigProblem {
  /** Key path, e.g. `pools.gold.paths[1].vds`; '' for the file as a whole. */
  readonly path: string
  readonly message: string
}

export const UNKNOWN_KEY = 'is not a key this file may have'

/** A problem if `name` is a text that is not among the known names. */
export function unresolved(
  known: { has(name: string): boolean },
  path: string,
  { what, name }: { readonly what: string; readonly name: unknown },
): ConfigProblem[] {
  return typeof name !== 'string' || known.has(name)
    ? []
    : [{ path, message: `no ${what} is named ${JSON.stringify(name)}` }]
}

/** The problems that a schema found, one per key. Manifests use this too. */
export function schemaProblems(parsed: {
  readonly error?: z.ZodError | undefined
}): ConfigProblem[] {
  return (parsed.error?.issues ?? []).flatMap(issueProblems)
}

function formatKeyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number'
        ? `${text}[${key}]`
        : text === ''
          ? String(key)
          : `${text}.${String(key)}`,
    '',
  )
}

function issueProblems(issue: z.core.$ZodIssue): ConfigProblem[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => ({
        path: formatKeyPath([...issue.path, key]),
        message: UNKNOWN_KEY,
      }))
    case 'invalid_key':
      return issue.issues.map(inner => ({
        path: formatKeyPath(issue.path),
        message: inner.message,
      }))
    default:
      return [{ path: formatKeyPath(issue.path), message: inWords(issue) }]
  }
}

const TYPES: Readonly<Record<string, string>> = {
  record: 'a map of keys',
  object: 'a map of keys',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  null: 'nothing',
}

// Keeps messages that our schemas define. zod's own messages are for developers and are replaced.
function inWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const [, received] = /^Invalid input: expected .*, received (\w+)$/.exec(issue.message) ?? []
      if (received === undefined) return issue.message
      const wanted = TYPES[issue.expected] ?? issue.expected
      if (received === 'undefined') return `is missing; it is ${wanted}`
      return `is ${TYPES[received] ?? received} and must be ${wanted}`
    }
    case 'too_small':
      return issue.message.startsWith('Too small')
        ? outside(issue.inclusive === false ? 'more than' : 'at least', issue.minimum, issue.origin)
        : issue.message
    case 'too_big':
      return issue.message.startsWith('Too big')
        ? outside(issue.inclusive === false ? 'less than' : 'at most', issue.maximum, issue.origin)
        : issue.message
    default:
      return issue.message
  }
}

function outside(
  side: 'at least' | 'more than' | 'at most' | 'less than',
  bound: number | bigint,
  origin: string,
): string {
  if (origin === 'string') return `must have ${side} ${bound} characters`
  if (origin === 'array') {
    return `must have ${side} ${bound} ${Number(bound) === 1 ? 'entry' : 'entries'}`
  }
  return `must be ${side} ${bound}`
}
