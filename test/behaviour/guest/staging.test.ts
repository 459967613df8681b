// Staging in a guest: what is formatted, what never is, and what a person is told.

import {
  type Region,
  readSuperblock,
  type Superblock,
  writeSuperblock,
} from '../../../sim/guest/file-system.ts'
import type { StageRequest } from '../../../src/guest/requests.ts'
import {
  DISK_BYTES,
  files,
  GiB,
  type GuestWorld,
  guestWorld,
  MiB,
  PLATFORMS,
  scribble,
  TestDisk,
  TiB,
} from './world.ts'

function getSuperblock(region: Region): Superblock {
  const superblock = readSuperblock(region)
  if (superblock === undefined) throw new Error('no file system')
  return superblock
}

/** A disk that somebody used before: with a file system and a file. */
async function usedDisk(world: GuestWorld, id = 100): Promise<TestDisk> {
  const disk = world.addDisk(id, DISK_BYTES)
  const request = world.stageRequest(disk, { stagingPath: `/staging/used-${id}` })
  await world.volumes.stage(request)
  world.guest.writeFile(`/staging/used-${id}/data`, 'kept')
  await world.volumes.unstage(request)
  return disk
}

describe.each(PLATFORMS)('in a %s guest', kind => {
  test('a blank disk gets a file system once, and its files come back after the guest restarts', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)

    await world.volumes.stage(world.stageRequest(disk))
    world.guest.writeFile('/staging/v1/data', 'kept')
    world.restart()
    await world.fresh().stage(world.stageRequest(disk, { written: true }))

    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    expect(world.guest.formatCount(100)).toBe(1)
  })

  test('staging again changes nothing', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)

    await world.volumes.stage(world.stageRequest(disk))
    await world.fresh().stage(world.stageRequest(disk))

    expect(world.guest.mounts()).toHaveLength(1)
    expect(world.guest.formatCount(100)).toBe(1)
  })

  test('a disk that comes late is waited for', async () => {
    const world = guestWorld(kind)
    const disk = new TestDisk(100, world.addDisk(7, DISK_BYTES).store)
    world.clock.afterWait = () => {
      if (world.clock.now !== 5000) return
      world.disks.disks.push(disk)
      world.disks.tell('disks')
    }

    await world.volumes.stage(world.stageRequest(disk))

    expect(world.guest.mounts()).toMatchObject([{ path: '/staging/v1', disk: 100 }])
  })

  test(
    'a disk that does not come is unavailable after the wait, and the message names volume ' +
      'and number',
    async () => {
      const world = guestWorld(kind)
      const disk = new TestDisk(100, world.addDisk(7, DISK_BYTES).store)

      const staged = world.volumes.stage(world.stageRequest(disk))

      await expect(staged).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('volume silver/v1, disk 100'),
      })
      expect(world.clock.now).toBe(30_000)
    },
  )

  test('a number above nine finds its own disk, not one that shares its digits', async () => {
    const world = guestWorld(kind)
    world.addDisk(1, DISK_BYTES)
    const ten = world.addDisk(10, DISK_BYTES)
    world.addDisk(16, DISK_BYTES)
    world.addDisk(110, DISK_BYTES)

    await world.volumes.stage(world.stageRequest(ten))

    expect(world.guest.mounts()).toMatchObject([{ disk: 10 }])
    expect([1, 16, 110].map(id => world.guest.formatCount(id))).toEqual([0, 0, 0])
  })

  const REFUSED: readonly { name: string; change: Partial<StageRequest>; says: string }[] = [
    {
      name: 'a volume made from another one',
      change: { createdEmpty: false },
      says: 'made from another one',
    },
    {
      name: 'a volume on which the storage side counts bytes',
      change: { written: true },
      says: 'counts bytes',
    },
    {
      name: 'a disk larger than the volume',
      change: { sizeBytes: 500 * MiB },
      says: 'detach and attach it',
    },
    {
      name: 'a disk smaller than the volume',
      change: { sizeBytes: 700 * MiB },
      says: 'may be another disk',
    },
    { name: 'a disk that is attached read-only', change: { mode: 'ro' }, says: 'read-only' },
  ]
  test.each(REFUSED)('a blank disk is not formatted for $name', async ({ change, says }) => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)

    const staged = world.volumes.stage(world.stageRequest(disk, change))

    await expect(staged).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining(says),
    })
    expect(world.guest.formatCount(100)).toBe(0)
    expect(disk.store.read(0, 4096).every(byte => byte === 0)).toBe(true)
  })

  test('a disk with bytes that no tool knows is not formatted', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    scribble(disk)

    const staged = world.volumes.stage(world.stageRequest(disk))

    await expect(staged).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('data that no tool knows'),
    })
    expect(disk.store.read(0, 8).toString()).toBe('somebody')
  })

  test('a disk with a file system is mounted as it is, even for a volume that is called new', async () => {
    const world = guestWorld(kind)
    const disk = await usedDisk(world)

    await world.volumes.stage(world.stageRequest(disk, { createdEmpty: true, written: false }))

    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    expect(world.guest.formatCount(100)).toBe(1)
  })

  test('another type than the one on the disk is refused', async () => {
    const world = guestWorld(kind)
    const disk = await usedDisk(world)
    const other = kind === 'linux' ? 'xfs' : 'zfs'

    const staged = world.volumes.stage(
      world.stageRequest(disk, { format: { kind: 'filesystem', type: other, mountOptions: [] } }),
    )

    await expect(staged).rejects.toMatchObject({
      kind: kind === 'linux' ? 'failed-precondition' : 'unsupported',
    })
    expect(world.guest.formatCount(100)).toBe(1)
  })

  test('a disk that stops answering is not taken for a blank one', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    disk.alive = false

    await expect(world.volumes.stage(world.stageRequest(disk))).rejects.toMatchObject({
      kind: 'unavailable',
    })

    disk.alive = true
    expect(world.guest.formatCount(100)).toBe(0)
  })

  test('a process that has the disk open keeps it from being formatted', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    const end = world.guest.holdOpen(kind === 'linux' ? '/dev/vdiskcw' : '/dev/rdsk/c0d100s0')

    await expect(world.volumes.stage(world.stageRequest(disk))).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('process 4000'),
    })
    expect(world.guest.formatCount(100)).toBe(0)

    end()
    await world.volumes.stage(world.stageRequest(disk))
    expect(world.guest.formatCount(100)).toBe(1)
  })

  test('a staging path that another disk covers is refused by name', async () => {
    const world = guestWorld(kind)
    await world.volumes.stage(world.stageRequest(world.addDisk(100, DISK_BYTES)))

    const second = world.volumes.stage(
      world.stageRequest(world.addDisk(101, DISK_BYTES), { volumeId: 'silver/v2' }),
    )

    const source = kind === 'linux' ? '/dev/vdiskcw' : '/dev/dsk/c0d100s0'
    await expect(second).rejects.toMatchObject({
      kind: 'already-exists',
      message: expect.stringContaining(source),
    })
  })

  test('a file system that a crash left in need of repair is repaired and mounted', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk))
    world.guest.writeFile('/staging/v1/data', 'kept')
    const crashed = world.addDisk(101, disk.store.copy())

    await world.volumes.stage(
      world.stageRequest(crashed, {
        volumeId: 'silver/v2',
        stagingPath: '/staging/v2',
        createdEmpty: false,
        written: true,
      }),
    )

    expect(world.guest.readFile('/staging/v2/data')).toBe('kept')
  })

  test('a file system smaller than its disk grows when it is staged', async () => {
    const world = guestWorld(kind)
    const disk = await usedDisk(world)
    disk.store.resize(2 * GiB)
    const grown = world.disks.disks.indexOf(disk)
    world.disks.disks.splice(grown, 1)
    world.disks.tell('disks')
    const again = world.addDisk(100, disk.store)

    await world.volumes.stage(world.stageRequest(again, { written: true }))

    const { bytes } = await world.volumes.statistics({ volumeId: 'silver/v1', path: '/staging/v1' })
    expect(bytes.total).toBeGreaterThan(1.7 * GiB)
    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
  })

  test('a read-only volume is mounted without writing a byte', async () => {
    const world = guestWorld(kind)
    const disk = await usedDisk(world)
    const copy = world.addDisk(101, disk.store.copy(), { mode: 'ro' })
    const before = copy.store.read(0, 64 * 1024)

    await world.volumes.stage(
      world.stageRequest(copy, {
        volumeId: 'silver/v2',
        stagingPath: '/staging/v2',
        createdEmpty: false,
        written: true,
        mode: 'ro',
      }),
    )

    expect(world.guest.readFile('/staging/v2/data')).toBe('kept')
    expect(() => world.guest.writeFile('/staging/v2/data', 'changed')).toThrow('Read-only')
    expect(copy.store.read(0, 64 * 1024).equals(before)).toBe(true)
  })

  test('staging a read-only mount writable is refused until it is unstaged', async () => {
    const world = guestWorld(kind)
    const disk = await usedDisk(world)
    await world.volumes.stage(world.stageRequest(disk, { written: true, mode: 'ro' }))

    await expect(
      world.volumes.stage(world.stageRequest(disk, { written: true })),
    ).rejects.toMatchObject({ kind: 'already-exists' })
  })

  test.each([
    'a,b',
    '-x',
    'remount',
    'discard',
    '',
    'offset=4096',
    'sizelimit=4096',
    'X-mount.subdir=a',
    'context="a,b" ,rw',
  ])('the mount option %j is refused', async option => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)

    const staged = world.volumes.stage(
      world.stageRequest(disk, {
        format: { kind: 'filesystem', type: '', mountOptions: [option] },
      }),
    )

    await expect(staged).rejects.toMatchObject({ kind: 'invalid-argument' })
    expect(world.guest.formatCount(100)).toBe(0)
  })

  test('a second request for a volume that is being worked on is refused', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    const first = world.volumes.stage(world.stageRequest(disk))

    await expect(
      world.volumes.unstage({ volumeId: 'silver/v1', stagingPath: '/staging/v1' }),
    ).rejects.toMatchObject({ kind: 'busy' })

    await first
  })

  test('text that a login script prints before every answer is tolerated', async () => {
    const world = guestWorld(kind)
    world.host.banner = 'Authorised users only\nAll use is logged\n'
    const disk = world.addDisk(100, DISK_BYTES)

    await world.volumes.stage(world.stageRequest(disk))
    await world.volumes.publish(world.publishRequest(disk))
    await world.volumes.unpublish({ volumeId: 'silver/v1', targetPath: '/pods/a/mount' })
    await world.volumes.unstage({ volumeId: 'silver/v1', stagingPath: '/staging/v1' })

    expect(world.guest.mounts()).toEqual([])
    expect(world.guest.formatCount(100)).toBe(1)
  })
})

