// What a line of a process list may be: at its edges, where a change taken for a read would let
// somebody beside it.

import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import {
  cutsLines,
  isChange as isChangeOf,
  isTruncated,
  listProcesses,
  mayBeCommand,
  mayBeSameChange as mayBeSameChangeOf,
  namesObject,
} from '../../src/shell/processes.ts'
import { type Command, type Shell, ShellError } from '../../src/shell/shell.ts'

const isChange = (line: string) => isChangeOf(line, ALL_CHANGES)
const mayBeSameChange = (line: string, earlier: string) =>
  mayBeSameChangeOf(line, earlier, ALL_CHANGES)
const LEAF = 'v-abcdefghijklmnopqrst'
const SENT = 'ksh -c /usr/bin/env LC_ALL=C TZ=UTC'
const listed = (stdout: string): Shell => ({
  run: async () => ({ exitStatus: 0, stdout, stderr: '', durationMs: 0 }),
})

test.each(['COMMAND', 'ARGS'])(
  'a list begins behind its header %s, without blanks around its lines',
  async header => {
    const lines = await listProcesses(
      listed(`/usr/sbin/zfs destroy a\n ${header} \n  /sbin/init \n\n/bin/sh -l\n`),
      'storage1',
    )
    expect(lines).toEqual(['/sbin/init', '/bin/sh -l'])
  },
)

test('a list that fails says which host it is of, and why', async () => {
  const shell: Shell = {
    run: async () => ({
      exitStatus: 1,
      stdout: 'COMMAND\n',
      stderr: 'ps: no memory\n',
      durationMs: 0,
    }),
  }
  await expect(listProcesses(shell, 'storage1')).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('storage1'),
    cause: { message: expect.stringContaining('no memory') },
  })
})

test.each([
  { length: 76, cut: false },
  { length: 77, cut: true },
  { length: 80, cut: true },
  { length: 81, cut: false },
])('a line of $length characters may be a cut one: $cut', ({ length, cut }) => {
  expect(isTruncated('x'.repeat(length))).toBe(cut)
})

test('a host cuts lines unless it shows a longer one', () => {
  expect(cutsLines(['x', 'x'.repeat(80)])).toBe(true)
  expect(cutsLines(['x'.repeat(81), 'x'])).toBe(false)
})

test.each([
  { line: `zfs destroy tank/${LEAF}`, names: true },
  { line: `zfs destroy 'tank/${LEAF}'`, names: true },
  { line: 'zfs destroy tank/v-abcdefghijklmnopqrsu', names: false },
])('"$line" names the volume: $names', ({ line, names }) => {
  expect(namesObject(line, LEAF)).toBe(names)
})

const TOOLS = ['zfs', 'ldm', 'stmfadm', 'iscsiadm', 'zpool']
const WORDS: Readonly<
  Record<string, { readonly changes: readonly string[]; readonly reads: readonly string[] }>
> = {
  zfs: {
    changes: [
      ...['create', 'clone', 'snapshot', 'destroy', 'set', 'inherit', 'rename'],
      ...['promote', 'rollback', 'release', 'hold', 'program'],
    ],
    reads: ['list', 'get', 'holds', 'recreate', 'list-create'],
  },
  ldm: {
    changes: ['add-vdisk', 'rm-vdisk', 'remove-vdsdev', 'set-vdsdev'],
    reads: ['list-bindings', 'ls', 'list-add-on', 'address', 'unset-vcpu'],
  },
  stmfadm: {
    changes: [
      'create-lu',
      'delete-lu',
      'modify-lu',
      'add-view',
      'remove-view',
      'import-lu',
      'online-lu',
      'offline-lu',
    ],
    reads: ['list-lu', 'list-view', 'relist-add-on', 'recreate-lu', 'created'],
  },
  iscsiadm: { changes: ['add', 'modify', 'remove'], reads: ['list', 'readd', 'address'] },
  zpool: {
    changes: ['create', 'import', 'export', 'online'],
    reads: ['list', 'status', 'reimport', 'imported'],
  },
}

test.each(TOOLS)(
  'of %s exactly the changes are changes, by themselves and in the line of a login shell',
  tool => {
    const { changes = [], reads = [] } = WORDS[tool] ?? {}
    const lines = (word: string) => [
      `${tool} ${word}`,
      `/usr/sbin/${tool} ${word} -x a`,
      `sudo /usr/sbin/${tool} ${word}`,
      `${SENT} /usr/sbin/${tool} ${word} a`,
    ]
    expect(changes.flatMap(lines).filter(line => !isChange(line))).toEqual([])
    expect(reads.flatMap(lines).filter(isChange)).toEqual([])
  },
)

