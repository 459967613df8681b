// What a guest tells of its volumes to somebody who looks often.

import type { SeenVolume } from '../../../src/guest/look.ts'
import {
  BLOCK,
  DISK_BYTES,
  files,
  type GuestWorld,
  guestWorld,
  NOTES,
  PLATFORMS,
  type PlatformKind,
  published,
  STAGED,
  stagedWorld,
  TARGET,
} from './world.ts'

const DEVICES = { linux: '/dev/vdiskcw', solaris: '/dev/dsk/c0d100s0' } as const

function look(world: GuestWorld): Promise<readonly SeenVolume[]> {
  return world.fresh().look()
}

async function only(world: GuestWorld): Promise<SeenVolume> {
  const seen = await look(world)
  expect(seen).toHaveLength(1)
  const [volume] = seen
  if (volume === undefined) throw new Error('nothing is seen')
  return volume
}

const there = { path: TARGET.targetPath, state: 'there' } as const
const gone = { path: TARGET.targetPath, state: 'gone' } as const

/** Answers as a guest does in which one name does not answer: every listing of it is cut. */
function hang(world: GuestWorld, path: string): void {
  world.timeline.rules.push(argv =>
    argv[0] === '/bin/ls' && argv.includes(path) ? { kind: 'cut-before' } : undefined,
  )
}

describe.each(PLATFORMS)('a %s guest', platform => {
  test('without volumes shows nothing', async () => {
    expect(await look(guestWorld(platform))).toEqual([])
  })

  test.each([
    { what: 'a file system', format: files() },
    { what: 'a raw disk', format: BLOCK },
  ])('shows $what that is published, its device and its number', async ({ format }) => {
    const { world } = await published(platform, format)

    expect(await only(world)).toEqual({
      volumeId: 'silver/v1',
      device: DEVICES[platform],
      slot: 100,
      staged: 'there',
      failure: undefined,
      targets: [there],
    })
  })

  test('shows a file system that is staged and not published', async () => {
    const { world } = await stagedWorld(platform)

    expect(await only(world)).toMatchObject({ staged: 'there', targets: [] })
  })

  test('shows nothing of a volume that was taken away again', async () => {
    const { world } = await published(platform)
    await world.volumes.unpublish(TARGET)
    await world.volumes.unstage(STAGED)

    expect(await look(world)).toEqual([])
  })

  test('shows after a restart that file systems are gone, and which they were', async () => {
    const { world, disk } = await published(platform)
    world.restart()
    expect(await only(world)).toEqual({
      volumeId: 'silver/v1',
      device: DEVICES[platform],
      slot: 100,
      staged: 'gone',
      failure: undefined,
      targets: [gone],
    })

    await world.fresh().stage(world.stageRequest(disk, { written: true }))
    expect(await only(world)).toMatchObject({ staged: 'there', targets: [gone] })
    await world.fresh().publish(world.publishRequest(disk))
    expect(await only(world)).toMatchObject({ staged: 'there', targets: [there] })
  })

  test('shows that a target was unmounted by hand', async () => {
    const { world } = await published(platform)
    await world.host.perform(['umount', TARGET.targetPath], '')

    expect(await only(world)).toMatchObject({ staged: 'there', targets: [gone] })
  })

  test('does not take the file system of another volume at the target for its own', async () => {
    const { world } = await published(platform)
    const disk = world.addDisk(101, DISK_BYTES)
    const second = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }
    await world.volumes.stage(world.stageRequest(disk, second))
    await world.host.perform(['umount', TARGET.targetPath], '')
    const bind = platform === 'linux' ? ['mount', '-o', 'bind'] : ['mount', '-F', 'lofs']
    await world.host.perform([...bind, '/staging/v2', TARGET.targetPath], '')

    expect(await look(world)).toMatchObject([
      { volumeId: 'silver/v1', staged: 'there', targets: [gone] },
      { volumeId: 'silver/v2', targets: [] },
    ])
  })

  test('that does not answer is no guest without volumes', async () => {
    const { world } = await published(platform)
    world.host.down = true

    await expect(look(world)).rejects.toMatchObject({ kind: 'unavailable' })
  })

  test('that is lost in the middle of a look is no guest whose mounts fail', async () => {
    const { world } = await published(platform)
    world.timeline.rules.push(argv => {
      if (argv[0] !== '/bin/ls' || argv[1] !== '-ld') return undefined
      world.host.down = true
      return { kind: 'cut-before' }
    })

    await expect(look(world)).rejects.toMatchObject({ kind: 'unavailable' })
  })

  test('to which the listing was not sent is no guest whose mounts fail', async () => {
    const { world } = await published(platform)
    world.timeline.rules.push(argv => (argv[1] === '-ld' ? { kind: 'not-sent' } : undefined))

    await expect(look(world)).rejects.toMatchObject({ kind: 'unavailable' })
  })

  test('tells which name does not answer, and everything else as it is', async () => {
    const { world } = await published(platform)
    const disk = world.addDisk(101, DISK_BYTES)
    const second = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }
    await world.volumes.stage(world.stageRequest(disk, second))
    hang(world, STAGED.stagingPath)

    expect(await look(world)).toMatchObject([
      {
        volumeId: 'silver/v1',
        staged: 'there',
        failure: expect.stringContaining('the file system at /staging/v1'),
        targets: [there],
      },
      { volumeId: 'silver/v2', staged: 'there', failure: undefined },
    ])
  })

  test('tells of a note that cannot be read, and of the other volumes as they are', async () => {
    const { world } = await published(platform)
    await world.host.perform(['ln', '-s', 'tea', `${NOTES}/silver%2Fv0`], '')

    expect(await look(world)).toMatchObject([
      { volumeId: 'silver/v0', staged: 'gone', failure: expect.stringContaining('silver/v0') },
      { volumeId: 'silver/v1', staged: 'there', failure: undefined, targets: [there] },
    ])
  })

  test('costs three commands, however many volumes there are, mounted or gone', async () => {
    const world = guestWorld(platform)
    const counts: number[] = []
    for (let at = 0; at < 12; at++) {
      const disk = world.addDisk(100 + at, DISK_BYTES)
      const format = at % 2 === 0 ? files() : BLOCK
      const names = { volumeId: `silver/v${at}`, stagingPath: `/staging/v${at}`, format }
      await world.volumes.stage(world.stageRequest(disk, names))
      await world.volumes.publish(world.publishRequest(disk, { ...names, targetPath: `/t/v${at}` }))
    }
    for (const before of [() => {}, () => world.restart()]) {
      before()
      world.timeline.commands.splice(0)
      expect(await look(world)).toHaveLength(12)
      counts.push(world.timeline.commands.length)
    }

    expect(counts).toEqual([3, 3])
  })

  test('is changed by no look', async () => {
    const { world } = await published(platform)
    world.restart()
    world.timeline.commands.splice(0)
    await look(world)

    const programs = world.timeline.commands.map(({ argv }) => argv[0])
    expect(programs.filter(program => program !== '/bin/ls' && program !== '/bin/cat')).toEqual([])
  })
})