describe('in a linux guest', () => {
  test('a copy of an xfs volume is mounted beside its original, whichever comes first', async () => {
    const world = guestWorld('linux')
    const xfs = files('xfs')
    const original = world.addDisk(100, DISK_BYTES)
    const request = world.stageRequest(original, { format: xfs })
    await world.volumes.stage(request)
    await world.volumes.unstage(request)
    const copy = world.addDisk(101, original.store.copy())

    await world.volumes.stage(
      world.stageRequest(copy, {
        volumeId: 'silver/v2',
        stagingPath: '/staging/v2',
        format: xfs,
        createdEmpty: false,
        written: true,
      }),
    )
    await world.volumes.stage({ ...request, written: true })

    expect(world.guest.mounts().map(mount => mount.path)).toEqual(['/staging/v2', '/staging/v1'])
  })

  test.each(['current', 'solaris-10'] as const)(
    'the size of a disk is read as iostat prints it: %s',
    async release => {
      const world = guestWorld('solaris')
      if (world.solaris) world.solaris.solarisDisks.iostatRelease = release

      await world.volumes.stage(
        world.stageRequest(world.addDisk(100, DISK_BYTES, { shape: 'full' })),
      )

      expect(world.guest.mounts()).toMatchObject([{ disk: 100 }])
    },
  )

  test(
    'a volume over 2 TiB is refused before anything is looked at: the driver would show it ' +
      'wrongly',
    async () => {
      const world = guestWorld('linux')
      const disk = world.addDisk(100, 3 * TiB)

      await expect(world.volumes.stage(world.stageRequest(disk))).rejects.toMatchObject({
        kind: 'out-of-range',
      })

      expect(world.timeline.commands).toEqual([])
    },
  )

  test('errors that only a person may repair are left to a person', async () => {
    const world = guestWorld('linux')
    const disk = await usedDisk(world)
    damage(disk)

    const staged = world.volumes.stage(world.stageRequest(disk, { written: true }))

    await expect(staged).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('e2fsck by hand'),
    })
  })

  const asItIs = [
    {
      name: 'an ext4 of a newer system',
      type: 'ext4',
      change: { newer: true },
      says: 'nothing is damaged',
    },
    {
      name: 'an xfs that needs repair',
      type: 'xfs',
      change: { damaged: true },
      says: 'xfs_repair',
    },
  ] as const
  test.each(asItIs)('$name is said to be that', async ({ type, change, says }) => {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    const request = world.stageRequest(disk, {
      format: { kind: 'filesystem', type, mountOptions: [] },
    })
    await world.volumes.stage(request)
    await world.volumes.unstage(request)
    const region = world.guest.region(disk)
    writeSuperblock(region, { ...getSuperblock(region), ...change })

    const staged = world.volumes.stage({ ...request, written: true })

    await expect(staged).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining(says),
    })
  })

  test.each(['ext4', 'xfs'])(
    'a disk with %s that somebody holds is in use, not broken',
    async type => {
      const world = guestWorld('linux')
      const disk = world.addDisk(100, DISK_BYTES)
      const request = world.stageRequest(disk, {
        format: { kind: 'filesystem', type, mountOptions: [] },
      })
      await world.volumes.stage(request)
      await world.volumes.unstage(request)
      world.linux?.exclusive.add(disk)

      const staged = world.volumes.stage({ ...request, written: true })

      await expect(staged).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringContaining('holds the disk'),
      })
    },
  )

  test('a swap area on the disk keeps it from being formatted', async () => {
    const world = guestWorld('linux')
    world.linux?.swaps.add('vdiskcw')
    const disk = world.addDisk(100, DISK_BYTES)

    await expect(world.volumes.stage(world.stageRequest(disk))).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('swap'),
    })
  })

  test('a guest without virtual disks says so', async () => {
    const world = guestWorld('linux')
    const disk = new TestDisk(100, world.addDisk(7, DISK_BYTES).store)
    world.timeline.rules.push(argv =>
      argv.at(-1) === '/sys/bus/vio/devices'
        ? {
            kind: 'answer',
            answer: {
              exitStatus: 2,
              stdout: '',
              stderr: "ls: cannot access '/sys/bus/vio/devices': No such file or directory\n",
            },
          }
        : undefined,
    )

    await expect(world.volumes.stage(world.stageRequest(disk))).rejects.toMatchObject({
      kind: 'failed-precondition',
    })
  })
})