test('a tool by itself is no change', () => {
  expect(
    ['zfs', '/usr/sbin/zfs', 'sudo zfs', 'ldm', 'sh', 'sh -c', 'sudo', ''].filter(isChange),
  ).toEqual([])
})

test.each([
  'newfs /dev/rdsk/c0d1s0',
  'mkfs -t ext4 /dev/vdiskc',
  'mkfs.xfs /dev/vdiskc',
  'format -d c0d1',
  'fmthard -s - /dev/rdsk/c0d1s2',
  'mount /dev/vdiskc /a',
  'umount /a',
  'fsck -y /dev/rdsk/c0d1s0',
  'e2fsck -p /dev/vdiskc',
  'xfs_repair /dev/vdiskc',
  'growfs -M /a /dev/rdsk/c0d1s0',
  'resize2fs /dev/vdiskc',
  'xfs_growfs /a',
  'devfsadm -C',
])('"%s" is a change, wherever the program lies', line => {
  expect([line, `/sbin/${line}`, `pfexec ${line}`].filter(each => !isChange(each))).toEqual([])
})

test.each([
  'rm -f /pods/a',
  'rm -f',
  '/bin/rm -rf /pods/a',
  '/bin/rm -fr /pods/a',
  '/bin/mkdir /pods/a',
  '/bin/mkdir -pv /pods/a',
  '/bin/mkdir a-p',
  '/bin/rmdir pods',
  '/bin/ln /a /b',
  '/bin/ln -sf /a /b',
  '/bin/touch -c /a',
  '/bin/dd if=/dev/zero of=/data/a',
  '/bin/dd if=/dev/vdiskc of=/dev/null',
  '/bin/dd if=/dev/vdiskc xof=/dev/vdiskd',
  'vi mkfs.ext4',
  'grep zfs create',
  'mkfsx /a',
  'xmkfs /a',
])('"%s" is not what the driver runs', line => {
  expect(isChange(line)).toBe(false)
})

// 79 characters of a list that cuts its lines.
const shown = (line: string) => line.slice(0, 79).trim()

test('of a cut line the last word counts as whatever it may become', () => {
  const cut = (end: string) => `sudo -u ${'x'.repeat(70 - end.length)} ${end}`
  for (const end of ['/usr/sbin/zfs', '/usr/sbin/zfs li', '/usr/sbin/ldm li', '/bin/rm']) {
    expect(isTruncated(cut(end))).toBe(true)
    expect(isChange(cut(end))).toBe(true)
  }
  expect(isChange(shown(`/usr/sbin/zfs list -H -o name ${'tank/'.repeat(20)}`))).toBe(false)
  expect(isChange(shown(`${SENT} /usr/sbin/zfs list -H -o name ${'tank/'.repeat(20)}`))).toBe(false)
})

test(
  'a cut line of the driver that does not reach the program may be any change; one that does ' +
    'is what it shows',
  () => {
    const hidden = shown(`${SENT} pfexec sudo -n -u ${'an-account-of-a-long-name-'.repeat(4)}`)
    expect(isChange(hidden)).toBe(true)
    expect(mayBeCommand(hidden, ['/usr/sbin/zfs', 'destroy', `tank/${LEAF}`])).toBe(true)
    expect(isChange(shown(`ksh -c ${'an-account-of-a-long-name-'.repeat(4)}`))).toBe(false)
    expect(isChange(shown(`LC_ALL=C TZ=UTC ${'x'.repeat(90)}`))).toBe(true)
    expect(isChange(shown(`LC_ALL=Cx TZ=UTC ${'x'.repeat(90)}`))).toBe(false)
    expect(isChange(shown(`${SENT} /usr/bin/ps -e -o args ${'x'.repeat(90)}`))).toBe(false)
    expect(isChange(`${SENT} sudo`)).toBe(false)
  },
)

test.each([
  { line: 'ksh -c zfs destroy a', change: false, why: 'a shell of somebody else' },
  {
    line: 'ksh -lc /usr/bin/env LC_ALL=C TZ=UTC /usr/sbin/zfs destroy a',
    change: true,
    why: 'a login shell with its options together',
  },
  {
    line: '/bin/ksh93 -c LC_ALL=C TZ=UTC /usr/sbin/zfs destroy a',
    change: true,
    why: 'an earlier version',
  },
  {
    line: 'pfksh -c LC_ALL=C TZ=UTC /usr/sbin/zfs destroy a',
    change: true,
    why: 'a shell of a profile',
  },
  {
    line: "bash -c 'LC_ALL=C' TZ=UTC /usr/sbin/zfs destroy a",
    change: true,
    why: 'a quoted beginning',
  },
  { line: 'ksh /usr/sbin/growfs -M /a', change: true, why: 'a script with its interpreter' },
  {
    line: 'ksh -p -x /usr/sbin/growfs -M /a',
    change: true,
    why: 'a script with its interpreter and options',
  },
  {
    line: 'xksh /usr/sbin/growfs -M /a',
    change: true,
    why: 'a program with a path behind one of any name',
  },
  { line: 'ksh -c growfs -M /a', change: false, why: 'a shell of somebody else at a script' },
])('"$line" is a change: $change, as it is $why', ({ line, change }) => {
  expect(isChange(line)).toBe(change)
})

