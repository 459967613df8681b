// Texts of Linux tools to values; recorded lines are from test/transcripts/linux-guest-tools*.txt.

import { VIO, XEN } from '../../src/guest/linux/bus.ts'
import {
  findProcess,
  findUnseen,
  LinuxUses,
  parseBlkid,
  parseFileSystemStat,
  parseMountInfo,
} from '../../src/guest/linux/tables.ts'

const DEVICE = { identity: '230:32', blockPath: '/dev/zd32' }
const MOUNTS = [
  '22 1 253:1 / / rw,relatime - ext4 /dev/vdiska1 rw',
  '25 22 0:6 / /dev rw,nosuid - devtmpfs devtmpfs rw,size=12334492k',
  '34 33 230:0 / /mnt/e rw,relatime - ext4 /dev/zd0 rw,stripe=16',
].join('\n')

test('a recorded row of the mount table is understood', () => {
  expect(parseMountInfo('34 33 230:0 / /mnt/e rw,relatime - ext4 /dev/zd0 rw,stripe=16\n')).toEqual(
    [
      {
        device: '230:0',
        root: '/',
        path: '/mnt/e',
        readonly: false,
        type: 'ext4',
        source: '/dev/zd0',
        state: 'sound',
      },
    ],
  )
})

test.each([
  {
    name: 'a row with propagation fields',
    row: '36 35 98:0 / /mnt/a rw,noatime master:1 shared:7 - xfs /dev/root rw',
    path: '/mnt/a',
  },
  {
    name: 'a path with blanks',
    row: '36 35 98:0 / /mnt/a\\040b rw - xfs /dev/root rw',
    path: '/mnt/a b',
  },
  {
    name: 'a path with a backslash',
    row: '36 35 98:0 / /mnt/a\\134b rw - xfs /dev/root rw',
    path: '/mnt/a\\b',
  },
])('$name is understood', ({ row, path }) => {
  expect(parseMountInfo(row)[0]?.path).toBe(path)
})

test(
  'only the mount itself decides about read-only: a file system that turned read-only is not ' +
    'a read-only mount',
  () => {
    const [shielded, failed] = parseMountInfo(
      '1 2 8:0 / /a ro - ext4 /dev/x rw\n2 2 8:0 / /b rw - ext4 /dev/x ro\n',
    )

    expect([shielded?.readonly, failed?.readonly]).toEqual([true, false])
  },
)

test.each([
  { name: 'a sound file system', mount: 'rw', system: 'rw,stripe=16', state: 'sound' },
  { name: 'a read-only mount', mount: 'ro', system: 'ro', state: 'sound' },
  { name: 'a read-only target of a writable one', mount: 'ro', system: 'rw', state: 'sound' },
  {
    name: 'ext4 after an error, as recorded',
    mount: 'rw',
    system: 'rw,abort,emergency_ro',
    state: 'turned-readonly',
  },
  {
    name: 'ext4 after an error on an older kernel',
    mount: 'rw',
    system: 'ro',
    state: 'turned-readonly',
  },
  {
    name: 'ext4 that was shut down, as recorded',
    mount: 'rw',
    system: 'rw,shutdown',
    state: 'shut-down',
  },
])('$name is $state', ({ mount, system, state }) => {
  expect(
    parseMountInfo(`42 27 7:0 / /mnt/a ${mount} - ext4 /dev/loop0 ${system}\n`)[0]?.state,
  ).toBe(state)
})

test('what a login script prints comes before the table and is passed over', () => {
  expect(parseMountInfo(`Welcome\n1 person is logged in\n${MOUNTS}\n`)).toHaveLength(3)
})

test.each([
  { name: 'nothing', text: '', kind: 'unavailable' },
  { name: 'something else', text: 'cat: not today\n', kind: 'unavailable' },
  { name: 'a row that is cut short', text: `${MOUNTS}\n40 22 8:0 / /mnt/x`, kind: 'internal' },
  {
    name: 'a row without options',
    text: `${MOUNTS}\n40 22 8:0 / /mnt/x - ext4 /dev/x rw`,
    kind: 'internal',
  },
  { name: 'foreign text inside the table', text: `${MOUNTS}\noops\n`, kind: 'internal' },
])('$name is not taken for a mount table', ({ text, kind }) => {
  expect(() => parseMountInfo(text)).toThrow(expect.objectContaining({ kind }))
})

test('a bound device node is recognised by where its node lies', () => {
  const uses = new LinuxUses(
    parseMountInfo(`${MOUNTS}\n64 43 0:6 /zd32 /mnt/node rw - devtmpfs devtmpfs rw\n`),
    VIO,
  )

  expect(uses.at('/mnt/node', DEVICE)).toMatchObject({
    kind: 'device',
    identity: '230:32',
    source: '/dev/zd32',
  })
  expect(uses.at('/mnt/node', { identity: '230:0', blockPath: '/dev/zd0' })).toMatchObject({
    kind: 'part',
  })
  expect(uses.of(DEVICE).map(use => use.path)).toEqual(['/mnt/node'])
})