describe('in a solaris guest', () => {
  test('errors that only a person may repair are left to a person', async () => {
    const world = guestWorld('solaris')
    const disk = await usedDisk(world)
    damage(disk)

    const staged = world.volumes.stage(world.stageRequest(disk, { written: true }))

    await expect(staged).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('fsck by hand'),
    })
  })

  test.each([0, 1, 3])(
    'the disk is found whatever controller number the guest gave: %d',
    async controller => {
      const world = guestWorld('solaris', { controller })
      const disk = world.addDisk(100, DISK_BYTES)

      await world.volumes.stage(world.stageRequest(disk))

      expect(world.guest.mounts()).toMatchObject([{ source: `/dev/dsk/c${controller}d100s0` }])
    },
  )

  test.each([
    { what: 'a small slice', bytes: DISK_BYTES, shape: 'slice' },
    {
      what: 'a slice that is no whole number of cylinders',
      bytes: 20 * GiB + 8192,
      shape: 'slice',
    },
    { what: 'a slice with an EFI table', bytes: 3 * TiB, shape: 'slice' },
    { what: 'a small whole disk', bytes: DISK_BYTES, shape: 'full' },
    { what: 'a whole disk with large cylinders', bytes: 20 * GiB, shape: 'full' },
    { what: 'a whole disk with an EFI table', bytes: 3 * TiB, shape: 'full' },
  ] as const)(
    '$what is recognised by its exact size, labelled if need be, and used',
    async ({ bytes, shape }) => {
      const world = guestWorld('solaris')
      const disk = world.addDisk(100, bytes, { shape })

      await world.volumes.stage(world.stageRequest(disk))
      world.guest.writeFile('/staging/v1/data', 'kept')
      world.restart()
      await world.fresh().stage(world.stageRequest(disk, { written: true }))

      expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
      expect(world.guest.formatCount(100)).toBe(1)
    },
  )

  test('an older release that labels by questions is answered', async () => {
    const world = guestWorld('solaris')
    if (world.solaris) world.solaris.solarisDisks.hasLabelOption = false
    const disk = world.addDisk(100, DISK_BYTES, { shape: 'full' })

    await world.volumes.stage(world.stageRequest(disk))

    expect(world.guest.formatCount(100)).toBe(1)
  })

  test('an unlabelled disk is not labelled for a volume that must hold data', async () => {
    const world = guestWorld('solaris')
    const disk = world.addDisk(100, DISK_BYTES, { shape: 'full' })

    await expect(
      world.volumes.stage(world.stageRequest(disk, { createdEmpty: false })),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
    })

    expect(disk.store.read(0, 512).every(byte => byte === 0)).toBe(true)
  })

  test('a disk that gives EIO to the label tool is not taken for an unlabelled one', async () => {
    const world = guestWorld('solaris')
    const disk = world.addDisk(100, DISK_BYTES, { shape: 'full' })
    disk.alive = false

    await expect(world.volumes.stage(world.stageRequest(disk))).rejects.toMatchObject({
      kind: 'unavailable',
    })
  })

  test('data behind the place of the label is not formatted', async () => {
    const world = guestWorld('solaris')
    const disk = world.addDisk(100, DISK_BYTES, { shape: 'full' })
    const firstOfSliceZero = 34 * 512
    disk.store.write(firstOfSliceZero, Buffer.from('somebody else wrote here'))

    const staged = world.volumes.stage(world.stageRequest(disk))

    await expect(staged).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('data that no tool knows'),
    })
    expect(world.guest.formatCount(100)).toBe(0)
    expect(disk.store.read(firstOfSliceZero, 8).toString()).toBe('somebody')
  })

  test('names that a former disk left behind are cleaned away', async () => {
    const world = guestWorld('solaris', { controller: 1 })
    world.solaris?.solarisDisks.strayNames.set(
      'c0d100s0',
      '../../devices/virtual-devices@100/channel-devices@200/disk@64:a',
    )
    const disk = world.addDisk(100, DISK_BYTES)
    world.removeDisk(disk)
    const next = new TestDisk(100, disk.store)
    world.clock.afterWait = () => {
      if (world.disks.disks.length > 0) return
      next.present = true
      world.disks.disks.push(next)
      world.disks.tell('disks')
    }

    await world.volumes.stage(world.stageRequest(next))

    expect(world.guest.mounts()).toMatchObject([{ disk: 100 }])
  })

  test('a guest whose device daemon lags is asked to make the names', async () => {
    const world = guestWorld('solaris')
    if (world.solaris) world.solaris.solarisDisks.followsHotplug = false
    const disk = world.addDisk(100, DISK_BYTES)

    await world.volumes.stage(world.stageRequest(disk))

    expect(world.guest.mounts()).toMatchObject([{ disk: 100 }])
  })
})

/** Marks the file system as one that its repair tool gives up on. */
function damage(disk: TestDisk): void {
  const text = disk.store.read(0, 4096).toString('latin1')
  disk.store.write(
    0,
    Buffer.from(
      text.replace('"damaged":false', '"damaged":true ').replace('"clean":true ', '"clean":false'),
      'latin1',
    ),
  )
}
