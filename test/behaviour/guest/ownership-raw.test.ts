// Raw volumes in a guest: their size, their mode, and whose the number is.

import {
  BLOCK,
  DISK_BYTES,
  guestWorld,
  NOTES,
  PLATFORMS,
  published,
  STAGED,
  TARGET,
} from './world.ts'

describe.each(PLATFORMS)('in a %s guest', kind => {
  test('statistics of a raw volume tell its size only', async () => {
    const world = guestWorld(kind)
    for (const path of ['/pods', '/pods/a']) world.guest.names.makeDirectory(path)
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))

    const { bytes } = await world.volumes.statistics({ volumeId: 'silver/v1', path: '/staging/v1' })

    expect(bytes).toEqual({ total: DISK_BYTES, used: 0, available: 0 })
  })

  test('a raw volume that is attached writable is not published read-only', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))

    const reader = world.volumes.publish(
      world.publishRequest(disk, { format: BLOCK, readonly: true }),
    )

    await expect(reader).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('attach it read-only'),
    })
    expect(world.guest.names.find('/pods/a/mount')).toBeUndefined()
  })

  test(
    'a raw volume whose old number another volume has by now is staged anew, and its old ' +
      'target does not lead there',
    async () => {
      const { world, disk } = await published(kind, BLOCK)
      // A reboot: mounts are gone, links and notes are not; the volume has another number now.
      world.restart()
      const moved = world.addDisk(101, disk.store)
      const other = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }
      await world.volumes.stage(
        world.stageRequest(disk, { ...other, written: true, format: BLOCK }),
      )

      await world.fresh().stage(world.stageRequest(moved, { format: BLOCK }))
      await world.fresh().publish(world.publishRequest(moved, { format: BLOCK }))
      await world.fresh().unpublish(TARGET)
      await world.fresh().unstage(STAGED)
      await world.fresh().unstage({ volumeId: 'silver/v2', stagingPath: '/staging/v2' })

      expect(world.guest.names.find('/pods/a/mount')).toBeUndefined()
      expect(world.guest.names.children(NOTES)).toEqual([])
    },
  )

  test('a raw volume whose old number another volume uses can be unstaged', async () => {
    const { world, disk } = await published(kind, BLOCK)
    world.restart()
    const other = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }
    await world.volumes.stage(world.stageRequest(disk, { ...other, format: BLOCK }))
    const end = world.guest.holdOpen(kind === 'linux' ? '/dev/vdiskcw' : '/dev/dsk/c0d100s0')

    await world.fresh().unstage(STAGED)

    expect(world.guest.names.children('/staging/v1')).toEqual([])
    await expect(world.fresh().unstage(other)).rejects.toMatchObject({ kind: 'busy' })
    end()
  })
})
