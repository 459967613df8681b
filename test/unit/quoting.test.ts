// The one quoting function, proved against a real Bourne shell and against the simulated host's
// word parser.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { parseLine } from '../../sim/words.ts'
import { formatCommandLine, quote } from '../../src/shell/ssh/ssh.ts'

const argument = fc.oneof(
  fc.string({ unit: 'binary' }).map(text => text.replaceAll('\0', '')),
  fc.string({
    unit: fc.constantFrom(
      "'",
      '"',
      '\\',
      '\n',
      ' ',
      '$',
      '`',
      '!',
      '*',
      '~',
      '#',
      ';',
      '&',
      '|',
      'a',
      '\t',
      '\r',
      '=',
      '-',
    ),
  }),
)

test('a shell gives every argument back as it was', () => {
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 20 }), words => {
      const printed = execFileSync(
        '/bin/sh',
        ['-c', ['printf', "'%s\\0'", ...words.map(quote)].join(' ')],
        { encoding: 'utf8' },
      )
      expect(printed).toBe(words.map(word => `${word}\0`).join(''))
    }),
    { numRuns: 150 },
  )
})

// Those that this machine has; a Bourne shell is always among them.
const SHELLS = ['/bin/sh', '/bin/bash', '/bin/ksh', '/bin/zsh', '/bin/tcsh', '/bin/csh'].filter(
  path => existsSync(path),
)
test.each(SHELLS)('as a login shell %s reads a whole command line as it was meant', shell => {
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 10 }), given => {
      const words = given.map(word => word.replaceAll('\n', ''))
      const line = formatCommandLine(['/usr/bin/printf', '%s\\0', ...words])
      const printed = execFileSync(shell, ['-c', line], { encoding: 'utf8' })
      expect(printed).toBe(words.map(word => `${word}\0`).join(''))
    }),
    { numRuns: 50 },
  )
})

test('the simulated host reads the same words as a shell', () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 10 }), words => {
      const parsed = parseLine(formatCommandLine(['/usr/sbin/zfs', ...words]))
      expect(parsed).toEqual({
        kind: 'command',
        assignments: ['LC_ALL=C', 'TZ=UTC'],
        argv: ['/usr/sbin/zfs', ...words],
      })
    }),
  )
})

test.each([
  { name: 'a plain word stays as it is', word: 'tank/kubernetes@s-1', line: 'tank/kubernetes@s-1' },
  { name: 'an empty word is two quotes', word: '', line: "''" },
  { name: 'a quote is closed, escaped and opened again', word: "it's", line: "'it'\\''s'" },
  {
    name: "the C shell's history character stands outside of quotes",
    word: 'a!b',
    line: "'a'\\!'b'",
  },
  { name: 'a word that would be an assignment is quoted', word: 'PATH=/tmp', line: "'PATH=/tmp'" },
])('$name', ({ word, line }) => {
  expect(quote(word)).toBe(line)
})

test('a simulated C shell reads the same words, as no argument of the driver holds a newline', () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 10 }), given => {
      const words = given.map(word => word.replaceAll('\n', ''))
      const parsed = parseLine(formatCommandLine(['/usr/sbin/zfs', ...words]), 'csh')
      expect(parsed).toEqual({
        kind: 'command',
        assignments: ['LC_ALL=C', 'TZ=UTC'],
        argv: ['/usr/sbin/zfs', ...words],
      })
    }),
  )
})

test.each([
  {
    name: 'an assignment before the program',
    line: 'LC_ALL=C df -h',
    message: 'LC_ALL=C: Command not found.\n',
  },
  { name: 'history in quotes', line: "echo 'a!b'", message: "b': Event not found.\n" },
  { name: 'a newline in quotes', line: "echo 'a\nb'", message: "Unmatched '''.\n" },
])('a simulated C shell refuses $name', ({ line, message }) => {
  expect(parseLine(line, 'csh')).toEqual({ kind: 'error', message, exitStatus: 1 })
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
  {
    name: 'an assignment after the program',
    line: 'zfs set a=b c',
    argv: ['zfs', 'set', 'a=b', 'c'],
  },
])('the simulated host understands $name', ({ line, argv }) => {
  expect(parseLine(line)).toMatchObject({ kind: 'command', argv })
})
