// A command of unknown fate keeps everybody away from its objects while the host's process list
// shows it.

import { SimHost, Timeline } from '../../sim/host.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import type { Clock } from '../../src/clock.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import { isChange as isChangeOf, mayBeCommand } from '../../src/shell/processes.ts'
import type { Command } from '../../src/shell/shell.ts'
import { formatCommandLine } from '../../src/shell/ssh/ssh.ts'

const isChange = (line: string) => isChangeOf(line, ALL_CHANGES)
const LEAF = 'v-abcdefghijklmnopqrst'
const CREATE: Command = [
  '/usr/sbin/zfs',
  'create',
  '-V',
  '1073741824',
  '-o',
  'ldom-csi:name=cHZj',
  `tank/kubernetes/${LEAF}`,
]

function world() {
  const timeline = new Timeline()
  const sim = new SimHost('storage1', timeline)
  const created: string[] = []
  sim.programs.set('zfs', args => {
    created.push(args.at(-1) ?? '')
    return { exitStatus: 0, stdout: '', stderr: '' }
  })
  const host = createHost({ changes: ALL_CHANGES, name: 'storage1', shell: new SimShell(sim) })
  const lose = (kind: 'cut-after' | 'late') => {
    timeline.rules.push(argv => {
      if (argv[0] !== '/usr/sbin/zfs') return undefined
      timeline.rules.length = 0
      return kind === 'late' ? { kind, afterCommands: 1000 } : { kind }
    })
  }
  return { timeline, sim, host, created, lose }
}

test('a host is asked once at start, and then only when a fate is unknown', async () => {
  const { host, timeline } = world()
  await host.settled([LEAF])
  await host.settled([LEAF])
  await host.shell.run(CREATE, { effect: 'write' })
  await host.settled([LEAF])
  expect(timeline.commands.map(({ argv }) => argv[0])).toEqual(['/usr/bin/ps', '/usr/sbin/zfs'])
})

test('a lost command that still runs keeps others from its object until it has ended', async () => {
  const { host, timeline, lose, created } = world()
  await host.settled([])
  lose('late')
  await expect(host.shell.run(CREATE, { effect: 'write' })).rejects.toMatchObject({
    fate: 'unknown',
  })

  await expect(host.settled([LEAF])).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('still running; try again'),
  })
  await timeline.settle()
  await host.settled([LEAF])
  expect(created).toEqual([`tank/kubernetes/${LEAF}`])
})

test('a lost command does not concern other objects', async () => {
  const { host, lose, timeline } = world()
  await host.settled([])
  lose('late')
  await expect(host.shell.run(CREATE, { effect: 'write' })).rejects.toMatchObject({
    fate: 'unknown',
  })
  const before = timeline.commands.length
  await host.settled(['v-zzzzzzzzzzzzzzzzzzzz'])
  expect(timeline.commands).toHaveLength(before)
})

test('a lost command that has ended is forgotten after one look', async () => {
  const { host, lose, timeline } = world()
  await host.settled([])
  lose('cut-after')
  await expect(host.shell.run(CREATE, { effect: 'write' })).rejects.toMatchObject({
    fate: 'unknown',
  })
  await host.settled([LEAF])
  const after = timeline.commands.length
  await host.settled([LEAF])
  expect(timeline.commands).toHaveLength(after)
})

test(
  'a new process finds what an earlier one left at work, also for objects it is asked about ' +
    'later',
  async () => {
    const { sim, host, lose, timeline } = world()
    lose('late')
    const short: Command = ['/usr/sbin/zfs', 'destroy', `tank/${LEAF}`]
    await expect(host.shell.run(short, { effect: 'write' })).rejects.toMatchObject({
      fate: 'unknown',
    })

    const fresh = createHost({ changes: ALL_CHANGES, name: 'storage1', shell: new SimShell(sim) })
    await fresh.settled(['v-another'])
    await expect(fresh.settled([LEAF])).rejects.toMatchObject({ kind: 'unavailable' })
    await timeline.settle()
    await fresh.settled([LEAF])
  },
)

test('at start a line that is cut short may concern any object', async () => {
  const { sim, host, lose } = world()
  lose('late')
  await expect(host.shell.run(CREATE, { effect: 'write' })).rejects.toMatchObject({
    fate: 'unknown',
  })
  const fresh = createHost({ changes: ALL_CHANGES, name: 'storage1', shell: new SimShell(sim) })
  await expect(fresh.settled(['v-another'])).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a process list that cannot be read is not an empty one', async () => {
  const { sim, host } = world()
  sim.programs.set('ps', () => ({ exitStatus: 1, stdout: '', stderr: 'ps: no memory\n' }))
  await expect(host.settled([LEAF])).rejects.toMatchObject({ kind: 'unavailable' })
  sim.programs.set('ps', () => ({ exitStatus: 0, stdout: '', stderr: '' }))
  await expect(host.settled([LEAF])).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a banner before the list is no process', async () => {
  const { sim, host } = world()
  sim.banner = `/usr/sbin/zfs destroy ${LEAF} is forbidden on this host\n`
  await host.settled([LEAF])
})

