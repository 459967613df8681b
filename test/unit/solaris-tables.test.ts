// Texts of Solaris tools to values. No transcript of a Solaris guest exists yet: layouts are those
// of the illumos sources that the parsers name.

import { findVisible, isUnder } from '../../src/guest/platform.ts'
import {
  backendBytes,
  findSliceZero,
  isDefaultTable,
  parseLabel,
  planExtension,
} from '../../src/guest/solaris/label-table.ts'
import {
  diskSlot,
  findDiskLinks,
  parseDiskBytes,
  parseFileSystemTotals,
  parseMountTable,
  parseUfsBytes,
  SolarisUses,
} from '../../src/guest/solaris/tables.ts'

const NODES = '../../devices/virtual-devices@100/channel-devices@200'
const link = (name: string, target: string) =>
  `lrwxrwxrwx   1 root     root          62 Nov  3 10:00 ${name} -> ${target}`

const LISTING = [
  'total 48',
  link('c0d0s0', `${NODES}/disk@0:a`),
  link('c1d1s0', `${NODES}/disk@1:a`),
  link('c1d10s0', `${NODES}/disk@a:a`),
  link('c1d10s2', `${NODES}/disk@a:c`),
  link('c1d16s0', `${NODES}/disk@10:a`),
  link('c1d110s0', `${NODES}/disk@6e:a`),
  link('c2t0d1s0', '../../devices/pci@0/scsi@1/disk@1,0:a'),
  link('c3d1s0', '../../devices/other@0/disk@1:a'),
].join('\n')

test.each([
  [0, ['c0d0']],
  [1, ['c1d1']],
  [10, ['c1d10']],
  [16, ['c1d16']],
  [110, ['c1d110']],
  [5, []],
])('disk %d is found by where its link leads: %j', (slot, names) => {
  expect(findDiskLinks(LISTING, slot)).toEqual(names)
})

test('a name that leads to another number is not taken', () => {
  expect(findDiskLinks(link('c0d10s0', `${NODES}/disk@10:a`), 10)).toEqual([])
  expect(findDiskLinks(link('c0d10s0', `${NODES}/disk@10:a`), 16)).toEqual([])
})

const VTOC = `* /dev/rdsk/c0d1s2 partition map
*
* Dimensions:
*         512 bytes/sector
*         600 sectors/track
*           1 tracks/cylinder
*         600 sectors/cylinder
*        3498 cylinders
*        3496 accessible cylinders
*
* Flags:
*   1: unmountable
*  10: read-only
*
*                            First       Sector      Last
* Partition  Tag  Flags      Sector       Count      Sector  Mount Directory
       0      0    00          600     2097000     2097599   /mnt
       2      5    00            0     2097600     2097599
`

test('a label and its slices are understood, mounted ones too', () => {
  expect(parseLabel(VTOC)).toEqual({
    sectorsPerCylinder: 600,
    sectors: undefined,
    slices: [
      { number: 0, tag: 0, flags: '00', first: 600, count: 2_097_000 },
      { number: 2, tag: 5, flags: '00', first: 0, count: 2_097_600 },
    ],
  })
})

test.each(['/with a blank', '/export/home  ', '/(odd) 1 2 3'])(
  'a slice that is mounted at %j is a slice like any other',
  path => {
    expect(parseLabel(VTOC.replace('/mnt', path)).slices).toEqual(parseLabel(VTOC).slices)
  },
)

const EFI = `* /dev/rdsk/c0d1s2 partition map
*
* Dimensions:
*         512 bytes/sector
*     4194304 sectors
*     2097085 accessible sectors
*
* Flags:
*   1: unmountable
*  10: read-only
*
* Unallocated space:
*         First       Sector      Last
*         Sector       Count      Sector
*     2097118     2097152     4194269
*
*                            First       Sector      Last
* Partition  Tag  Flags      Sector       Count      Sector  Mount Directory
       0      4    00          256     2080477     2080732   /mnt
       8     11    00      2080733       16384     2097116
`

