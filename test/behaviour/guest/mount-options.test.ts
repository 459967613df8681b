// Mount options that a volume is staged and published with.

import { describeError } from '../../../src/errors.ts'
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

test('a mount that the kernel refuses names the options that were asked for', async () => {
  const world = guestWorld('linux')
  const disk = world.addDisk(100, DISK_BYTES)
  const stderr =
    'mount: /staging/v1: wrong fs type, bad option, bad superblock on /dev/vdiskcw, missing ' +
    'codepage or helper program, or other error.\n'
  world.timeline.rules.push(argv =>
    argv[0] === '/bin/mount'
      ? { kind: 'answer', answer: { exitStatus: 32, stdout: '', stderr } }
      : undefined,
  )
  const staged = (mountOptions: readonly string[]) =>
    world.volumes
      .stage(world.stageRequest(disk, { format: { kind: 'filesystem', type: '', mountOptions } }))
      .catch((error: unknown) => describeError(error))

  expect(await staged(['noatime', 'usrquotta'])).toMatch(
    /with the options noatime, usrquotta.*bad option/,
  )
  expect(await staged([])).not.toContain('with the options')
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
