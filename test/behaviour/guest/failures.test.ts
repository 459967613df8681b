// Disks, file systems and guests that fail under a volume, and what its health says.

import {
  files,
  type GuestWorld,
  inspect,
  MiB,
  STAGED,
  stagedWorld,
  TARGET,
  type TestDisk,
} from './world.ts'

const GUESTS = [
  { platform: 'linux', type: 'ext4' },
  { platform: 'linux', type: 'xfs' },
  { platform: 'solaris', type: 'ufs' },
] as const

/** Takes the disk away while it is in use, and gives it back under its number. */
function reattach(world: GuestWorld, disk: TestDisk): TestDisk {
  world.removeDisk(disk)
  return world.addDisk(disk.id, disk.store)
}

/** The options that the plugin gave to mount for the path. */
function mountOptions(world: GuestWorld, path: string): string {
  const command = world.timeline.commands.findLast(
    ({ argv }) => argv[0]?.endsWith('/mount') && argv.at(-1) === path,
  )
  return command?.argv[(command.argv.indexOf('-o') ?? 0) + 1] ?? ''
}

describe.each(GUESTS)('$type in a $platform guest', ({ platform, type }) => {
  test('is healthy, staged, published and read-only', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    await world.volumes.publish(world.publishRequest(disk, { readonly: true }))

    expect(await inspect(world)).toEqual([])
    expect(await inspect(world, '/staging/v1', 'unknown')).toEqual([])
    expect(await inspect(world, '/pods/a/mount', 'ro')).toEqual([])
  })

  test('whose disk was taken away is told, and can be cleaned up', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    await world.volumes.publish(world.publishRequest(disk))
    world.removeDisk(disk)

    for (const path of ['/staging/v1', '/pods/a/mount']) {
      expect(await inspect(world, path)).toMatchObject([
        { kind: 'inaccessible', reason: 'DeviceGone' },
      ])
    }
    const plugin = world.fresh()
    await plugin.unpublish(TARGET)
    await plugin.unstage(STAGED)
    expect(world.guest.mounts()).toEqual([])
    expect(await inspect(world)).toMatchObject([{ kind: 'inaccessible', reason: 'MountVanished' }])
  })

  test('whose disk went and came back under its mount is mounted anew, with what it held', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    const again = reattach(world, disk)
    const request = world.stageRequest(again, { format: files(type), written: true })

    expect(await inspect(world)).toMatchObject([{ kind: 'inaccessible' }])
    await world.fresh().stage(request)

    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    world.guest.writeFile('/staging/v1/more', 'written')
    expect(await inspect(world)).toEqual([])
    expect(world.guest.mounts()).toHaveLength(1)
    expect(world.guest.formatCount(100)).toBe(1)
  })

  test('whose disk came back is not unmounted under a pod: the message names its target', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    await world.volumes.publish(world.publishRequest(disk))
    const again = reattach(world, disk)
    const request = world.stageRequest(again, { format: files(type), written: true })
    const plugin = world.fresh()

    await expect(plugin.stage(request)).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('unpublish it at /pods/a/mount'),
    })
    expect(world.guest.mounts()).toHaveLength(2)

    await plugin.unpublish(TARGET)
    await plugin.stage(request)
    await plugin.publish(world.publishRequest(again))
    expect(world.guest.readFile('/pods/a/mount/data')).toBe('kept')
  })

  test('is not believed to be staged while a process keeps the dead mount busy', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    const end = world.guest.holdOpen('/staging/v1/data')
    const again = reattach(world, disk)
    const request = world.stageRequest(again, { format: files(type), written: true })

    await expect(world.fresh().stage(request)).rejects.toMatchObject({ kind: 'busy' })

    end()
    await world.fresh().stage(request)
    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
  })

  test('on a disk that does not answer is told, and is healthy again when it does', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    disk.alive = false

    expect(await inspect(world)).toMatchObject([
      { kind: 'inaccessible', message: expect.stringContaining('silver/v1') },
    ])

    disk.alive = true
    expect(await inspect(world)).toEqual([])
  })

  test('that somebody mounted read-only is told, unless it was asked for', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    await world.volumes.unstage(STAGED)
    await world.volumes.stage(
      world.stageRequest(disk, { format: files(type), written: true, mode: 'ro' }),
    )

    expect(await inspect(world)).toMatchObject([{ kind: 'degraded', reason: 'MountedReadOnly' }])
    expect(await inspect(world, '/staging/v1', 'unknown')).toMatchObject([
      { kind: 'degraded', reason: 'MountedReadOnly' },
    ])
    expect(await inspect(world, '/staging/v1', 'ro')).toEqual([])
  })

  test('is gone with a guest that starts again: told, not published, staged again', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    await world.volumes.publish(world.publishRequest(disk))
    world.restart()
    const plugin = world.fresh()

    expect(await inspect(world)).toMatchObject([{ kind: 'inaccessible', reason: 'MountVanished' }])
    await expect(plugin.publish(world.publishRequest(disk))).rejects.toMatchObject({
      kind: 'failed-precondition',
    })
    await plugin.stage(world.stageRequest(disk, { format: files(type), written: true }))
    await plugin.publish(world.publishRequest(disk))

    expect(world.guest.readFile('/pods/a/mount/data')).toBe('kept')
  })

  test('is served by a plugin that starts again as if it had always been there', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    await world.volumes.publish(world.publishRequest(disk))
    const plugin = world.fresh()
    const before = world.guest.mounts()

    await plugin.stage(world.stageRequest(disk, { format: files(type), written: true }))
    await plugin.publish(world.publishRequest(disk))
    expect(world.guest.mounts()).toEqual(before)

    await expect(plugin.unstage(STAGED)).rejects.toMatchObject({ kind: 'busy' })
    await plugin.unpublish(TARGET)
    await plugin.unstage(STAGED)
    expect(world.guest.mounts()).toEqual([])
  })

  test('is published at several targets, writable and read-only, and goes from each by itself', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    const targets = ['/pods/a/mount', '/pods/b/mount', '/pods/c/mount']
    for (const targetPath of targets) {
      await world.volumes.publish(
        world.publishRequest(disk, { targetPath, readonly: targetPath === '/pods/b/mount' }),
      )
    }

    world.guest.writeFile('/pods/a/mount/data', 'from a')
    expect(world.guest.readFile('/pods/c/mount/data')).toBe('from a')
    expect(() => world.guest.writeFile('/pods/b/mount/data', 'from b')).toThrow('Read-only')

    for (const targetPath of ['/pods/b/mount', '/pods/a/mount', '/pods/c/mount']) {
      await expect(world.volumes.unstage(STAGED)).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringContaining(targetPath),
      })
      await world.fresh().unpublish({ volumeId: 'silver/v1', targetPath })
    }
    await world.volumes.unstage(STAGED)
    expect(world.guest.mounts()).toEqual([])
  })

  test(
    'of a volume that was not closed is mounted read-only: its log is replayed where the ' +
      'disk can be written',
    async () => {
      const { world, disk } = await stagedWorld(platform, { format: files(type) })
      const crashed = world.addDisk(101, disk.store.copy())
      const other = {
        volumeId: 'silver/v2',
        stagingPath: '/staging/v2',
        createdEmpty: false,
        written: true,
      }

      await world.volumes.stage(
        world.stageRequest(crashed, { ...other, format: files(type, 'ro') }),
      )

      expect(world.guest.readFile('/staging/v2/data')).toBe('kept')
      expect(mountOptions(world, '/staging/v2')).not.toMatch(/noload|norecovery/)
      expect(() => world.guest.writeFile('/staging/v2/data', 'x')).toThrow('Read-only')
    },
  )

  test(
    'of a volume that was not closed is never shown without its log, nor written to on a ' +
      'read-only disk',
    async () => {
      const { world, disk } = await stagedWorld(platform, { format: files(type) })
      const crashed = world.addDisk(101, disk.store.copy(), { mode: 'ro' })
      const before = crashed.store.read(0, MiB)
      const other = {
        volumeId: 'silver/v2',
        stagingPath: '/staging/v2',
        createdEmpty: false,
        written: true,
      }

      const staging = world.volumes.stage(
        world.stageRequest(crashed, { ...other, format: files(type), mode: 'ro' }),
      )

      if (platform === 'linux') {
        await expect(staging).rejects.toMatchObject({
          kind: 'failed-precondition',
          message: expect.stringContaining('attach it writable once'),
        })
      } else {
        await staging
        expect(world.guest.readFile('/staging/v2/data')).toBe('kept')
      }
      expect(crashed.store.read(0, MiB).equals(before)).toBe(true)
    },
  )

  test('of a volume that was closed is mounted from a read-only disk without a write', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    await world.volumes.unstage(STAGED)
    const closed = world.addDisk(101, disk.store.copy(), { mode: 'ro' })
    const before = closed.store.read(0, MiB)
    const other = {
      volumeId: 'silver/v2',
      stagingPath: '/staging/v2',
      createdEmpty: false,
      written: true,
    }

    await world.volumes.stage(
      world.stageRequest(closed, { ...other, format: files(type), mode: 'ro' }),
    )

    expect(world.guest.readFile('/staging/v2/data')).toBe('kept')
    expect(closed.store.read(0, MiB).equals(before)).toBe(true)
  })

  test('was shut down: told, and repaired by staging it again', async () => {
    const { world, disk } = await stagedWorld(platform, { format: files(type) })
    world.guest.failFileSystem('/staging/v1', 'shut-down')

    expect(await inspect(world)).toMatchObject([
      { kind: 'inaccessible', message: expect.stringContaining('silver/v1') },
    ])
    await world.fresh().stage(world.stageRequest(disk, { format: files(type), written: true }))

    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    expect(await inspect(world)).toEqual([])
  })
})

test('the health of a guest that does not answer is unknown, never good', async () => {
  const { world } = await stagedWorld('linux', { format: files('ext4') })
  world.host.down = true

  await expect(inspect(world)).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(world.health.reach()).rejects.toMatchObject({ kind: 'unavailable' })
})