describe('the label of a disk that has grown', () => {
  const rows = (...slices: string[]) => EFI.replace(/^ {7}[08] .*\n/gm, '') + slices.join('')
  const DATA = '       0      4    01          256     2080477     2080732\n'
  const RESERVED = '       8     11    00      2080733       16384     2097116\n'

  test('is extended to the end: slice 0 keeps its first sector, and the reserved slice moves', () => {
    expect(planExtension(parseLabel(EFI), 4_194_304)).toEqual({
      kind: 'possible',
      slices: [
        { number: 0, tag: 4, flags: '00', first: 256, count: 4_177_630 },
        { number: 8, tag: 11, flags: '00', first: 4_177_886, count: 16_384 },
      ],
    })
  })

  test('is complete when nothing, or next to nothing, is left', () => {
    expect(
      planExtension(parseLabel(EFI.replace('4194304 sectors', '2097152 sectors')), 2_097_152),
    ).toEqual({ kind: 'complete' })
    expect(
      planExtension(parseLabel(EFI.replace('4194304 sectors', '2099000 sectors')), 2_099_000),
    ).toEqual({ kind: 'complete' })
    expect(planExtension(parseLabel(VTOC), 2_098_800)).toEqual({ kind: 'complete' })
  })

  test.each([
    { name: 'VTOC', text: VTOC },
    {
      name: 'a second data slice',
      text: rows(DATA, '       1      4    00      2080733        1000     2081732\n', RESERVED),
    },
    { name: 'no reserved slice', text: rows(DATA) },
    { name: 'no slice 0', text: rows(RESERVED) },
    { name: 'a slice 0 of another kind', text: rows(DATA.replace(' 4 ', ' 2 '), RESERVED) },
    {
      name: 'room that somebody left free',
      text: rows(DATA.replace('2080477', '1000000'), RESERVED),
    },
    { name: 'another reserved slice', text: rows(DATA, RESERVED.replace('16384', '32768')) },
  ])('stays as it is with $name', ({ text }) => {
    expect(planExtension(parseLabel(text), 4_194_304)).toMatchObject({ kind: 'refused' })
  })
})

test(
  'a table with the backup slice alone is what the disk server shows of a disk without a ' +
    'label',
  () => {
    expect(isDefaultTable(parseLabel(VTOC.replace(/^ {7}0.*\n/m, '')))).toBe(true)
    expect(isDefaultTable(parseLabel(VTOC))).toBe(false)
    expect(isDefaultTable(parseLabel(VTOC.replace(/^ {7}[02].*\n/gm, '')))).toBe(false)
  },
)

test('other text is not a label', () => {
  expect(() => parseLabel('prtvtoc: nothing to see\n')).toThrow('prtvtoc printed')
})

describe('the size of a backend', () => {
  const vtoc = { sectorsPerCylinder: 600, sectors: undefined, slices: [] }
  const efi = { sectorsPerCylinder: undefined, sectors: undefined, slices: [] }
  const cylinder = 600 * 512

  test.each([
    {
      name: 'a whole disk without a label',
      disk: 1000,
      label: undefined,
      expected: 1000,
      size: 1000,
    },
    {
      name: 'a slice with VTOC',
      disk: 9_000_000 + 3 * cylinder,
      label: vtoc,
      expected: 9_000_000,
      size: 9_000_000,
    },
    {
      name: 'a whole disk with VTOC',
      disk: 9_000_000,
      label: vtoc,
      expected: 9_000_000,
      size: 9_000_000,
    },
    {
      name: 'a slice with EFI',
      disk: 90_000_000 + 16_451 * 512,
      label: efi,
      expected: 90_000_000,
      size: 90_000_000,
    },
    {
      name: 'a slice that has grown',
      disk: 9_500_000 + 3 * cylinder,
      label: vtoc,
      expected: 9_000_000,
      size: 9_500_000,
    },
    {
      name: 'a whole disk that has grown by less than the label',
      disk: 9_000_512,
      label: vtoc,
      expected: 9_000_000,
      size: 9_000_512,
    },
    {
      name: 'a disk that is too small in both readings',
      disk: 8_000_000,
      label: vtoc,
      expected: 9_000_000,
      size: 8_000_000,
    },
  ])('$name', ({ disk, label, expected, size }) => {
    expect(backendBytes(disk, label, expected)).toBe(size)
  })
})

