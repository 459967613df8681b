// Raw volumes whose disks fail, and their health.

import { BLOCK, DISK_BYTES, guestWorld, inspect, STAGED, stagedWorld, TARGET } from './world.ts'

test(
  'a raw block volume on a whole disk that nobody has labelled is healthy, until it does not ' +
    'answer',
  async () => {
    const world = guestWorld('solaris')
    const disk = world.addDisk(100, DISK_BYTES, { shape: 'full' })
    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))

    expect(await inspect(world)).toEqual([])

    disk.alive = false
    expect(await inspect(world)).toMatchObject([
      { kind: 'inaccessible', reason: 'DeviceUnreadable' },
    ])
  },
)

describe.each(['linux', 'solaris'] as const)('a raw block volume in a %s guest', platform => {
  test('is healthy until its disk dies or goes', async () => {
    const { world, disk } = await stagedWorld(platform, { format: BLOCK })
    await world.volumes.publish(world.publishRequest(disk, { format: BLOCK }))
    expect(await inspect(world)).toEqual([])
    expect(await inspect(world, '/pods/a/mount')).toEqual([])

    disk.alive = false
    expect(await inspect(world)).toMatchObject([
      { kind: 'inaccessible', reason: 'DeviceUnreadable' },
    ])

    disk.alive = true
    world.removeDisk(disk)
    expect(await inspect(world)).toMatchObject([{ kind: 'inaccessible', reason: 'DeviceGone' }])
    const plugin = world.fresh()
    await plugin.unpublish(TARGET)
    await plugin.unstage(STAGED)
    expect(await inspect(world)).toMatchObject([{ kind: 'inaccessible', reason: 'MountVanished' }])
  })

  test('that is attached read-only is published read-only, and no byte of it can be written', async () => {
    const { world, disk } = await stagedWorld(platform, { format: BLOCK, mode: 'ro' })
    const request = world.publishRequest(disk, { format: BLOCK, readonly: true, mode: 'ro' })

    await world.volumes.publish(request)
    await world.fresh().publish(request)

    expect(() => disk.write(0, Buffer.from('x'))).toThrow('read-only')
    expect(
      (await world.volumes.statistics({ volumeId: 'silver/v1', path: '/pods/a/mount' })).bytes
        .total,
    ).toBe(DISK_BYTES)
    await world.volumes.unpublish(TARGET)
    await world.volumes.unstage(STAGED)
    expect(world.guest.mounts()).toEqual([])
  })

  test('is published at several targets, and is staged until the last of them has gone', async () => {
    const { world, disk } = await stagedWorld(platform, { format: BLOCK })
    const targets = ['/pods/a/mount', '/pods/b/mount', '/pods/c/mount']
    for (const targetPath of targets) {
      await world.volumes.publish(world.publishRequest(disk, { format: BLOCK, targetPath }))
    }

    for (const targetPath of targets) {
      await expect(world.fresh().unstage(STAGED)).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringContaining(targetPath),
      })
      await world.fresh().unpublish({ volumeId: 'silver/v1', targetPath })
    }
    await world.fresh().unstage(STAGED)
    expect(world.guest.names.children('/staging/v1')).toEqual([])
  })
})
