// A disk under another number than the one of its volume.

import { DISK_BYTES, files, STAGED, stagedWorld, TestDisk } from './world.ts'

test('a number that another volume has taken over is not mistaken for the old volume', async () => {
  const { world, disk } = await stagedWorld('linux', { format: files('ext4') })
  world.removeDisk(disk)
  const other = world.addDisk(100, DISK_BYTES)
  const request = world.stageRequest(other, { volumeId: 'silver/v2', stagingPath: '/staging/v2' })

  await expect(world.volumes.stage(request)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('/staging/v1'),
  })
  expect(world.guest.formatCount(100)).toBe(0)

  await world.volumes.unstage(STAGED)
  await world.volumes.stage(request)
  expect(world.guest.mounts()).toMatchObject([{ path: '/staging/v2', disk: 100 }])
})

test('a mounted volume on another disk than the one of its number is refused', async () => {
  const { world, disk } = await stagedWorld('solaris', { format: files('ufs') })
  const moved = new TestDisk(101, disk.store)
  world.disks.disks.push(moved)
  world.disks.tell('disks')

  await expect(
    world.volumes.stage(world.stageRequest(moved, { written: true })),
  ).rejects.toMatchObject({
    kind: 'already-exists',
    message: expect.stringContaining('/dev/dsk/c0d100s0'),
  })
})
