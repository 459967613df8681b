// Parses the arguments of one ldm subcommand: options, then key=value properties, then operands. As
// with the real program, anything unknown is an error.

import { LdmFailure, TEXTS } from './texts.ts'

export interface Grammar {
  /** Letters of options without a value. */
  readonly flags: string
  /** Letters of options with a value. */
  readonly values?: string
  readonly properties?: readonly string[]
  /** Minimum and maximum number of operands. */
  readonly operands: readonly [number, number]
}

export interface Arguments {
  readonly flags: ReadonlySet<string>
  readonly values: ReadonlyMap<string, string>
  readonly properties: ReadonlyMap<string, string>
  readonly operands: readonly string[]
}

export function parseArguments(args: readonly string[], grammar: Grammar): Arguments {
  const rest = [...args]
  const { flags, values } = takeOptions(rest, grammar)
  const properties = takeProperties(rest, grammar.properties ?? [])
  const [fewest, most] = grammar.operands
  if (rest.length < fewest) throw new LdmFailure(TEXTS.usage('missing operand'))
  if (rest.length > most) throw new LdmFailure(TEXTS.usage(`unexpected operand ${rest[most]}`))
  return { flags, values, properties, operands: rest }
}

/** Takes the options from the front of `rest`. */
function takeOptions(rest: string[], grammar: Grammar): Pick<Arguments, 'flags' | 'values'> {
  const flags = new Set<string>()
  const values = new Map<string, string>()
  while (rest[0]?.startsWith('-')) {
    for (const letter of (rest.shift() ?? '').slice(1)) {
      if (grammar.values?.includes(letter)) values.set(letter, rest.shift() ?? '')
      else if (grammar.flags.includes(letter)) flags.add(letter)
      else throw new LdmFailure(TEXTS.usage(`unrecognized option -${letter}`))
    }
  }
  return { flags, values }
}

/** Takes the known properties from the front of `rest`. */
function takeProperties(rest: string[], known: readonly string[]): Arguments['properties'] {
  const properties = new Map<string, string>()
  for (;;) {
    const [, key, value] = /^([a-z-]+)=(.*)$/s.exec(rest[0] ?? '') ?? []
    if (key === undefined || !known.includes(key)) return properties
    properties.set(key, value ?? '')
    rest.shift()
  }
}
