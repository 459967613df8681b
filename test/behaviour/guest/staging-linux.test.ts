// Staging in a Linux guest: its file systems, and what its tools say.

import {
  type Region,
  readSuperblock,
  type Superblock,
  writeSuperblock,
} from '../../../sim/guest/file-system.ts'
import { DISK_BYTES, damage, files, guestWorld, TestDisk, TiB, usedDisk } from './world.ts'

function getSuperblock(region: Region): Superblock {
  const superblock = readSuperblock(region)
  if (superblock === undefined) throw new Error('no file system')
  return superblock
}

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
        message: expect.stringContaining('uses the disk'),
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