test.each([
  [
    'c0d1             Soft Errors: 0 Hard Errors: 0 Transport Errors: 0 \nVendor: SUN      ' +
      'Product: VDSK \nSize: 1.07GB <1073741824 bytes>\nMedia Error: 0 \n',
    1_073_741_824,
  ],
  // Derived from vdc.c and the iostat.c of OpenSolaris; not captured.
  [
    'c0d139           Soft Errors: 0 Transport Errors: 0 Protocol Errors: 0 \nVendor: SUN ' +
      'Product: VDSK Size: 10.74GB <10737418240 bytes>\n\n',
    10_737_418_240,
  ],
  // Captured on Solaris 10 5/08.
  [
    'Vendor: MegaRaid Product: PERC 3/DC Revision: 199A Serial No:  Size: 36.36GB <36364615168 ' +
      'bytes>\n',
    36_364_615_168,
  ],
  ['Size: 0.00GB <0 bytes>\n', undefined],
  ['', undefined],
])('the size in %j', (text, bytes) => {
  expect(parseDiskBytes(text)).toBe(bytes)
})

const MNTTAB = [
  'rpool/ROOT/solaris\t/\tzfs\trw,devices,dev=4750002\t1290000000',
  '/dev/dsk/c0d1s0\t/staging/v1\tufs\trw,intr,largefiles,logging,xattr,onerror=panic,dev=1540008\t1290000000',
  '/staging/v1\t/pods/a\tlofs\tro,dev=1540008\t1290000000',
  '/pods/a\t/pods/b\tlofs\tro,dev=1540008\t1290000000',
  '/staging/v1/sub\t/pods/c\tlofs\trw,dev=1540008\t1290000000',
  '/export\t/pods/d\tlofs\trw,dev=4750002\t1290000000',
].join('\n')

test('loops are followed to the disk they show', () => {
  const uses = new SolarisUses(parseMountTable(`Welcome\n${MNTTAB}\n`))

  expect(
    uses
      .of({ identity: '/dev/dsk/c0d1s0' })
      .map(({ path, kind, readonly }) => ({ path, kind, readonly })),
  ).toEqual([
    { path: '/staging/v1', kind: 'filesystem', readonly: false },
    { path: '/pods/a', kind: 'filesystem', readonly: true },
    { path: '/pods/b', kind: 'filesystem', readonly: true },
    { path: '/pods/c', kind: 'part', readonly: false },
  ])
  expect(uses.at('/pods/d')).toMatchObject({ identity: 'rpool/ROOT/solaris', kind: 'part' })
})

test.each([
  { name: 'nothing', text: '', kind: 'unavailable' },
  { name: 'foreign text inside the table', text: `${MNTTAB}\noops\n`, kind: 'internal' },
])('$name is not taken for a mount table', ({ text, kind }) => {
  expect(() => parseMountTable(text)).toThrow(expect.objectContaining({ kind }))
})

test('totals count in fragments, not in blocks', () => {
  const text = `/mnt               (/dev/dsk/c0d1s0   ):         8192 block size          1024 frag size
  984242 total blocks     860692 free blocks   859708 available         249984 total files
  248691 free files      8388611 filesys id
     ufs fstype       0x00000004 flag             255 filename length

`
  expect(parseFileSystemTotals(text)).toEqual({
    bytes: { total: 984_242 * 1024, used: 123_550 * 1024, available: 859_708 * 1024 },
    inodes: { total: 249_984, used: 1293, available: 248_691 },
  })
})

test('the size of a UFS is its fragments', () => {
  expect(
    parseUfsBytes(
      'ufs\nmagic\t11954\nsbsize\t2048\tcgsize\t8192\nncg\t8\tsize\t61440\tblocks\t57687\nbsize\t8192\tshift\t13\nfsize\t1024\tshift\t10\n',
    ),
  ).toBe(61_440 * 1024)
  expect(parseUfsBytes('zfs\n')).toBeUndefined()
})

