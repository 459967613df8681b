// Which disk a guest formats, and which never.

import type { StageRequest } from '../../../src/guest/requests.ts'
import { DISK_BYTES, guestWorld, MiB, PLATFORMS, scribble, usedDisk } from './world.ts'

describe.each(PLATFORMS)('in a %s guest', kind => {
  const REFUSED: readonly { name: string; change: Partial<StageRequest>; says: string }[] = [
    {
      name: 'a volume made from another one',
      change: { createdEmpty: false },
      says: 'created from another one',
    },
    {
      name: 'a volume on which the storage side counts bytes',
      change: { written: true },
      says: 'counts data',
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
})