test('the list is believed only when the lost command had time to start', async () => {
  const { sim, lose } = world()
  const slept: number[] = []
  const clock: Clock = { nowMs: () => 5000, sleep: async ms => void slept.push(ms) }
  const host = createHost({
    changes: ALL_CHANGES,
    name: 'storage1',
    shell: new SimShell(sim),
    clock,
    graceMs: 1000,
  })
  await host.settled([])
  slept.length = 0
  lose('cut-after')
  await expect(host.shell.run(CREATE, { effect: 'write' })).rejects.toMatchObject({
    fate: 'unknown',
  })
  await host.settled([LEAF])
  expect(slept).toEqual([1000])
})

const FULL = CREATE.join(' ')
test.each([
  { name: 'the whole line', line: FULL, same: true },
  { name: 'its first 79 characters', line: FULL.slice(0, 79), same: true },
  { name: 'its first 80 characters under sudo', line: `sudo ${FULL}`.slice(0, 80), same: true },
  {
    name: 'the login shell that has not become it',
    line: `bash -c ${formatCommandLine(CREATE)}`,
    same: true,
  },
  {
    name: 'that shell, cut',
    line: `ksh93 -c ${formatCommandLine(CREATE)}`.slice(0, 79),
    same: true,
  },
  { name: 'what sudo runs as another user', line: `sudo -n -u root ${FULL}`, same: true },
  {
    name: 'a login shell whose prefix hides the program',
    line: (
      'bash -c /usr/bin/env LC_ALL=C TZ=UTC /opt/privileged/bin/sudo -n -u some-long-account ' +
      FULL
    ).slice(0, 79),
    same: true,
  },
  {
    name: 'a login shell with another program',
    line: 'ksh -c /usr/bin/env LC_ALL=C TZ=UTC /usr/sbin/zfs list',
    same: false,
  },
  { name: 'a shorter beginning', line: FULL.slice(0, 40), same: false },
  { name: 'a longer line', line: `${FULL}x`, same: false },
  { name: 'another command', line: '/usr/sbin/zfs list', same: false },
])('$name: $same', ({ line, same }) => {
  expect(mayBeCommand(line, CREATE)).toBe(same)
})

const MOUNT = [
  '/sbin/mount',
  '-F',
  'ufs',
  '-o',
  'rw,logging',
  '/dev/dsk/c0d100s0',
  '/staging/v1',
] as const
test.each([
  {
    name: 'the program it became',
    line: '/usr/lib/fs/ufs/mount -o rw,logging /dev/dsk/c0d100s0 /staging/v1',
    same: true,
  },
  {
    name: 'that program at another path',
    line: '/usr/lib/fs/ufs/mount -o rw,logging /dev/dsk/c0d101s0 /staging/v2',
    same: false,
  },
  { name: 'another program', line: '/usr/lib/fs/ufs/fsck -o p /staging/v1', same: false },
])('a mount of Solaris is $name: $same', ({ line, same }) => {
  expect(mayBeCommand(line, MOUNT)).toBe(same)
})

test('a command is recognised wherever the end of the shown line falls, a blank included', async () => {
  const missed: string[] = []
  for (let length = 1; length <= 40; length++) {
    const record: Command = [
      '/usr/sbin/zfs',
      'create',
      '-o',
      'canmount=off',
      '-o',
      `ldom-csi:cluster=${'x'.repeat(length)}`,
      '-o',
      'a=',
      '',
      'b',
    ]
    for (const line of [record.join(' '), `sh -c ${formatCommandLine(record)}`]) {
      const shown = line.slice(0, 79).trim()
      if (!mayBeCommand(shown, record) || !isChange(shown)) missed.push(shown)
    }
  }
  expect(missed).toEqual([])
})

test('a lost command with a path that is not ASCII keeps others away until it has ended', async () => {
  const { sim, timeline, host } = world()
  const path = '/pods/größe 漢/mount'
  await host.settled([])
  timeline.rules.push(argv =>
    argv[0] === '/bin/touch' ? { kind: 'late', afterCommands: 1000 } : undefined,
  )
  await expect(host.shell.run(['/bin/touch', path], { effect: 'write' })).rejects.toMatchObject({
    fate: 'unknown',
  })
  await expect(host.settled([path])).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(
    createHost({ changes: ALL_CHANGES, name: 'g', shell: new SimShell(sim) }).settled([path]),
  ).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a login shell that was found at start is followed when it becomes its command', async () => {
  const { sim, host } = world()
  const destroy = `/usr/sbin/zfs destroy tank/${LEAF}`
  let line = `ksh -c /usr/bin/env LC_ALL=C TZ=UTC ${destroy}`
  sim.programs.set('ps', () => ({ exitStatus: 0, stdout: `COMMAND\n${line}\n`, stderr: '' }))
  await expect(host.settled([LEAF])).rejects.toMatchObject({ kind: 'unavailable' })
  line = destroy
  await expect(host.settled([LEAF])).rejects.toMatchObject({ kind: 'unavailable' })
  line = '/sbin/init'
  await host.settled([LEAF])
})