test('all names of a disk are found, sorted, and none that continues', () => {
  const target = `${NODES}/disk@a:a`
  const listing = [
    link('c2d10s0', target),
    link('c1d10s0', target),
    link('c1d10s01', target),
    link('c3d10s0', `${target}x`),
  ]
  expect(findDiskLinks(listing.join('\n'), 10)).toEqual(['c1d10', 'c2d10'])
  expect(findDiskLinks(`${link('c1d10s0', target)} (deleted)`, 10)).toEqual([])
})

test.each([
  { path: '/dev/dsk/c0d5s0', slot: 5 },
  { path: '/dev/dsk/c12d110s2', slot: 110 },
  { path: '/dev/rdsk/c0d5s0', slot: undefined },
  { path: '/dev/dsk/c0t0d5s0', slot: undefined },
  { path: '/dev/dsk/c0d5', slot: undefined },
  { path: '/dev/dsk/c0d5s0/a', slot: undefined },
  { path: '/mnt/dev/dsk/c0d5s0', slot: undefined },
  { path: 'rpool/ROOT/solaris', slot: undefined },
])('$path is of disk $slot', ({ path, slot }) => {
  expect(diskSlot(path)).toBe(slot)
})

test.each([
  { what: 'another slice', slice: { number: 0 } },
  { what: 'another tag', slice: { tag: 4 } },
  { what: 'a slice that begins later', slice: { first: 600 } },
])('a table with $what alone has a label', ({ slice }) => {
  const backup = { number: 2, tag: 5, flags: '00', first: 0, count: 100 }
  const label = (change: object) => ({
    sectorsPerCylinder: 600,
    sectors: undefined,
    slices: [{ ...backup, ...change }],
  })
  expect(isDefaultTable(label({}))).toBe(true)
  expect(isDefaultTable(label(slice))).toBe(false)
})

test('slice 0 is one that has room', () => {
  const slice = { number: 0, tag: 4, flags: '00', first: 256, count: 1 }
  const label = (...slices: (typeof slice)[]) => ({
    sectorsPerCylinder: undefined,
    sectors: undefined,
    slices,
  })
  expect(findSliceZero(label({ ...slice, number: 1 }, slice))).toBe(slice)
  expect(findSliceZero(label({ ...slice, count: 0 }))).toBeUndefined()
})

describe('an extension', () => {
  const data = { number: 0, tag: 4, flags: '00', first: 256, count: 100_000 }
  const reserved = { number: 8, tag: 11, flags: '00', first: 100_256, count: 16_384 }
  const label = (sectors: number, change: object = {}) => ({
    sectorsPerCylinder: undefined,
    sectors,
    slices: [data, { ...reserved, ...change }],
  })
  const end = 100_256 + 16_384 + 34

  test('begins where 2048 sectors are free, by what the label tools say of the disk', () => {
    expect(planExtension(label(end + 2047), 1)).toEqual({ kind: 'complete' })
    expect(planExtension(label(end + 2048), 1)).toEqual({
      kind: 'possible',
      slices: [
        { ...data, count: 102_048 },
        { ...reserved, first: 102_304 },
      ],
    })
    expect(planExtension({ ...label(0), sectors: undefined }, end + 2048)).toMatchObject({
      kind: 'possible',
    })
  })

  test.each([2047, -2047])('takes a reserved slice that is %d sectors off', off => {
    expect(planExtension(label(end + 9000, { first: reserved.first + off }), 1)).toMatchObject({
      kind: 'possible',
    })
  })

  test.each([2048, -2048])('refuses one that is %d sectors off', off => {
    expect(planExtension(label(end + 9000, { first: reserved.first + off }), 1)).toMatchObject({
      kind: 'refused',
    })
  })

  test(
    'refuses another slice of the reserved kind, and one of its number that is of another ' +
      'kind',
    () => {
      expect(planExtension(label(end + 9000, { number: 7 }), 1)).toMatchObject({ kind: 'refused' })
      expect(planExtension(label(end + 9000, { tag: 4 }), 1)).toMatchObject({ kind: 'refused' })
    },
  )

  test('of VTOC leaves three cylinders to the label', () => {
    const vtoc = (free: number) =>
      planExtension({ ...label(1), sectorsPerCylinder: 600 }, 100_256 + 16_384 + 1800 + free)
    expect([2047, 2048].map(free => vtoc(free).kind)).toEqual(['complete', 'refused'])
  })
})

