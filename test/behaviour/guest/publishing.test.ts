// Publishing, measuring and taking away again: mounts of pods, raw block devices, and what still
// holds a disk.

import { DISK_BYTES, guestWorld, MiB, PLATFORMS, STAGED, stagedWorld, TARGET } from './world.ts'

describe.each(PLATFORMS)('in a %s guest', kind => {
  test('what is written at the target is in the volume', async () => {
    const { world, disk } = await stagedWorld(kind)

    await world.volumes.publish(world.publishRequest(disk))
    world.guest.writeFile('/pods/a/mount/data', 'kept')

    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
  })

  test('publishing again changes nothing', async () => {
    const { world, disk } = await stagedWorld(kind)

    await world.volumes.publish(world.publishRequest(disk))
    await world.fresh().publish(world.publishRequest(disk))

    expect(world.guest.mounts()).toHaveLength(2)
  })

  test('a read-only target cannot be written, and its volume can', async () => {
    const { world, disk } = await stagedWorld(kind)

    await world.volumes.publish(world.publishRequest(disk, { readonly: true }))

    expect(() => world.guest.writeFile('/pods/a/mount/data', 'x')).toThrow('Read-only')
    world.guest.writeFile('/staging/v1/data', 'x')
    expect(world.guest.readFile('/pods/a/mount/data')).toBe('x')
  })

  test.each([true, false])(
    'publishing at the same target with other rights is refused (read-only first: %j)',
    async readonly => {
      const { world, disk } = await stagedWorld(kind)
      await world.volumes.publish(world.publishRequest(disk, { readonly }))

      const again = world.volumes.publish(world.publishRequest(disk, { readonly: !readonly }))

      await expect(again).rejects.toMatchObject({ kind: 'already-exists' })
    },
  )

  test('a volume that is not staged cannot be published', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)

    const published = world.volumes.publish(world.publishRequest(disk))

    await expect(published).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('stage it first'),
    })
  })

  test('a target that another volume covers is refused', async () => {
    const { world, disk } = await stagedWorld(kind)
    await world.volumes.publish(world.publishRequest(disk))
    const other = world.addDisk(101, DISK_BYTES)
    const second = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }
    await world.volumes.stage(world.stageRequest(other, second))

    await expect(world.volumes.publish(world.publishRequest(other, second))).rejects.toMatchObject({
      kind: 'already-exists',
    })
  })

  test('a second target is allowed or refused as the access mode says, and names the first', async () => {
    const { world, disk } = await stagedWorld(kind)
    await world.volumes.publish(world.publishRequest(disk))
    const second = { targetPath: '/pods/b/mount' }

    const exclusive = world.volumes.publish(
      world.publishRequest(disk, { ...second, exclusive: true }),
    )
    await expect(exclusive).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('/pods/a/mount'),
    })

    await world.volumes.publish(world.publishRequest(disk, second))
    expect(world.guest.mounts()).toHaveLength(3)
  })

  test('a volume that is still published is not unstaged', async () => {
    const { world, disk } = await stagedWorld(kind)
    await world.volumes.publish(world.publishRequest(disk))

    const unstaged = world.volumes.unstage(STAGED)

    await expect(unstaged).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('/pods/a/mount'),
    })
    expect(world.guest.mounts()).toHaveLength(2)
  })

  test(
    'after unpublish and unstage nothing is left but the directory of the orchestrator, and ' +
      'nothing holds the disk',
    async () => {
      const { world, disk } = await stagedWorld(kind)
      await world.volumes.publish(world.publishRequest(disk))

      await world.volumes.unpublish(TARGET)
      await world.volumes.unstage(STAGED)

      expect(world.guest.mounts()).toEqual([])
      expect(world.guest.names.find('/pods/a/mount')).toBeUndefined()
      expect(world.guest.names.find('/staging/v1')).toEqual({ kind: 'directory' })
      expect([...disk.holders]).toEqual([])
    },
  )

  test('taking away what is not there is success', async () => {
    const world = guestWorld(kind)

    await world.volumes.unpublish(TARGET)
    await world.volumes.unstage(STAGED)

    expect(world.guest.mounts()).toEqual([])
  })

  test('taking away twice is success', async () => {
    const { world, disk } = await stagedWorld(kind)
    await world.volumes.publish(world.publishRequest(disk))

    await world.volumes.unpublish(TARGET)
    await world.volumes.unpublish(TARGET)
    await world.volumes.unstage(STAGED)
    await world.volumes.unstage(STAGED)

    expect(world.guest.mounts()).toEqual([])
  })

  test('a target that a process uses is busy, and goes when the process ends', async () => {
    const { world, disk } = await stagedWorld(kind)
    await world.volumes.publish(world.publishRequest(disk))
    const end = world.guest.holdOpen('/pods/a/mount/data')

    await expect(world.volumes.unpublish(TARGET)).rejects.toMatchObject({ kind: 'busy' })
    expect(world.guest.mounts()).toHaveLength(2)

    end()
    await world.volumes.unpublish(TARGET)
    expect(world.guest.mounts()).toHaveLength(1)
  })

  test('unpublish never removes what it did not make', async () => {
    const { world } = await stagedWorld(kind)
    for (const path of ['/pods', '/pods/a', '/pods/a/mount', '/pods/a/mount/precious']) {
      world.guest.names.makeDirectory(path)
    }

    await world.volumes.unpublish(TARGET)

    expect(world.guest.names.find('/pods/a/mount/precious')).toEqual({ kind: 'directory' })
  })

  test('a target left half-made by a crash is used', async () => {
    const { world, disk } = await stagedWorld(kind)
    for (const path of ['/pods', '/pods/a', '/pods/a/mount']) world.guest.names.makeDirectory(path)

    await world.volumes.publish(world.publishRequest(disk))

    expect(world.guest.mounts()).toHaveLength(2)
  })

  test.each(['/staging/v1', '/pods/a/mount'])(
    'statistics of %s are those of the file system',
    async path => {
      const { world, disk } = await stagedWorld(kind)
      await world.volumes.publish(world.publishRequest(disk))
      world.guest.writeFile('/staging/v1/data', 'x'.repeat(100_000))

      const { bytes, inodes } = await world.volumes.statistics({ volumeId: 'silver/v1', path })

      expect(bytes.total).toBeGreaterThan(500 * MiB)
      expect(bytes.used).toBeGreaterThanOrEqual(100_000)
      expect(bytes.used + bytes.available).toBeLessThanOrEqual(bytes.total)
      expect(inodes?.used).toBeGreaterThan(0)
    },
  )

  test.each(['some/path', '/not/there', '/mnt'])(
    'statistics of %s, which is no volume, are not found',
    async path => {
      const { world } = await stagedWorld(kind)

      await expect(world.volumes.statistics({ volumeId: 'silver/v1', path })).rejects.toMatchObject(
        { kind: 'not-found' },
      )
    },
  )

  test('statistics of a dead disk are unavailable, not wrong', async () => {
    const { world, disk } = await stagedWorld(kind)
    disk.alive = false

    await expect(
      world.volumes.statistics({ volumeId: 'silver/v1', path: '/staging/v1' }),
    ).rejects.toMatchObject({ kind: 'unavailable' })
  })

  test('growth is refused while the guest sees the old size, then fills the disk', async () => {
    const { world, disk } = await stagedWorld(kind)
    const request = { volumeId: 'silver/v1', path: '/staging/v1', sizeBytes: 900 * MiB }

    // Where the guest looks again by itself the caller may wait; elsewhere only mounting anew
    // helps, which must not be held up.
    const refusal = kind === 'linux' ? 'failed-precondition' : 'unavailable'
    await expect(world.volumes.expand(request)).rejects.toMatchObject({ kind: refusal })

    disk.store.resize(900 * MiB)
    // A Linux guest reads the size when the disk appears, and never again (sunvdc).
    if (kind === 'linux') {
      await world.volumes.unstage(STAGED)
      world.removeDisk(disk)
      disk.present = true
      world.addDisk(100, disk.store)
      await world.volumes.stage(world.stageRequest(disk, { written: true }))
    }
    await expect(world.volumes.expand(request)).resolves.toEqual({ sizeBytes: 900 * MiB })
    const { bytes } = await world.volumes.statistics(request)
    expect(bytes.total).toBeGreaterThan(750 * MiB)
  })

  test('paths that are not absolute are refused', async () => {
    const { world, disk } = await stagedWorld(kind)

    await expect(
      world.volumes.publish(world.publishRequest(disk, { targetPath: '-rf' })),
    ).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
  })
})

test('a mounted file system is a row of the resource coordinator of a solaris guest', async () => {
  const { disk } = await stagedWorld('solaris')

  expect([...disk.holders.values()]).toEqual([
    { resource: '/dev/dsk/c0d100s0', information: 'mounted filesystem "/staging/v1"' },
  ])
})

test(
  'a disk that is taken from under a linux guest gives errors, and its place in the guest ' +
    'can be cleaned up',
  async () => {
    const { world, disk } = await stagedWorld('linux')
    world.removeDisk(disk)

    expect(() => world.guest.readFile('/staging/v1/data')).toThrow('gone')
    await world.volumes.unstage(STAGED)
    expect(world.guest.mounts()).toEqual([])
  },
)