test('a node that lies in a directory of its own is recognised too', () => {
  const rows = `${MOUNTS}\n60 22 253:1 /tmp/root/dev/vdiskcw /mnt/node rw - ext4 /dev/vdiska1 rw\n`

  const device = { identity: '7:3', blockPath: '/tmp/root/dev/vdiskcw' }

  expect(new LinuxUses(parseMountInfo(rows), VIO).at('/mnt/node', device)).toMatchObject({
    kind: 'device',
  })
})

test('the topmost of several mounts at a path counts, and all of a device are found', () => {
  const uses = new LinuxUses(
    parseMountInfo(
      `${MOUNTS}\n50 22 230:0 / /mnt/b ro - ext4 /dev/zd0 rw\n51 22 230:16 / /mnt/b rw - xfs ` +
        '/dev/zd16 rw\n52 22 230:0 /sub /mnt/s rw - ext4 /dev/zd0 rw\n',
    ),
    VIO,
  )

  expect(uses.at('/mnt/b')?.identity).toBe('230:16')
  expect(
    uses.of({ identity: '230:0', blockPath: '/dev/zd0' }).map(({ path, kind }) => ({ path, kind })),
  ).toEqual([
    { path: '/mnt/e', kind: 'filesystem' },
    { path: '/mnt/b', kind: 'filesystem' },
    { path: '/mnt/s', kind: 'part' },
  ])
})

test.each([
  {
    name: 'ext4 as recorded',
    text: 'DEVNAME=/dev/zd0\nUUID=195c7718-e55e-11f1-913c-c9f329f0f635\nVERSION=1.0\nBLOCK_SIZE=1024\nTYPE=ext4\nUSAGE=filesystem\n',
    content: { kind: 'filesystem', type: 'ext4', mark: '195c7718-e55e-11f1-913c-c9f329f0f635' },
  },
  {
    name: 'a partition table',
    text: 'DEVNAME=/dev/zd0\nPTTYPE=gpt\n',
    content: { kind: 'other', description: 'a partition table (gpt)' },
  },
  {
    name: 'a file system and a partition table',
    text: 'TYPE=vfat\nUSAGE=filesystem\nPTTYPE=dos\n',
    content: { kind: 'other', description: 'a partition table (dos)' },
  },
  {
    name: 'encrypted',
    text: 'TYPE=crypto_LUKS\nUSAGE=crypto\n',
    content: { kind: 'other', description: 'crypto_LUKS (crypto)' },
  },
  {
    name: 'a member of an array',
    text: 'TYPE=linux_raid_member\nUSAGE=raid\n',
    content: { kind: 'other', description: 'linux_raid_member (raid)' },
  },
])('blkid about $name', ({ text, content }) => {
  expect(parseBlkid(text)).toEqual(content)
})

test('a report of blkid without a type is not an answer', () => {
  expect(() => parseBlkid('DEVNAME=/dev/zd0\n')).toThrow('neither a type nor a partition table')
})

test('totals of a file system, as recorded', () => {
  expect(parseFileSystemStat('1024 565308 565293 532526 153600 153588\n')).toEqual({
    bytes: { total: 578_875_392, used: 15_360, available: 545_306_624 },
    inodes: { total: 153_600, used: 12, available: 153_588 },
  })
})

test('a file system without a number of inodes has none to tell', () => {
  expect(parseFileSystemStat('4096 10 5 5 0 0').inodes).toBeUndefined()
})

test.each([
  [0, 'vdiska'],
  [25, 'vdiskz'],
  [26, 'vdiskaa'],
  [27, 'vdiskab'],
  [100, 'vdiskcw'],
  [701, 'vdiskzz'],
])('disk %d is %s', (slot, name) => {
  expect(VIO.diskName(slot)).toBe(name)
})

test('every disk is found by its own name, and by no other', () => {
  for (let slot = 0; slot <= 701; slot++) {
    expect(VIO.diskSlot(`/dev/${VIO.diskName(slot)}`)).toBe(slot)
  }
  for (const path of [
    '/dev/vdisk',
    '/dev/vdiska1',
    '/dev/vdiskabc',
    '/dev/vdiskA',
    '/dev/vda',
    'vdiska',
    '/dev/vdiska/x',
  ]) {
    expect(VIO.diskSlot(path)).toBeUndefined()
  }
})

test.each([
  [0, 'xvda', 'vbd-51712'],
  [15, 'xvdp', 'vbd-51952'],
  [16, 'xvdq', 'vbd-268439552'],
  [26, 'xvdaa', 'vbd-268442112'],
  [701, 'xvdzz', 'vbd-268614912'],
])('on the bus of Xen disk %d is %s, entry %s', (slot, name, entry) => {
  expect(XEN.diskName(slot)).toBe(name)
  expect(XEN.diskSlot(`/dev/${name}`)).toBe(slot)
  expect(XEN.isEntryOf(entry, slot)).toBe(true)
})

