// Texts that callers control, at their worst, and what a command line may look like afterwards.

import fc from 'fast-check'
import { parseLine } from '../../../sim/words.ts'
import type { World } from '../../../sim/world.ts'
import { formatCommandLine } from '../../../src/shell/ssh/ssh.ts'

const NASTY = [
  ...[
    '-',
    '--',
    '-rf',
    '-o',
    '-V',
    '--help',
    '=',
    'a=b',
    '|',
    'a|b',
    ',',
    'a,b',
    '@',
    '#',
    '%',
    '%s%n',
    '~',
    ':',
    '+',
  ],
  ...[
    '$(reboot)',
    '`reboot`',
    '; reboot',
    '&& reboot',
    '| reboot',
    '> /etc/passwd',
    '$HOME',
    '*',
    '?',
    '[a-z]',
    '{a,b}',
    '!',
    '\\',
    "'",
    '"',
    "it's",
  ],
  ...[
    '../../..',
    '/',
    '//',
    '/etc',
    './-',
    ' ',
    ' leading',
    'trailing ',
    'two words',
    'a\nb',
    'a\tb',
    'a\rb',
    '\n',
    '\u0000',
    '\u0007',
    '\u001b[31m',
    '\u007f',
    '\u0085',
  ],
  ...[
    'é',
    '漢字',
    'עברית',
    'العربية',
    'ไทย',
    'हिन्दी',
    'Ωμέγα',
    '👩‍👩‍👧',
    '\u202e',
    '\ufeff',
    '\ufffd',
    'ﷺ',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'null',
    'undefined',
    'NaN',
    '0',
    'true',
    '[object Object]',
  ],
]

/** Text of so many bytes of UTF-8, in one script. */
function ofBytes(character: string, bytes: number): string {
  const text = character.repeat(Math.floor(bytes / Buffer.byteLength(character)))
  return text + 'x'.repeat(bytes - Buffer.byteLength(text))
}

const atTheLimit = fc
  .tuple(
    fc.constantFrom('a', 'é', '漢', '😀', '-', '|', "'"),
    fc.constantFrom(127, 128, 129, 4096, 5000),
  )
  .map(([character, bytes]) => ofBytes(character, bytes))

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.array(fc.constantFrom(...NASTY), { minLength: 2, maxLength: 6 }).map(parts => parts.join('')),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }).map(text => text.toWellFormed()),
  atTheLimit,
)

/** Names that CSI allows: up to 128 bytes, without its forbidden characters. */
export const legalName: fc.Arbitrary<string> = fc
  .oneof(
    hostileText,
    fc.constantFrom('a', 'é', '漢', '😀', 'ไ').map(character => ofBytes(character, 128)),
  )
  .filter(
    text =>
      text !== '' &&
      Buffer.byteLength(text) <= 128 &&
      !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/.test(text),
  )

/** What commands look like when nobody means ill: their options, and every text in them. */
export class HonestCommands {
  readonly #options: ReadonlySet<string>
  readonly #words: string

  constructor(world: World) {
    const words = world.timeline.commands.flatMap(({ argv }) => argv)
    this.#options = new Set(words.filter(word => word.startsWith('-')))
    this.#words = words.join('\u0000')
  }

  /**
   * Of the commands since `from`: no option that no honest command has, every line comes out of a
   * shell as it went in, and the text is in none of them; where it is a path it may be, but only as
   * one that begins at the root.
   */
  check(world: World, from: number, text: string, may: 'nowhere' | 'be a path' = 'nowhere'): void {
    // A letter or a comma is in every command.
    const isTelling = text.length > 2 && /[^A-Za-z0-9]/.test(text) && !this.#words.includes(text)
    for (const { argv } of world.timeline.commands.slice(from)) {
      const line = formatCommandLine([argv[0] ?? '', ...argv.slice(1)])
      expect(parseLine(line)).toMatchObject({ kind: 'command', argv })
      for (const word of argv) {
        if (word.startsWith('-') && !this.#options.has(word)) {
          throw new Error(`${JSON.stringify(word)} has become an option: ${line}`)
        }
        if (isTelling && word.includes(text) && !(may === 'be a path' && word.startsWith('/'))) {
          throw new Error(`${JSON.stringify(text)} stands in a command: ${line}`)
        }
      }
    }
  }
}

export const RUNS = 25
/** For a machine that has much else to do. */
export const TIMEOUT_MS = 30_000