test.each([
  { text: ' Size: 1.07GB <1073741824 bytes>', bytes: undefined },
  { text: 'Size: 1.07GB <1 bytes>', bytes: 1 },
  { text: 'Size: 9.0EB <9007199254740992 bytes>', bytes: undefined },
])('"$text" says $bytes bytes', ({ text, bytes }) => {
  expect(parseDiskBytes(text)).toBe(bytes)
})

test.each([
  '/dev/dsk/c0d2s0\t/b\tufs\trw',
  '/dev/dsk/c0d2s0\t/b\tufs\trw\t1\t2',
  '\t/b\tufs\trw\t1',
  '/dev/dsk/c0d2s0\tb\tufs\trw\t1',
  '/dev/dsk/c0d2s0\t/b\t\trw\t1',
])('the line %j is no mount, and not passed over', line => {
  expect(() => parseMountTable(`${MNTTAB}\n${line}\n`)).toThrow(
    expect.objectContaining({ kind: 'internal' }),
  )
  expect(parseMountTable(`${line}\n${MNTTAB}\n`)).toHaveLength(6)
})

test('a loop of loops ends, and a loop that shows nothing known is itself', () => {
  const rows = ['/b\t/a\tlofs\trw\t1', '/a\t/b\tlofs\trw\t1', '/x\t/c\tlofs\trw\t1'].join('\n')
  const uses = new SolarisUses(parseMountTable(rows))
  expect(uses.at('/a')?.type).toBe('lofs')
  expect(uses.at('/c')).toMatchObject({ identity: '/x', kind: 'filesystem', slot: undefined })
  expect(uses.at('/d')).toBeUndefined()
})

test('totals that lack a number are not understood, and no number of files is none', () => {
  const text =
    '8192 block size 1024 frag size\n10 total blocks 5 free blocks 4 available 0 total files\n0 ' +
    'free files'
  expect(parseFileSystemTotals(text)).toEqual({
    bytes: { total: 10_240, used: 5120, available: 4096 },
    inodes: undefined,
  })
  for (const name of [
    'frag size',
    'total blocks',
    'free blocks',
    'available',
    'total files',
    'free files',
  ]) {
    expect(() => parseFileSystemTotals(text.replace(name, 'x'))).toThrow(name)
  }
})

test('what a later mount further up hides is not seen', () => {
  const rows = ['/', '/a', '/a/b', '/a'].map((path, index) => ({ path, index }))
  expect(findVisible(rows, '/')?.index).toBe(0)
  expect(findVisible(rows, '/a')?.index).toBe(3)
  expect(findVisible(rows, '/a/b')).toBeUndefined()
  expect(findVisible(rows, '/c')).toBeUndefined()
  expect(findVisible(rows.slice(0, 3), '/a/b')?.index).toBe(2)
  expect(isUnder('/ab', '/a')).toBe(false)
})

test(
  'a row of a label that is not understood is not passed over; blank lines, and what stands ' +
    'before the table, are',
  () => {
    const banner = `Welcome\n 1 person is logged in\n${VTOC}  \n\n`
    expect(parseLabel(banner).slices).toEqual(parseLabel(VTOC).slices)
    for (const row of [
      '       1      0    00          600',
      '       1      0    zz          600     2097000     2097599',
      'oops',
    ]) {
      expect(() => parseLabel(`${VTOC}${row}\n`)).toThrow(
        expect.objectContaining({
          kind: 'internal',
          message: expect.stringContaining('which is not a slice'),
        }),
      )
    }
  },
)