test('a disk of Xen may be large, and grows while it is there; one of sunvdc does not', () => {
  expect(XEN).toMatchObject({ maximumSizeBytes: undefined, seesGrowth: true })
  expect(VIO).toMatchObject({ maximumSizeBytes: 2 ** 41 - 512, seesGrowth: false })
})

test('neither a disk of another kind nor a network card is a Xen disk of that name', () => {
  // The kernel calls the first two xvdb and xvda.
  for (const entry of ['vbd-2064', 'vbd-768', 'vbd-51729', 'vif-1', 'vbd-']) {
    expect([0, 1, 2].filter(slot => XEN.isEntryOf(entry, slot))).toEqual([])
  }
  for (const path of ['/dev/xvd', '/dev/xvda1', '/dev/xvdabc', 'xvda', '/dev/vdiska']) {
    expect(XEN.diskSlot(path)).toBeUndefined()
  }
})

test.each([
  { line: 'fd:28 /proc/4242/fd/3', found: ['process 4242'] },
  { line: 'fd:29 /proc/4242/fd/3', found: [] },
  { line: 'fc:28 /proc/4242/fd/3', found: [] },
  { line: '/proc/4242/mountinfo', found: ['process 4242, which has it mounted'] },
  { line: 'grep: /proc/4242/mountinfo: No such file or directory', found: [] },
  { line: 'x fd:28 /proc/4242/fd/3', found: [] },
  { line: 'fd:28 /proc/4242/fd/3 (deleted)', found: [] },
  { line: '/proc/4242/mountinfo (deleted)', found: [] },
  { line: 'x /proc/4242/mountinfo', found: [] },
  { line: '', found: [] },
])('a scan that prints "$line" found $found for 253:40', ({ line, found }) => {
  expect(findProcess(line, '253:40')).toEqual(found)
})

test.each([
  {
    line: "stat: cannot stat '/proc/42/fd/3': Permission denied",
    found: ['process 42, which cannot be looked into'],
  },
  {
    line: 'ls: /proc/42/fd: Operation not permitted',
    found: ['process 42, which cannot be looked into'],
  },
  {
    line: 'ls: /proc/12/fd: Permission denied',
    found: ['process 12, which cannot be looked into'],
  },
  { line: 'ls: /proc/1/fd: Permission denied', found: [] },
  { line: 'ls: /proc/42/fd: No such file or directory', found: [] },
  { line: 'ls: /root: Permission denied', found: [] },
])('a scan that prints "$line" leaves $found unseen', ({ line, found }) => {
  expect(findUnseen(line)).toEqual(found)
})

test('the disk of a mount is known by its source, and of a bound node by the name that is left', () => {
  const rows = [
    '22 1 253:1 / / rw,relatime - ext4 /dev/vdiska rw',
    '60 22 0:6 /vdiskcw /mnt/node rw - devtmpfs devtmpfs rw',
    '61 22 0:7 / /mnt/vdiskcw rw - tmpfs tmpfs rw',
    '62 22 230:0 /vdiskcx /mnt/part rw - ext4 /dev/vdiskd rw',
  ]
  const uses = new LinuxUses(parseMountInfo(rows.join('\n')), VIO)
  expect(['/', '/mnt/node', '/mnt/vdiskcw', '/mnt/part'].map(path => uses.at(path)?.slot)).toEqual([
    0,
    100,
    undefined,
    3,
  ])
  expect(['/', '/mnt/node', '/mnt/vdiskcw', '/mnt/part'].map(path => uses.at(path)?.kind)).toEqual([
    'filesystem',
    'part',
    'filesystem',
    'part',
  ])
  expect(uses.at('/mnt')).toBeUndefined()
})

test('a node below a directory that another file system covers lies in that one', () => {
  const rows = [
    '22 1 253:1 / / rw - ext4 /dev/vdiska rw',
    '25 22 0:6 / /dev rw - devtmpfs devtmpfs rw',
    '26 22 0:9 /other /dev/x rw - tmpfs tmpfs rw',
    '60 22 0:6 /x/zd1 /mnt/below rw - devtmpfs devtmpfs rw',
    '61 22 0:9 /other/zd1 /mnt/above rw - tmpfs tmpfs rw',
    '62 22 253:1 /dev/x/zd1 /mnt/root rw - ext4 /dev/vdiska rw',
  ]
  const uses = new LinuxUses(parseMountInfo(rows.join('\n')), VIO)
  const device = { identity: '230:1', blockPath: '/dev/x/zd1' }
  expect(
    ['/mnt/below', '/mnt/above', '/mnt/root'].map(path => uses.at(path, device)?.kind),
  ).toEqual(['part', 'device', 'part'])
})
