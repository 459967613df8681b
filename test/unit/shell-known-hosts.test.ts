// Pinned host keys: which key is accepted for which host, and that a file which is not understood
// accepts nothing.

import { createHmac } from 'node:crypto'
import {
  fingerprint,
  judgeHostKey,
  knownKeyTypes,
  parseKnownHosts,
} from '../../src/shell/ssh/known-hosts.ts'

const key = (type: string, seed: string) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(type.length)
  return Buffer.concat([length, Buffer.from(type), Buffer.from(seed)])
}
const FIRST = key('ssh-ed25519', 'first')
const SECOND = key('ssh-ed25519', 'second')
const RSA = key('ssh-rsa', 'third')
const line = (hosts: string, bytes: Buffer, type = 'ssh-ed25519') =>
  `${hosts} ${type} ${bytes.toString('base64')}`
const hashed = (name: string) => {
  const salt = Buffer.from('0123456789abcdef0123')
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

test.each([
  { name: 'a plain name', file: line('10.0.0.1', FIRST), verdict: 'known' },
  { name: 'one of several names', file: line('storage,10.0.0.1', FIRST), verdict: 'known' },
  { name: 'a hashed name', file: line(hashed('10.0.0.1'), FIRST), verdict: 'known' },
  { name: 'a hash of another name', file: line(hashed('10.0.0.2'), FIRST), verdict: 'unknown' },
  { name: 'a pattern', file: line('10.0.*', FIRST), verdict: 'known' },
  {
    name: 'a pattern with an exception',
    file: line('10.0.*,!10.0.0.1', FIRST),
    verdict: 'unknown',
  },
  {
    name: 'an exception for another host',
    file: line('10.0.*,!10.0.0.2', FIRST),
    verdict: 'known',
  },
  {
    name: 'an exception for another host alone',
    file: line('!10.0.0.2', FIRST),
    verdict: 'unknown',
  },
  { name: 'a pattern of single characters', file: line('1?.0.?.1', FIRST), verdict: 'known' },
  {
    name: 'a pattern with a character too many',
    file: line('10.0.0.1?', FIRST),
    verdict: 'unknown',
  },
  { name: 'the beginning of the name', file: line('10.0.0', FIRST), verdict: 'unknown' },
  { name: 'the end of the name', file: line('0.0.1', FIRST), verdict: 'unknown' },
  {
    name: 'a name that differs where this one has a dot',
    file: line('10.0.0x1', FIRST),
    verdict: 'unknown',
  },
  {
    name: 'a hash of an unknown version',
    file: line(hashed('10.0.0.1').replace('|1|', '|2|'), FIRST),
    verdict: 'unknown',
  },
  { name: 'a hash without its parts', file: line('|1', FIRST), verdict: 'unknown' },
  {
    name: 'a comment and an empty line before',
    file: `# keys\n\n${line('10.0.0.1', FIRST)} root@storage`,
    verdict: 'known',
  },
  {
    name: 'a second key of the host',
    file: `${line('10.0.0.1', SECOND)}\n${line('10.0.0.1', FIRST)}`,
    verdict: 'known',
  },
  { name: 'another key', file: line('10.0.0.1', SECOND), verdict: 'differs' },
  {
    name: 'a key of another type only',
    file: line('10.0.0.1', RSA, 'ssh-rsa'),
    verdict: 'differs',
  },
  { name: 'another host', file: line('10.0.0.2', FIRST), verdict: 'unknown' },
  { name: 'another port', file: line('[10.0.0.1]:2222', FIRST), verdict: 'unknown' },
  { name: 'an empty file', file: '', verdict: 'unknown' },
  {
    name: 'a certificate authority',
    file: `@cert-authority ${line('10.0.0.1', FIRST)}`,
    verdict: 'unknown',
  },
  {
    name: 'a key that is revoked for another host',
    file: `${line('10.0.0.1', FIRST)}\n@revoked ${line('b', FIRST)}`,
    verdict: 'known',
  },
  {
    name: 'a host of which another key is revoked',
    file: `${line('10.0.0.1', FIRST)}\n@revoked ${line('*', SECOND)}`,
    verdict: 'known',
  },
  {
    name: 'nothing but another revoked key',
    file: `@revoked ${line('10.0.0.1', SECOND)}`,
    verdict: 'unknown',
  },
  {
    name: 'a revoked key that is also listed',
    file: `${line('10.0.0.1', FIRST)}\n@revoked ${line('*', FIRST)}`,
    verdict: 'revoked',
  },
])('$name is $verdict', ({ file, verdict }) => {
  expect(
    judgeHostKey(parseKnownHosts(file, 'known_hosts'), { address: '10.0.0.1', port: 22 }, FIRST),
  ).toBe(verdict)
})

test('a port other than 22 stands in brackets', () => {
  const known = parseKnownHosts(line('[storage]:2222', FIRST), 'known_hosts')
  expect(judgeHostKey(known, { address: 'STORAGE', port: 2222 }, FIRST)).toBe('known')
  expect(judgeHostKey(known, { address: 'storage', port: 22 }, FIRST)).toBe('unknown')
  expect(judgeHostKey(known, { address: 'storage', port: 2223 }, FIRST)).toBe('unknown')
})

test.each([
  { name: 'too few fields', file: '10.0.0.1 ssh-ed25519' },
  { name: 'a key that is not of its type', file: line('10.0.0.1', FIRST, 'ssh-rsa') },
  { name: 'a key of a few bytes', file: '10.0.0.1 ssh-ed25519 AAA=' },
  { name: 'a key that is its type alone', file: line('10.0.0.1', key('ssh-ed25519', '')) },
  {
    name: 'a type of a length that none has',
    file: line('10.0.0.1', key('x'.repeat(65), 'y'), 'x'.repeat(65)),
  },
  { name: 'a marker alone', file: '@revoked' },
  { name: 'an unknown marker', file: `@trusted ${line('10.0.0.1', FIRST)}` },
])('a line with $name is refused with file and line', ({ file }) => {
  expect(() => parseKnownHosts(`\n${file}`, '/etc/known_hosts')).toThrow(
    /\/etc\/known_hosts, line 2/,
  )
})

test('only types that can be checked are asked of the server', () => {
  const dss = line('a', key('ssh-dss', 'fourth'), 'ssh-dss')
  const lines = [
    line('a', FIRST),
    line('a', SECOND),
    line('a', RSA, 'ssh-rsa'),
    line('b', SECOND),
    `@revoked ${dss}`,
    `@cert-authority ${dss}`,
  ]
  const known = parseKnownHosts(lines.join('\n'), 'known_hosts')
  expect(knownKeyTypes(known, 'a', 22)).toEqual(['ssh-ed25519', 'ssh-rsa'])
})

test('a fingerprint reads as ssh-keygen prints it', () => {
  expect(fingerprint(FIRST)).toMatch(/^ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}$/)
})

test('a type of the longest length and a comment behind blanks are read', () => {
  const type = 'x'.repeat(64)
  const known = parseKnownHosts(
    `  # keys of a\n  ${line('a', key(type, 'y'), type)}`,
    'known_hosts',
  )
  expect(knownKeyTypes(known, 'a', 22)).toEqual([type])
})

test('the fingerprint of what is no key is still one', () => {
  expect(fingerprint(Buffer.from('no'))).toMatch(/^key SHA256:[A-Za-z0-9+/]{43}$/)
})
