// Disks that hold what they should not, or that somebody uses: nothing is written to them. What is
// guaranteed on good days: guest/staging.test.ts and guest/publishing.test.ts.

import {
  GiB,
  type GuestWorld,
  guestWorld,
  MiB,
  type PlatformKind,
  scribble,
  TestDisk,
} from '../guest/world.ts'
import {
  answers,
  BOTH,
  blank,
  changeSuperblock,
  diskName,
  honestAgain,
  KEPT,
  LINUX,
  SLOT,
  SOLARIS,
  seen,
  testGuestDays,
  used,
  written,
  zero,
} from './guest-scene.ts'

const ends = new WeakMap<GuestWorld, () => void>()

testGuestDays([
  {
    name: 'bytes that no tool knows',
    on: BOTH,
    trouble: (_world, disk) => scribble(disk),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'data that no tool knows', 'by hand'],
    over: (_world, disk) => zero(disk),
  },
  {
    name: 'a file system of another type than asked for',
    on: LINUX,
    disk: used,
    trouble: () => {},
    request: () => ({
      written: true,
      format: { kind: 'filesystem', type: 'xfs', mountOptions: [] },
    }),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'holds ext4, not xfs', 'ask for ext4'],
    over: (world, disk) => {
      world.removeDisk(disk)
      blank(world)
      // The guest knows the volume, and would not make a file system for it again.
      world.host.programs.get('rmdir')?.(['/var/lib/ldom-csi/used/silver%2Fv1'], {
        input: '',
        host: world.host,
      })
    },
  },
  {
    name: 'a file system that only another system has',
    on: BOTH,
    disk: used,
    trouble: (_world, disk) => changeSuperblock(disk, { type: 'zfs' }),
    request: written,
    kind: 'unsupported',
    says: ['this guest cannot', 'zfs', '; use '],
    over: (world, disk) =>
      changeSuperblock(disk, { type: world.kind === 'linux' ? 'ext4' : 'ufs' }),
  },
  {
    name: 'blkid finds several signatures',
    on: LINUX,
    trouble: world =>
      answers(world, 'blkid', {
        exitStatus: 8,
        stderr: `${diskName(world)}: ambivalent result (probably more filesystems)\n`,
      }),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'several signatures at once', 'by hand'],
    over: honestAgain,
  },
  {
    name: 'blkid calls a disk blank that cannot be read',
    on: LINUX,
    trouble: world => {
      answers(world, 'blkid', { exitStatus: 2 })
      answers(world, 'od', {
        exitStatus: 1,
        stdout: '0000000\n',
        stderr: `od: ${diskName(world)}: read error: Input/output error\n`,
      })
    },
    kind: 'unavailable',
    says: ['DISK', 'read error', 'service domain is up'],
    over: honestAgain,
  },
  {
    name: 'blkid says nothing and the second opinion is cut short',
    on: LINUX,
    trouble: world => {
      answers(world, 'blkid', { exitStatus: 2 })
      answers(world, 'od', {
        stdout: '0000000 000000 000000 000000 000000 000000 000000 000000 000000\n',
      })
    },
    kind: 'unavailable',
    says: ['DISK', 'could not be read'],
    over: honestAgain,
  },
  {
    name: 'blkid says nothing and wipefs finds a signature',
    on: LINUX,
    trouble: world => {
      answers(world, 'wipefs', {
        stdout: 'DEVICE  OFFSET TYPE UUID LABEL\nvdiskcw 0x438  ext4 1234\n',
      })
    },
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'a signature', 'by hand'],
    over: honestAgain,
  },
  {
    name: 'fstyp cannot look',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'fstyp', {
        exitStatus: 1,
        stderr: 'fstyp: cannot open device /dev/rdsk/c0d100s0: I/O error\n',
      }),
    kind: 'unavailable',
    says: ['DISK', 'I/O error', 'service domain is up'],
    over: honestAgain,
  },
  {
    name: 'fstyp finds several file systems',
    on: SOLARIS,
    trouble: world =>
      answers(world, 'fstyp', { exitStatus: 2, stderr: 'unknown_fstyp (multiple matches)\n' }),
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'several file systems at once', 'by hand'],
    over: honestAgain,
  },
  {
    name: 'a file system that its repair tool leaves to a person',
    on: BOTH,
    disk: used,
    trouble: (_world, disk) => changeSuperblock(disk, { clean: false, damaged: true }),
    request: written,
    kind: 'failed-precondition',
    says: ['DISK', 'by hand on the guest', 'restore a snapshot'],
    over: (_world, disk) => changeSuperblock(disk, { damaged: false }),
  },
  {
    name: 'the staging path is taken by another disk',
    on: BOTH,
    trouble: async world => {
      await world.volumes.stage(
        world.stageRequest(world.addDisk(101, 600 * MiB), { volumeId: 'silver/v2' }),
      )
    },
    kind: 'already-exists',
    says: ['silver/v1', '/staging/v1', 'is in use'],
    over: world => world.volumes.unstage({ volumeId: 'silver/v2', stagingPath: '/staging/v1' }),
  },
  {
    name: 'somebody has mounted the disk elsewhere',
    on: BOTH,
    disk: used,
    trouble: async (world, disk) => {
      await world.volumes.stage(
        world.stageRequest(disk, { stagingPath: '/mnt/hand', written: true }),
      )
    },
    request: written,
    kind: 'failed-precondition',
    says: ['silver/v1', 'DISK', 'is mounted at /mnt/hand', 'unmount it there'],
    over: world => world.volumes.unstage({ volumeId: 'silver/v1', stagingPath: '/mnt/hand' }),
  },
  {
    name: 'a process has the blank disk open',
    on: BOTH,
    trouble: world => {
      ends.set(
        world,
        world.guest.holdOpen(world.kind === 'linux' ? diskName(world) : '/dev/rdsk/c0d100s0'),
      )
    },
    kind: 'busy',
    says: ['silver/v1', 'DISK', 'in use by process'],
    over: world => ends.get(world)?.(),
  },
  {
    name: 'the guest cannot tell who holds the disk',
    on: LINUX,
    trouble: world =>
      answers(world, 'fuser', { exitStatus: 1, stderr: `${diskName(world)}: Permission denied\n` }),
    kind: 'unavailable',
    says: ['DISK', 'fuser could not find out'],
    over: honestAgain,
  },
  {
    name: 'a name that a former disk left behind, and an account that may not clean it away',
    on: SOLARIS,
    disk: world => new TestDisk(SLOT, world.addDisk(7, 600 * MiB).store),
    trouble: world => {
      world.solaris?.solarisDisks.strayNames.set(
        'c3d100s0',
        '../../devices/virtual-devices@100/channel-devices@200/disk@64:a',
      )
      answers(world, 'devfsadm', { exitStatus: 1, stderr: 'devfsadm: Permission denied\n' })
    },
    kind: 'permission-denied',
    says: ['device names', 'Permission denied'],
    over: async world => {
      honestAgain(world)
      await world.host.perform(['/usr/sbin/devfsadm', '-C', '-c', 'disk'], '')
      blank(world)
    },
  },
  {
    name: 'a volume that xfs finds too small',
    on: LINUX,
    disk: world => world.addDisk(SLOT, 200 * MiB),
    trouble: () => {},
    request: () => ({ format: { kind: 'filesystem', type: 'xfs', mountOptions: [] } }),
    kind: 'out-of-range',
    says: ['DISK', 'larger than 300MB', 'larger volume or for ext4'],
    over: (world, disk) => {
      world.removeDisk(disk)
      world.addDisk(SLOT, 1 * GiB)
    },
  },
])

