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
    for (const { letter, attached } of lettersOf(word, letters)) {
      if (!isKnown(letter, letters)) return { kind: 'unknown-option', letter }
      // Without text after the letter the argument is the next word.
      const value = attached === '' ? args[++at] : (attached ?? '')
      if (value === undefined) return { kind: 'missing-argument', letter }
      options.push({ letter, value })
    }
  }
  return { kind: 'parsed', options, operands: args.slice(at) }
}

/** The letters of a word like `-pso`. The rest of the word belongs to a letter with an argument. */
function lettersOf(
  word: string,
  letters: string,
): readonly { readonly letter: string; readonly attached?: string }[] {
  const characters = [...word.slice(1)]
  const at = characters.findIndex(letter => takesArgument(letter, letters))
  if (at < 0) return characters.map(letter => ({ letter }))
  const flags = characters.slice(0, at).map(letter => ({ letter }))
  return [...flags, { letter: word.charAt(at + 1), attached: word.slice(at + 2) }]
}

function isKnown(letter: string, letters: string): boolean {
  return letter !== ':' && letters.includes(letter)
}

function takesArgument(letter: string, letters: string): boolean {
  return isKnown(letter, letters) && letters[letters.indexOf(letter) + 1] === ':'
}
