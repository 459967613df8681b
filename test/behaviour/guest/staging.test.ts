// Staging in a guest: which disk is mounted, how, and what a person is told.

import { DISK_BYTES, GiB, guestWorld, PLATFORMS, TestDisk, usedDisk } from './world.ts'

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

  test('a caller whose deadline passes during the wait is told what is missing', async () => {
    const world = guestWorld(kind)
    const disk = new TestDisk(100, world.addDisk(7, DISK_BYTES).store)
    const caller = new AbortController()
    world.clock.afterWait = () => {
      if (world.clock.now === 3000) caller.abort(new Error('the deadline'))
    }

    await expect(
      world.volumes.stage(world.stageRequest(disk), caller.signal),
    ).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('does not show the disk'),
    })
    expect(world.clock.now).toBe(3000)
  })

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
