// A command line as the login shell of a simulated host reads it: assignments, words, quotes,
// `env`. Expansion, pipes and lists are not modelled, and fail: if the simulator guessed at them,
// tests would prove nothing.

export type ParsedLine =
  | {
      readonly kind: 'command'
      readonly assignments: readonly string[]
      readonly argv: readonly string[]
    }
  | { readonly kind: 'empty' }
  | { readonly kind: 'error'; readonly message: string; readonly exitStatus: number }

// Unquoted characters that make a Bourne shell do more than split words.
const UNQUOTED_SPECIAL = new Set('|&;<>()$`*?[#~\n')
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/

interface Word {
  text: string
  /** Position of the first quoted character: the name in an assignment must be unquoted. */
  quotedAt: number | undefined
}

/** The family of the shell: Bourne or C. */
export type LoginShell = 'sh' | 'csh'

/** The command that a host runs for a line. `env` and its assignments are not part of `argv`. */
export function parseLine(line: string, shell: LoginShell = 'sh'): ParsedLine {
  const refusal = shell === 'csh' ? refusalOfCsh(line) : undefined
  if (refusal !== undefined) return { kind: 'error', message: refusal, exitStatus: 1 }
  const parsed = parseWords(line)
  if (parsed.kind !== 'command' || parsed.argv[0] !== '/usr/bin/env') return parsed
  const program = parsed.argv.findIndex((word, index) => index > 0 && !ASSIGNMENT.test(word))
  const end = program < 0 ? parsed.argv.length : program
  return {
    kind: 'command',
    assignments: [...parsed.assignments, ...parsed.argv.slice(1, end)],
    argv: parsed.argv.slice(end),
  }
}

// Observed with tcsh 6.24.07. An operator recorded the last message of csh, too, for
// `LC_ALL=C df -h`.
function refusalOfCsh(line: string): string | undefined {
  const event = /(?:^|[^\\])!([^\s=~(\\]+)/.exec(line)
  if (event) return `${event[1]}: Event not found.\n`
  if (line.includes('\n')) return "Unmatched '''.\n"
  const [program = ''] = line.split(/\s+/)
  return ASSIGNMENT.test(program) ? `${program}: Command not found.\n` : undefined
}

function parseWords(line: string): ParsedLine {
  const words: Word[] = []
  let word: Word | undefined
  const characters = [...line]
  for (let at = 0; at < characters.length; at++) {
    if (characters[at] === ' ' || characters[at] === '\t') {
      if (word) words.push(word)
      word = undefined
      continue
    }
    const piece = pieceAt(characters, at)
    if (piece.kind === 'error') return piece
    at = piece.end
    if (piece.kind === 'nothing') continue
    word ??= { text: '', quotedAt: undefined }
    if (piece.kind === 'quoted') word.quotedAt ??= word.text.length
    word.text += piece.text
  }
  if (word) words.push(word)
  return split(words)
}

/** A part of a word; `end` is the position of its last character. */
type Piece =
  | { readonly kind: 'plain' | 'quoted'; readonly text: string; readonly end: number }
  | { readonly kind: 'nothing'; readonly end: number }
  | Failure

function pieceAt(characters: readonly string[], at: number): Piece {
  const character = characters[at] ?? ''
  if (character === "'") {
    const end = characters.indexOf("'", at + 1)
    if (end < 0) return failure("unterminated quoted string: '")
    return { kind: 'quoted', text: characters.slice(at + 1, end).join(''), end }
  }
  if (character === '"') return doubleQuoted(characters, at + 1)
  if (character === '\\') {
    const next = characters[at + 1] ?? '\\'
    // A backslash before a newline joins the lines (POSIX sh, 2.2.1).
    if (next === '\n') return { kind: 'nothing', end: at + 1 }
    return { kind: 'quoted', text: next, end: at + 1 }
  }
  if (!UNQUOTED_SPECIAL.has(character)) return { kind: 'plain', text: character, end: at }
  return failure(
    `'${character === '\n' ? '\\n' : character}' is shell syntax; the simulated host runs ` +
      'plain commands only',
  )
}

function split(words: readonly Word[]): ParsedLine {
  if (words.length === 0) return { kind: 'empty' }
  const isAssignment = (word: Word) =>
    ASSIGNMENT.test(word.text) && (word.quotedAt ?? word.text.length) >= word.text.indexOf('=') + 1
  const first = words.findIndex(word => !isAssignment(word))
  const program = first < 0 ? words.length : first
  return {
    kind: 'command',
    assignments: words.slice(0, program).map(word => word.text),
    argv: words.slice(program).map(word => word.text),
  }
}

type Failure = ParsedLine & { readonly kind: 'error' }
// In double quotes a backslash quotes only $ ` " \ and the newline (POSIX sh, 2.2.3).
function doubleQuoted(characters: readonly string[], start: number): Piece {
  let text = ''
  for (let at = start; at < characters.length; at++) {
    const character = characters[at] ?? ''
    const next = characters[at + 1]
    if (character === '"') return { kind: 'quoted', text, end: at }
    if (character === '$' || character === '`') {
      return failure(`'${character}' is shell syntax; the simulated host expands nothing`)
    }
    if (character === '\\' && next !== undefined && '$`"\\\n'.includes(next)) {
      if (next !== '\n') text += next
      at += 1
    } else text += character
  }
  return failure('unterminated quoted string: "')
}

function failure(reason: string): Failure {
  return { kind: 'error', message: `sh: syntax error: ${reason}\n`, exitStatus: 2 }
}
