// Mount options that a volume is staged and published with.

import { DISK_BYTES, guestWorld, PLATFORMS, published } from './world.ts'

describe.each(PLATFORMS)('in a %s guest', kind => {
  test('other mount options than those in effect are refused, at staging and at publishing', async () => {
    const { world, disk } = await published(kind)
    const format = { kind: 'filesystem' as const, type: '', mountOptions: ['nosuid'] }

    await expect(world.fresh().stage(world.stageRequest(disk, { format }))).rejects.toMatchObject({
      kind: 'already-exists',
      message: expect.stringContaining('other mount options'),
    })
    await expect(
      world.fresh().publish(world.publishRequest(disk, { format, targetPath: '/pods/c' })),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
    })
    await world.fresh().stage(world.stageRequest(disk))
  })

  test('the publish flag ro makes the target read-only', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk))

    await world.volumes.publish(
      world.publishRequest(disk, {
        format: { kind: 'filesystem', type: '', mountOptions: ['ro'] },
      }),
    )

    expect(world.guest.mounts().map(mount => mount.readonly)).toEqual([false, true])
  })
})

test('the label of SELinux, with its commas, is one mount option', async () => {
  const world = guestWorld('linux')
  const disk = world.addDisk(100, DISK_BYTES)
  const mountOptions = ['context="system_u:object_r:container_file_t:s0:c127,c456"']

  await world.volumes.stage(
    world.stageRequest(disk, { format: { kind: 'filesystem', type: '', mountOptions } }),
  )

  expect(world.guest.mounts()).toHaveLength(1)
})