test(
  'where a longer line shows that lines are not cut, a line of 79 characters concerns its ' +
    'own objects only',
  async () => {
    const { sim, host } = world()
    const line = `/bin/touch /data/${'x'.repeat(62)}`
    expect(line).toHaveLength(79)
    sim.programs.set('ps', () => ({
      exitStatus: 0,
      stdout: `COMMAND\n${line}\n/usr/bin/kubelet ${'y'.repeat(80)}\n`,
      stderr: '',
    }))
    await host.settled([LEAF])
  },
)

test(
  'the first list after a start is believed only when what an earlier process sent had time ' +
    'to start',
  async () => {
    const { sim } = world()
    const slept: number[] = []
    let nowMs = 5000
    const clock: Clock = { nowMs: () => nowMs, sleep: async ms => void slept.push(ms) }
    const host = createHost({
      changes: ALL_CHANGES,
      name: 'storage1',
      shell: new SimShell(sim),
      clock,
      graceMs: 1000,
    })
    nowMs = 5400
    await host.settled([LEAF])
    expect(slept).toEqual([600])
  },
)

test.each([
  { line: '/usr/sbin/zfs create tank/v', change: true },
  { line: 'bash -c /usr/bin/env LC_ALL=C TZ=UTC /usr/sbin/zfs destroy tank/v', change: true },
  { line: 'sh -c LC_ALL=C TZ=UTC /usr/sbin/zfs destroy tank/v', change: true },
  { line: "-csh -c /usr/bin/env LC_ALL=C TZ=UTC /bin/rm -f '/pods/a b/mount'", change: true },
  { line: 'bash -c /usr/bin/env LC_ALL=C TZ=UTC /usr/bin/ps -e -o args', change: false },
  { line: 'sudo -n -u root /usr/sbin/zfs destroy tank/v', change: true },
  { line: 'doas /usr/sbin/zfs destroy tank/v', change: true },
  { line: '/opt/site/allow -p 3 /usr/sbin/zfs destroy tank/v', change: true },
  { line: 'env LC_ALL=C /usr/sbin/zfs destroy tank/v', change: true },
  { line: '/usr/bin/env LC_ALL=C TZ=UTC pfexec /usr/sbin/zfs destroy tank/v', change: true },
  { line: 'nice -n 10 zfs destroy tank/v', change: true },
  { line: '/usr/bin/dd of=/dev/rdsk/c0d0s0 bs=512 seek=9 count=1', change: true },
  { line: '/usr/bin/dd if=/dev/rdsk/c0d0s0 of=/dev/null bs=8192', change: false },
  {
    line: 'sh -c touch /data/a-file-with-a-name-that-is-long-enough-to-reach-the-end-of-80',
    change: false,
  },
  { line: 'touch /data/a', change: false },
  { line: 'zfs send tank/v@s', change: false },
  { line: 'pfexec /usr/sbin/zfs set a=b tank/v', change: true },
  { line: 'sudo -n /usr/sbin/ldm add-vdisk a b@c d', change: true },
  { line: 'ldm list-bindings -p', change: false },
  { line: '/sbin/mkfs.ext4 /dev/vdiskc', change: true },
  { line: 'vi zfs create', change: false },
  { line: '/bin/mkdir -p /staging/v1', change: true },
  { line: '/bin/rm -f /pods/a/mount', change: true },
  { line: 'rm -rf /export/old', change: false },
  { line: '/bin/rmdir /pods/a/mount', change: true },
  { line: '/bin/ln -s /dev/dsk/c0d100s0 /pods/a/mount', change: true },
  { line: '/bin/touch /pods/a/mount', change: true },
  { line: '/sbin/e2fsck -p /dev/vdiskc', change: true },
  { line: '/usr/sbin/xfs_growfs /staging/v1', change: true },
  { line: '/usr/bin/ksh -p /usr/sbin/growfs -M /staging/v1 /dev/rdsk/c0d100s0', change: true },
  { line: 'sudo sh', change: false },
  { line: '/bin/ls -ld /staging/v1', change: false },
  { line: '/sbin/blkid -p -o export /dev/vdiskc', change: false },
])('$line is a change: $change', ({ line, change }) => {
  expect(isChange(line)).toBe(change)
})
