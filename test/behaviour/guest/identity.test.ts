// Whose disk it is: a number can be given to another volume, and a file system can be lost. What
// lies on the disk, and what the guest remembers, keep one volume from being taken for another, and
// a used one from being formatted.

import { makeFileSystem, readSuperblock } from '../../../sim/guest/file-system.ts'
import {
  fileSystemUuid,
  isFileSystemUuid,
  isLabelName,
  labelName,
} from '../../../src/guest/identity.ts'
import type { StageRequest } from '../../../src/guest/requests.ts'
import {
  DISK_BYTES,
  type GuestWorld,
  guestWorld,
  MiB,
  type PlatformKind,
  type TestDisk,
} from './world.ts'

const KINDS = [
  { platform: 'linux', type: 'ext4', shape: 'slice' },
  { platform: 'linux', type: 'xfs', shape: 'slice' },
  { platform: 'solaris', type: 'ufs', shape: 'full' },
] as const

const ALL = [...KINDS, { platform: 'solaris', type: 'ufs', shape: 'slice' }] as const

interface Kind {
  readonly platform: PlatformKind
  readonly type: string
  readonly shape: 'slice' | 'full'
}

function scene({ platform, type, shape }: Kind) {
  const world = guestWorld(platform)
  const disk = world.addDisk(100, DISK_BYTES, { shape })
  const request = (volumeId: string, other: Partial<StageRequest> = {}) =>
    world.stageRequest(disk, {
      ...{ volumeId, stagingPath: `/staging/${volumeId}`, contentOf: volumeId, bornSeconds: 1000 },
      ...{ format: { kind: 'filesystem', type, mountOptions: [] } },
      ...other,
    })
  return { world, disk, request }
}

/** The disk of a volume that was staged here, and is not any more. */
async function used(kind: Kind, volumeId: string) {
  const set = scene(kind)
  const request = set.request(volumeId)
  await set.world.volumes.stage(request)
  set.world.guest.writeFile(`${request.stagingPath}/data`, 'kept')
  await set.world.volumes.unstage(request)
  return set
}

/** An accident: the place by which a file system is recognised is empty. */
function lose(world: GuestWorld, disk: TestDisk): void {
  world.guest.region(disk).write(0, Buffer.alloc(128 * 1024))
}

const REFUSED = { kind: 'failed-precondition', message: expect.stringContaining('another volume') }

describe.each(KINDS)('$type on a $shape export of a $platform guest', kind => {
  test.each([{ written: true }, { written: false }])(
    'whose number was given to another volume is not mounted (%j)',
    async context => {
      const { world, request } = await used(kind, 'silver/other')

      await expect(world.fresh().stage(request('silver/v1', context))).rejects.toMatchObject(
        REFUSED,
      )

      expect(world.guest.mounts()).toEqual([])
      await world.fresh().stage(request('silver/other', { written: true }))
      expect(world.guest.readFile('/staging/silver/other/data')).toBe('kept')
    },
  )

  test('keeps the note of the volume that has the disk when another is refused there', async () => {
    const { world, request } = scene(kind)
    await world.volumes.stage(request('silver/other'))
    world.restart()

    await expect(world.fresh().stage(request('silver/v1'))).rejects.toMatchObject(REFUSED)

    expect(world.guest.names.find('/var/lib/ldom-csi/volumes/silver%2Fother')).toMatchObject({
      kind: 'link',
    })
  })

  test('is not given away as a raw disk of another volume', async () => {
    const { world, request } = await used(kind, 'silver/other')

    await expect(
      world.fresh().stage(request('silver/v1', { format: { kind: 'block' } })),
    ).rejects.toMatchObject(REFUSED)
  })

  test(
    'is mounted for a copy of the volume, and for a copy of a copy, but not for a copy of ' +
      'another one',
    async () => {
      const { world, request } = await used(kind, 'silver/root')
      const copy = { createdEmpty: false, written: true, contentOf: 'silver/root' }

      await expect(
        world.volumes.stage(request('silver/copy', { ...copy, contentOf: 'silver/other' })),
      ).rejects.toMatchObject(REFUSED)
      await world.volumes.stage(request('silver/copy', copy))

      expect(world.guest.readFile('/staging/silver/copy/data')).toBe('kept')
    },
  )

  test('is mounted for a copy of which an earlier controller did not tell where it began', async () => {
    const { world, request } = await used(kind, 'silver/root')

    await world.volumes.stage(
      request('silver/copy', { createdEmpty: false, written: true, contentOf: undefined }),
    )

    expect(world.guest.readFile('/staging/silver/copy/data')).toBe('kept')
  })
})

