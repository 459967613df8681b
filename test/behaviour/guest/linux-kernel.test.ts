// What the kernel of a Linux guest decides: who holds a volume, and what it does to a file system.

import { BLOCK, DISK_BYTES, files, guestWorld, inspect, STAGED, stagedWorld } from './world.ts'

describe.each(['ext4', 'xfs'])('the kernel of a linux guest with %s', type => {
  async function staged() {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(
      world.stageRequest(disk, { format: { kind: 'filesystem', type, mountOptions: [] } }),
    )
    return { world, disk }
  }

  test(
    'keeps a volume that a container has mounted in its own namespace, and every unstaging ' +
      'says so',
    async () => {
      const { world, disk } = await staged()
      const end = world.guest.keepInNamespace('/staging/v1')

      for (const volumes of [world.volumes, world.volumes, world.fresh()]) {
        await expect(volumes.unstage(STAGED)).rejects.toMatchObject({
          kind: 'busy',
          message: expect.stringMatching(/the kernel \(its .*process 4000, which has it mounted/),
        })
      }
      end()
      await world.fresh().unstage(STAGED)
      expect([...disk.holders]).toEqual([])
    },
  )

  test('keeps a volume that was unmounted lazily', async () => {
    const { world } = await staged()
    const end = world.guest.unmountLazily('/staging/v1')

    for (const volumes of [world.volumes, world.fresh()]) {
      await expect(volumes.unstage(STAGED)).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringContaining('unmounted lazily'),
      })
    }
    end()
    await world.fresh().unstage(STAGED)
  })
})

describe('a raw volume of a linux guest', () => {
  async function staged() {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))
    return world
  }

  test('is held by a program that opened a node of its own', async () => {
    const world = await staged()
    world.linux?.makeNode('/containers/x/dev/data', 100)
    const end = world.guest.holdOpen('/containers/x/dev/data')

    await expect(world.volumes.unstage(STAGED)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('process 4000'),
    })

    end()
    await world.volumes.unstage(STAGED)
  })

  test('is not let go while a process cannot be looked into, save the first', async () => {
    const world = await staged()
    world.linux?.unseen.add(1).add(77)

    await expect(world.volumes.unstage(STAGED)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('process 77, which cannot be looked into'),
    })

    world.linux?.unseen.delete(77)
    await world.volumes.unstage(STAGED)
  })
})

test.each(['shut-down', 'turned-readonly'] as const)(
  'a file system that the kernel has made %s is neither published nor measured',
  async how => {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk))
    world.guest.failFileSystem('/staging/v1', how)

    const refusal = {
      kind: 'failed-precondition',
      message: expect.stringContaining('stage the volume again'),
    }

    await expect(world.volumes.publish(world.publishRequest(disk))).rejects.toMatchObject(refusal)
    await expect(
      world.volumes.statistics({ volumeId: 'silver/v1', path: '/staging/v1' }),
    ).rejects.toMatchObject(refusal)
  },
)

test('a file system that cannot grow is staged as it is, and who asks for growth is told', async () => {
  const world = guestWorld('linux')
  const disk = world.addDisk(100, DISK_BYTES)
  await world.volumes.stage(world.stageRequest(disk))
  await world.volumes.unstage(STAGED)
  const stderr = 'resize2fs: Permission denied to resize filesystem\n'
  world.host.programs.set('resize2fs', () => ({ exitStatus: 1, stdout: '', stderr }))

  await world.volumes.stage(world.stageRequest(disk, { written: true }))

  expect(world.guest.mounts()).toHaveLength(1)
  const growth = world.volumes.expand({ volumeId: 'silver/v1', path: '/staging/v1', sizeBytes: 0 })
  await expect(growth).rejects.toMatchObject({ kind: 'failed-precondition' })
})

test(
  'ext4 that the kernel made read-only after an error is told, does not grow, and is ' +
    'repaired by staging it again',
  async () => {
    const { world, disk } = await stagedWorld('linux', { format: files('ext4') })
    world.guest.failFileSystem('/staging/v1', 'turned-readonly')

    expect(await inspect(world)).toMatchObject([{ kind: 'degraded', reason: 'TurnedReadOnly' }])
    await expect(
      world.volumes.expand({
        volumeId: 'silver/v1',
        path: '/staging/v1',
        sizeBytes: disk.store.sizeBytes,
      }),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('after an error'),
    })
    await world.fresh().stage(world.stageRequest(disk, { format: files('ext4'), written: true }))

    expect(world.timeline.commands.map(({ argv }) => argv[0])).toContain('/sbin/e2fsck')
    world.guest.writeFile('/staging/v1/data', 'written')
    expect(await inspect(world)).toEqual([])
  },
)
