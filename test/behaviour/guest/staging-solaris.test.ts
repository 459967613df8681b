// Staging in a Solaris guest: its disks, their labels and names.

import { DISK_BYTES, damage, GiB, guestWorld, TestDisk, TiB, usedDisk } from './world.ts'

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