describe('at a published target', () => {
  async function published(kind: PlatformKind) {
    const world = guestWorld(kind)
    const disk = await used(world)
    await world.volumes.stage(world.stageRequest(disk, { written: true }))
    return { world, disk }
  }

  test.each(BOTH)('in a %s guest: something else is mounted there', async kind => {
    const { world, disk } = await published(kind)
    const other = world.addDisk(101, 600 * MiB)
    await world.volumes.stage(
      world.stageRequest(other, { volumeId: 'silver/v2', stagingPath: '/pods/a/mount' }),
    )
    const publish = () => world.volumes.publish(world.publishRequest(disk))
    const before = seen(world)
    await expect(publish()).rejects.toMatchObject({
      kind: 'already-exists',
      message: expect.stringContaining('/pods/a/mount is in use'),
    })
    expect(seen(world)).toEqual(before)
    await world.volumes.unstage({ volumeId: 'silver/v2', stagingPath: '/pods/a/mount' })
    await publish()
    expect(world.guest.readFile('/pods/a/mount/data')).toBe(KEPT)
  })

  test.each(BOTH)('in a %s guest: a file that somebody made is not covered', async kind => {
    const { world, disk } = await published(kind)
    for (const path of ['/pods', '/pods/a']) world.guest.names.makeDirectory(path)
    await world.host.perform(['/bin/touch', '/pods/a/mount'], '')
    const before = seen(world)
    const publish = () => world.volumes.publish(world.publishRequest(disk))
    await expect(publish()).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('/pods/a/mount'),
    })
    expect(seen(world)).toEqual(before)
    await world.host.perform(['/bin/rm', '-f', '/pods/a/mount'], '')
    await publish()
    expect(world.guest.readFile('/pods/a/mount/data')).toBe(KEPT)
  })
})
