// A raw volume as a pod sees it: its device at the target.

import {
  BLOCK,
  DISK_BYTES,
  type GuestWorld,
  guestWorld,
  PLATFORMS,
  type PlatformKind,
  STAGED,
  TARGET,
  type TestDisk,
} from './world.ts'

async function stagedBlock(kind: PlatformKind): Promise<{ world: GuestWorld; disk: TestDisk }> {
  const world = guestWorld(kind)
  const disk = world.addDisk(100, DISK_BYTES)
  world.guest.names.makeDirectory('/pods')
  world.guest.names.makeDirectory('/pods/a')
  await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))
  return { world, disk }
}

describe.each(PLATFORMS)('in a %s guest', kind => {
  test('a raw block volume is published as its device and is never formatted', async () => {
    const { world, disk } = await stagedBlock(kind)

    await world.volumes.publish(world.publishRequest(disk, { format: BLOCK }))

    const { bytes, inodes } = await world.volumes.statistics({
      volumeId: 'silver/v1',
      path: '/pods/a/mount',
    })
    expect(bytes.total).toBe(DISK_BYTES)
    expect(inodes).toBeUndefined()
    expect(disk.store.read(0, 4096).every(byte => byte === 0)).toBe(true)
  })

  test('raw block calls can be repeated', async () => {
    const { world, disk } = await stagedBlock(kind)

    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))
    await world.volumes.publish(world.publishRequest(disk, { format: BLOCK }))
    await world.fresh().publish(world.publishRequest(disk, { format: BLOCK }))

    await world.volumes.unpublish(TARGET)
    await world.volumes.unpublish(TARGET)
    await world.volumes.unstage(STAGED)
    await world.volumes.unstage(STAGED)
    expect(world.guest.mounts()).toEqual([])
    expect(world.guest.names.find('/pods/a/mount')).toBeUndefined()
    expect(world.guest.names.children('/staging/v1')).toEqual([])
  })

  test('a raw block volume obeys its access mode, and is busy while it is published', async () => {
    const { world, disk } = await stagedBlock(kind)
    await world.volumes.publish(world.publishRequest(disk, { format: BLOCK }))

    const second = world.volumes.publish(
      world.publishRequest(disk, { format: BLOCK, targetPath: '/pods/a/other', exclusive: true }),
    )
    await expect(second).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('/pods/a/mount'),
    })
    await expect(world.volumes.unstage(STAGED)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('/pods/a/mount'),
    })

    await world.volumes.unpublish(TARGET)
    await world.volumes.publish(
      world.publishRequest(disk, { format: BLOCK, targetPath: '/pods/a/other', exclusive: true }),
    )
  })

  test('a raw block volume that a process has open is not unstaged', async () => {
    const { world } = await stagedBlock(kind)
    const end = world.guest.holdOpen(kind === 'linux' ? '/dev/vdiskcw' : '/dev/dsk/c0d100s0')

    await expect(world.volumes.unstage(STAGED)).rejects.toMatchObject({ kind: 'busy' })

    end()
    await world.volumes.unstage(STAGED)
  })
})
