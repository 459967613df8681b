// The one quoting function, proved against a real Bourne shell and against the simulated host's word parser.

import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { formatCommandLine, quote } from '../../src/shell/ssh.ts'
import { parseLine } from '../../src/sim/words.ts'

const argument = fc.oneof(
  fc.string({ unit: 'binary' }).map(text => text.replaceAll('\0', '')),
  fc.string({ unit: fc.constantFrom("'", '"', '\\', '\n', ' ', '$', '`', '!', '*', '~', '#', ';', '&', '|', 'a', '\t', '\r', '=', '-') }),
)

test('a shell gives every argument back as it was', () => {
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 20 }), words => {
      const printed = execFileSync('/bin/sh', ['-c', ['printf', "'%s\\0'", ...words.map(quote)].join(' ')], { encoding: 'utf8' })
      expect(printed).toBe(words.map(word => `${word}\0`).join(''))
    }),
    { numRuns: 150 },
  )
})

test('the simulated host reads the same words as a shell', () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 10 }), words => {
      const parsed = parseLine(formatCommandLine(['/usr/sbin/zfs', ...words]))
      expect(parsed).toEqual({ kind: 'command', assignments: ['LC_ALL=C', 'TZ=UTC'], argv: ['/usr/sbin/zfs', ...words] })
    }),
  )
})

test.each([
  { name: 'a plain word stays as it is', word: 'tank/kubernetes@s-1', line: 'tank/kubernetes@s-1' },
  { name: 'an empty word is two quotes', word: '', line: "''" },
  { name: 'a quote is closed, escaped and opened again', word: "it's", line: "'it'\\''s'" },
  { name: 'a word that would be an assignment is quoted', word: 'PATH=/tmp', line: "'PATH=/tmp'" },
])('$name', ({ word, line }) => {
  expect(quote(word)).toBe(line)
})

test.each([
  { name: 'NUL', word: 'a\0b' },
  { name: 'half a surrogate pair', word: 'a\ud800b' },
])('$name in an argument is refused, as no command could receive it', ({ word }) => {
  expect(() => quote(word)).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
})

test.each([
  { name: 'a pipe', line: 'zfs list | grep a' },
  { name: 'a list', line: 'zfs list; reboot' },
  { name: 'a variable', line: 'zfs list $HOME' },
  { name: 'a variable in double quotes', line: 'zfs list "$HOME"' },
  { name: 'a glob', line: 'ls /dev/dsk/*' },
  { name: 'a redirection', line: 'zfs list > /tmp/x' },
  { name: 'a command substitution', line: 'zfs list `hostname`' },
  { name: 'an open single quote', line: "zfs list 'a" },
  { name: 'an open double quote', line: 'zfs list "a' },
])('the simulated host refuses $name', ({ line }) => {
  expect(parseLine(line)).toMatchObject({ kind: 'error' })
})

test.each([
  { name: 'double quotes', line: 'zfs get "a b"c', argv: ['zfs', 'get', 'a bc'] },
  { name: 'a backslash', line: 'zfs get a\\ b', argv: ['zfs', 'get', 'a b'] },
  { name: 'an escaped quote in double quotes', line: 'echo "a\\"b\\c"', argv: ['echo', 'a"b\\c'] },
  { name: 'an empty word', line: 'echo \'\' ""', argv: ['echo', '', ''] },
  { name: 'an assignment after the program', line: 'zfs set a=b c', argv: ['zfs', 'set', 'a=b', 'c'] },
])('the simulated host understands $name', ({ line, argv }) => {
  expect(parseLine(line)).toMatchObject({ kind: 'command', argv })
})
