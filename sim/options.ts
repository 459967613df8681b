// Command line options as getopt(3) reads them. All simulated tools use it; the driver does not. An
// option that the tool does not name is an error, never ignored.

export type ParsedOptions =
  | {
      readonly kind: 'parsed'
      readonly options: readonly Option[]
      readonly operands: readonly string[]
    }
  | { readonly kind: 'unknown-option'; readonly letter: string }
  | { readonly kind: 'missing-argument'; readonly letter: string }

export interface Option {
  readonly letter: string
  /** Empty for an option without an argument. */
  readonly value: string
}

/**
 * `letters` as for getopt: in `b:o:ps`, b and o take an argument. Options end at the first operand
 * or at `--`.
 */
export function parseOptions(args: readonly string[], letters: string): ParsedOptions {
  const options: Option[] = []
  let at = 0
  for (; at < args.length; at++) {
    const word = args[at] ?? ''
    if (word === '--') {
      at += 1
      break
    }
    if (!word.startsWith('-') || word === '-') break
    for (let position = 1; position < word.length; position++) {
      const letter = word.charAt(position)
      const known = letter === ':' ? -1 : letters.indexOf(letter)
      if (known < 0) return { kind: 'unknown-option', letter }
      if (letters[known + 1] !== ':') {
        options.push({ letter, value: '' })
        continue
      }
      const attached = word.slice(position + 1)
      const value = attached === '' ? args[++at] : attached
      if (value === undefined) return { kind: 'missing-argument', letter }
      options.push({ letter, value })
      break
    }
  }
  return { kind: 'parsed', options, operands: args.slice(at) }
}
