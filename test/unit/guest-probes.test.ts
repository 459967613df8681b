// The pure decisions around formatting: what counts as a proof of zeros, what a name is, and each
// reason not to format.

import { reasonNotToFormat } from '../../src/guest/formatting.ts'
import { parseEntry } from '../../src/guest/paths.ts'
import {
  type Content,
  type GuestDevice,
  isUnder,
  PROBE_BYTES,
  parseZeroDump,
} from '../../src/guest/platform.ts'

const ZEROS = `0000000${' 000000'.repeat(8)}\n*\n0400000\n`

test.each([
  { name: 'zeros to the end, as recorded', dump: ZEROS, zero: true },
  { name: 'zeros after a banner', dump: `Welcome\n${ZEROS}`, zero: true },
  {
    name: 'a byte in the first line',
    dump: `0000000 000001${' 000000'.repeat(7)}\n0000020${' 000000'.repeat(8)}\n*\n0400000\n`,
    zero: false,
  },
  {
    name: 'a byte later',
    dump: `0000000${' 000000'.repeat(8)}\n*\n0200000 000001${' 000000'.repeat(7)}\n*\n0400000\n`,
    zero: false,
  },
  {
    name: 'equal bytes that are not zero',
    dump: `0000000${' 177777'.repeat(8)}\n*\n0400000\n`,
    zero: false,
  },
  {
    name: 'an end before the last byte',
    dump: `0000000${' 000000'.repeat(8)}\n*\n0100000\n`,
    zero: undefined,
  },
  { name: 'no end', dump: `0000000${' 000000'.repeat(8)}\n*\n`, zero: undefined },
  { name: 'a read that failed at once', dump: '0000000\n', zero: undefined },
  { name: 'nothing', dump: '', zero: undefined },
])('a dump with $name', ({ dump, zero }) => {
  expect(PROBE_BYTES).toBe(0o400000)
  expect(parseZeroDump(dump)).toBe(zero)
})

test.each([
  { line: 'drwxr-xr-x 2 root root 4096 Nov 21 12:10 /p', entry: { kind: 'directory' } },
  {
    line: 'drwxr-xr-x+  2 root     root           2 Nov  3 10:00 /p',
    entry: { kind: 'directory' },
  },
  { line: '-rw-r--r-- 1 root root    0 Nov 21 12:10 /p', entry: { kind: 'file', sizeBytes: 0 } },
  { line: '-rw-r--r-- 1 root root  812 Nov 21  2025 /p', entry: { kind: 'file', sizeBytes: 812 } },
  {
    line: 'lrwxrwxrwx   1 root     root          16 Nov  3 10:00 /p -> /dev/dsk/c0d5s0',
    entry: { kind: 'link', target: '/dev/dsk/c0d5s0' },
  },
  {
    line: 'brw------- 1 root root 7, 0 Nov 21 12:39 /p',
    entry: { kind: 'device', numbers: '7:0' },
  },
  { line: 'Welcome\ndrwxr-xr-x 2 root root 4096 Nov 21 12:10 /p', entry: { kind: 'directory' } },
])('ls says $line', ({ line, entry }) => {
  expect(parseEntry(`${line}\n`, '/p')).toEqual(entry)
})

test('a line about another path is not an answer', () => {
  expect(() => parseEntry('drwxr-xr-x 2 root root 4096 Nov 21 12:10 /other\n', '/p')).toThrow(
    'ls printed',
  )
})

test.each([
  ['/mnt/a', '/mnt', true],
  ['/mnt', '/mnt', true],
  ['/mnt2', '/mnt', false],
  ['/mnt', '/', true],
])('%s under %s: %j', (path, directory, under) => {
  expect(isUnder(path, directory)).toBe(under)
})

const DEVICE: GuestDevice = {
  slot: 5,
  blockPath: '/dev/vdiskf',
  rawPath: '/dev/vdiskf',
  sizeBytes: 1000,
  identity: '253:40',
}
const REQUEST = {
  sizeBytes: 1000,
  mountOptions: [] as readonly string[],
  createdEmpty: true,
  written: false,
  mode: 'rw',
} as const
const BLANK: Content = { kind: 'blank' }

test.each([BLANK, { kind: 'unlabelled' } as const])(
  'a new volume on a disk that is $kind may be formatted',
  content => {
    expect(reasonNotToFormat(content, DEVICE, REQUEST)).toBeUndefined()
  },
)

test.each(['v1', undefined])(
  'few bytes on the storage side may be the label that the driver gave a disk, named %s',
  mark => {
    const content = { kind: 'blank', labelled: true, mark } as const
    const change = { written: true, little: true, ownMark: 'v1' }
    expect(reasonNotToFormat(content, DEVICE, { ...REQUEST, ...change })).toBeUndefined()
  },
)

test.each([
  {
    name: 'the content',
    content: { kind: 'other', description: 'a partition table (gpt)' } as Content,
    change: {},
    says: 'a partition table (gpt)',
  },
  {
    name: 'a source',
    content: BLANK,
    change: { createdEmpty: false },
    says: 'created from another one',
  },
  {
    name: 'bytes on the storage side',
    content: BLANK,
    change: { written: true },
    says: 'counts data',
  },
  {
    name: 'few bytes on the storage side of a disk without a label',
    content: { kind: 'unlabelled' } as Content,
    change: { written: true, little: true },
    says: 'counts data',
  },
  {
    name: 'few bytes on the storage side of a disk that never has one',
    content: BLANK,
    change: { written: true, little: true },
    says: 'counts data',
  },
  {
    name: 'few bytes on the storage side of a disk that somebody else has labelled',
    content: { kind: 'blank', labelled: true, mark: 'theirs' } as Content,
    change: { written: true, little: true, ownMark: 'v1' },
    says: 'counts data',
  },
  {
    name: 'more bytes on the storage side than its label takes',
    content: { kind: 'blank', labelled: true, mark: 'v1' } as Content,
    change: { written: true, little: false, ownMark: 'v1' },
    says: 'counts data',
  },
  {
    name: 'a read-only attachment',
    content: BLANK,
    change: { mode: 'ro' as const },
    says: 'read-only',
  },
  {
    name: 'a read-only mount',
    content: BLANK,
    change: { mountOptions: ['ro'] },
    says: 'read-only',
  },
  {
    name: 'one byte more',
    content: BLANK,
    change: { sizeBytes: 999 },
    says: '1000 bytes and not 999',
  },
])('each single witness can forbid formatting: $name', ({ content, change, says }) => {
  expect(reasonNotToFormat(content, DEVICE, { ...REQUEST, ...change })).toContain(says)
})