const DESTROY: Command = ['/usr/sbin/zfs', 'destroy', `tank/${LEAF}`]

test.each([
  { line: DESTROY.join(' '), same: true },
  { line: `/opt/bin/allow ${DESTROY.join(' ')}`, same: true },
  { line: `/usr/sbin/zfs list /usr/sbin/zfs destroy tank/${LEAF}`, same: true },
  { line: `${DESTROY.join(' ')} -r`, same: false },
  { line: `/usr/sbin/zfs destroy tank/${LEAF.slice(0, -1)}`, same: false },
  { line: `zfs destroy tank/${LEAF}`, same: false },
  { line: '/usr/sbin/zfs', same: false },
  { line: '', same: false },
])('"$line" may be the destruction that was lost: $same', ({ line, same }) => {
  expect(mayBeCommand(line, DESTROY)).toBe(same)
})

const MOUNT: Command = ['/sbin/mount', '-F', 'ufs', '/dev/dsk/c0d100s0', '/staging/v1']

test.each([
  { line: '/sbin/mount -F ufs /dev/dsk/c0d100s0 /staging/v1', same: true },
  { line: '/sbin/mount -o remount /staging/v1', same: false },
  { line: '/usr/lib/fs/ufs/mount /dev/dsk/c0d100s0 /staging/v1', same: true },
  { line: '/usr/lib/fs/ufs/mount /dev/dsk/c0d100s0 /staging/v12', same: false },
  { line: `/usr/lib/fs/ufs/mount -o ${'x'.repeat(54)}`, same: true },
  { line: `/usr/lib/fs/ufs/umount -o ${'x'.repeat(53)}`, same: false },
  { line: 'mount /staging/v1', same: true },
])('"$line" may be the mount that was lost: $same', ({ line, same }) => {
  expect(mayBeCommand(line, MOUNT)).toBe(same)
})

test.each([
  { line: '/usr/sbin/xl block-detach 3 268439552', same: true },
  { line: '/usr/lib/xen-4.17/bin/xl block-detach 3 268439552', same: true },
  { line: '/usr/lib/xen-4.17/bin/xl block-detach 3 268439808', same: false },
])('"$line" may be the xl that was lost: $same', ({ line, same }) => {
  expect(mayBeCommand(line, ['/usr/sbin/xl', 'block-detach', '3', '268439552'])).toBe(same)
})

test('a change that an earlier line showed is the same when more of it is shown, or less', () => {
  const long = `/usr/sbin/zfs destroy tank/${'x'.repeat(60)}/${LEAF}`
  const [early, late] = [shown(`${SENT} ${long}`), shown(long)]
  expect(early.length).toBe(late.length)
  expect(mayBeSameChange(late, early)).toBe(true)
  expect(mayBeSameChange(early, late)).toBe(true)
  expect(mayBeSameChange(long, long)).toBe(true)
  expect(mayBeSameChange('/usr/sbin/zfs destroy tank/b', '/usr/sbin/zfs destroy tank/a')).toBe(
    false,
  )
  expect(mayBeSameChange('/usr/sbin/zfs list', '/usr/sbin/zfs destroy tank/a')).toBe(false)
  const hidden = shown(`${SENT} pfexec sudo -n -u ${'an-account-of-a-long-name-'.repeat(4)}`)
  expect(mayBeSameChange('/usr/sbin/zfs destroy tank/a', hidden)).toBe(true)
})

test('while a lost command runs, other processes that name an object keep nobody from it', async () => {
  let list = ''
  const shell: Shell = {
    run: async ([program]) => {
      if (program === '/usr/sbin/zfs') throw new ShellError('unknown', 'cut')
      return { exitStatus: 0, stdout: `COMMAND\n${list}\n`, stderr: '', durationMs: 0 }
    },
  }
  const host = createHost({ changes: ALL_CHANGES, name: 'storage1', shell })
  await host.settled([])
  await expect(host.shell.run(DESTROY, { effect: 'write' })).rejects.toMatchObject({
    fate: 'unknown',
  })
  list = `${DESTROY.join(' ')}\nless /var/log/v-zzzzzzzzzzzzzzzzzzzz`
  await expect(host.settled([LEAF])).rejects.toMatchObject({ kind: 'unavailable' })
  await host.settled(['v-zzzzzzzzzzzzzzzzzzzz'])
})