// Solaris refuses to unmount what a loopback mount shows.
test('a staging mount that was unmounted by hand is told, while its target shows the volume', async () => {
  const { world } = await published('linux')
  await world.host.perform(['umount', STAGED.stagingPath], '')

  expect(await only(world)).toMatchObject({ staged: 'gone', targets: [there] })
})

test('a raw disk that a Linux guest bound is gone after its restart', async () => {
  const { world } = await published('linux', BLOCK)
  world.restart()

  expect(await only(world)).toMatchObject({ staged: 'gone', targets: [gone] })
})

test('a link to a raw disk of a Solaris guest outlives its restart', async () => {
  const { world } = await published('solaris', BLOCK)
  world.restart()

  expect(await only(world)).toMatchObject({ staged: 'there', targets: [there] })
})

test('a link that leads to the disk of another volume is none of its own', async () => {
  const { world } = await published('solaris', BLOCK)
  world.addDisk(101, DISK_BYTES)
  await world.host.perform(['rm', '-f', TARGET.targetPath], '')
  await world.host.perform(['ln', '-s', '/dev/dsk/c0d101s0', TARGET.targetPath], '')

  expect(await only(world)).toMatchObject({ staged: 'gone', targets: [gone] })
})

const kinds: readonly { platform: PlatformKind; type: string }[] = [
  { platform: 'linux', type: 'ext4' },
  { platform: 'linux', type: 'xfs' },
  { platform: 'solaris', type: 'ufs' },
]

test.each(kinds)('$type of a $platform guest that was shut down is told', async kind => {
  const { world } = await published(kind.platform, files(kind.type))
  world.guest.failFileSystem(STAGED.stagingPath, 'shut-down')

  expect(await only(world)).toMatchObject({
    staged: 'there',
    failure: expect.stringMatching(
      /^the file system at \/staging\/v1 (was shut down|answers with)/,
    ),
    targets: [there],
  })
})

test('ext4 that turned read-only is told', async () => {
  const { world } = await published('linux', files('ext4'))
  world.guest.failFileSystem(STAGED.stagingPath, 'turned-readonly')

  expect(await only(world)).toMatchObject({
    staged: 'there',
    failure: 'the file system at /staging/v1 was made read-only by the kernel after an error',
  })
})

test.each(kinds)(
  'the mount of $type whose disk was taken from a $platform guest fails',
  async kind => {
    const { world, disk } = await published(kind.platform, files(kind.type))
    world.removeDisk(disk)

    expect((await only(world)).failure).toEqual(expect.stringContaining('/staging/v1'))
  },
)

test('a target that was noted without its disk is told by what is mounted there', async () => {
  const { world } = await published('linux')
  await world.host.perform(['rm', '-f', `${NOTES}/silver%2Fv1`], '')

  expect(await only(world)).toEqual({
    volumeId: 'silver/v1',
    device: undefined,
    slot: undefined,
    staged: 'there',
    failure: undefined,
    targets: [there],
  })
})