describe.each(ALL)('a volume with $type on a $shape export of a $platform guest', kind => {
  test(
    'whose file system was lost is not formatted again, also after a restart and with what ' +
      'it was told at first',
    async () => {
      const { world, disk, request } = await used(kind, 'silver/v1')
      world.restart()
      lose(world, disk)

      const staged = world.fresh().stage(request('silver/v1', { written: false }))

      await expect(staged).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining('/var/lib/ldom-csi/used/silver%2Fv1.1000'),
      })
      expect(world.guest.formatCount(100)).toBe(0)
    },
  )

  test('that was deleted and made anew under its name is formatted', async () => {
    const { world, disk, request } = await used(kind, 'silver/v1')
    world.removeDisk(disk)
    const anew = world.addDisk(100, DISK_BYTES, { shape: kind.shape })

    await world.volumes.stage(request('silver/v1', { bornSeconds: 2000 }))

    expect(world.guest.mounts()).toMatchObject([{ path: '/staging/silver/v1', disk: 100 }])
    expect(world.guest.region(anew)).toBeDefined()
  })

  test('is not formatted while the guest cannot say whether it was used', async () => {
    const { world, request } = scene(kind)
    const ls = world.host.programs.get('ls')
    if (ls === undefined) throw new Error('no ls')
    world.host.programs.set('ls', (args, how) =>
      args[1]?.startsWith('/var/lib/ldom-csi/used/')
        ? {
            exitStatus: 2,
            stdout: '',
            stderr: `ls: cannot access '${args[1]}': Input/output error\n`,
          }
        : ls(args, how),
    )

    await expect(world.volumes.stage(request('silver/v1'))).rejects.toMatchObject({
      kind: 'unavailable',
    })

    expect(world.guest.formatCount(100)).toBe(0)
  })
})

test('a labelled, blank disk of another volume is not formatted', async () => {
  const { world, disk, request } = scene({ platform: 'solaris', type: 'ufs', shape: 'full' })
  await world.volumes.stage(request('silver/other', { format: { kind: 'block' } }))
  lose(world, disk)

  await expect(world.volumes.stage(request('silver/v1'))).rejects.toMatchObject(REFUSED)

  expect(world.guest.formatCount(100)).toBe(0)
})

test('the name of a label outlives its growth', async () => {
  const { world, disk, request } = await used(
    { platform: 'solaris', type: 'ufs', shape: 'full' },
    'silver/v1',
  )
  disk.store.resize(1200 * MiB)

  await world.volumes.stage(request('silver/v1', { sizeBytes: 1200 * MiB, written: true }))

  expect(world.solaris?.solarisDisks.label(disk)).toMatchObject({
    name: labelName('silver/v1'),
    totalSectors: (1200 * MiB) / 512,
  })
})

test.each(['ext4', 'xfs'])(
  '%s that was made before there were marks, or by somebody else, is mounted as before',
  async type => {
    const { world, disk, request } = scene({ platform: 'linux', type, shape: 'slice' })
    makeFileSystem(world.guest.region(disk), type, 4096)

    await world.volumes.stage(request('silver/v1', { written: true }))

    expect(world.guest.mounts()).toHaveLength(1)
  },
)

test('an xfs is made without a mark where mkfs.xfs is too old to give it one', async () => {
  const { world, disk, request } = scene({ platform: 'linux', type: 'xfs', shape: 'slice' })
  if (world.linux) world.linux.fileSystems.knowsUuidOption = false

  await world.volumes.stage(request('silver/v1'))

  expect(isFileSystemUuid(readSuperblock(world.guest.region(disk))?.uuid ?? '')).toBe(false)
})

test('marks are told from what others give, and differ from volume to volume', () => {
  const ids = Array.from({ length: 500 }, (_, index) => `silver/v${index}`)

  expect(new Set(ids.map(fileSystemUuid)).size).toBe(500)
  expect(new Set(ids.map(labelName)).size).toBe(500)
  expect(ids.map(fileSystemUuid).every(isFileSystemUuid)).toBe(true)
  expect(ids.map(labelName).every(isLabelName)).toBe(true)
  expect(
    ['195c7718-e55e-11f1-913c-c9f329f0f635', 'f81d4fae-7dec-4bd0-a765-00a0c91e6bf6'].some(
      isFileSystemUuid,
    ),
  ).toBe(false)
  expect(['backup', 'ldbackup', ''].some(isLabelName)).toBe(false)
})
