import {
  DISK_BYTES,
  files,
  GiB,
  type GuestWorld,
  guestWorld,
  STAGED,
  stagedWorld,
  type TestDisk,
} from './world.ts'

const growth = (path = '/staging/v1') => ({ volumeId: 'silver/v1', path, sizeBytes: 2 * GiB })

async function totalBytes(world: GuestWorld): Promise<number> {
  return (await world.volumes.statistics({ volumeId: 'silver/v1', path: '/staging/v1' })).bytes
    .total
}

function programs(world: GuestWorld): readonly string[] {
  return world.timeline.commands.map(({ argv }) => argv[0]?.split('/').at(-1) ?? '')
}

/** A program in the guest that writes between any two commands of the plugin. */
function keepWriting(world: GuestWorld): () => number {
  let written = 0
  world.timeline.rules.push(() => {
    world.guest.writeFile(`/staging/v1/line-${written}`, `line ${written}`)
    written += 1
    return undefined
  })
  return () => written
}

/** The label as a person would have written it. */
function relabel(world: GuestWorld, disk: TestDisk, rows: string): void {
  const answer = world.host.programs.get('fmthard')?.(['-s', '-', `/dev/rdsk/c0d${disk.id}s2`], {
    input: rows,
    host: world.host,
  })
  expect(answer).toMatchObject({ exitStatus: 0 })
}

describe.each(['full', 'slice'] as const)('a %s export of a solaris guest', shape => {
  test('grows while a program writes, and every line it wrote is there', async () => {
    const { world, disk } = await stagedWorld('solaris', { shape })
    const before = world.solaris?.solarisDisks.label(disk)?.slices[0]
    disk.store.resize(2 * GiB)
    const written = keepWriting(world)

    await expect(world.volumes.expand(growth())).resolves.toEqual({ sizeBytes: 2 * GiB })

    expect(await totalBytes(world)).toBeGreaterThan(1.8 * GiB)
    expect(written()).toBeGreaterThan(5)
    for (let line = 0; line < written(); line++) {
      expect(world.guest.readFile(`/staging/v1/line-${line}`)).toBe(`line ${line}`)
    }
    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    expect(world.guest.formatCount(100)).toBe(1)
    expect(world.solaris?.solarisDisks.label(disk)?.slices[0]).toMatchObject({
      first: before?.first,
    })
  })

  test('grows when it is staged, and is used to its end after the guest restarts', async () => {
    const { world, disk } = await stagedWorld('solaris', { shape })
    await world.volumes.unstage(STAGED)
    disk.store.resize(2 * GiB)

    await world.volumes.stage(world.stageRequest(disk, { written: true }))

    expect(await totalBytes(world)).toBeGreaterThan(1.8 * GiB)
    world.restart()
    await world.fresh().stage(world.stageRequest(disk, { written: true }))
    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    expect(await totalBytes(world)).toBeGreaterThan(1.8 * GiB)
  })

  test('that was restored into a larger volume grows when it is staged', async () => {
    const { world, disk } = await stagedWorld('solaris', { shape })
    const copy = world.addDisk(101, disk.store.copy(), { shape })
    copy.store.resize(2 * GiB)
    const other = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }

    await world.volumes.stage(
      world.stageRequest(copy, { ...other, createdEmpty: false, written: true }),
    )

    expect(world.guest.readFile('/staging/v2/data')).toBe('kept')
    expect(
      (await world.volumes.statistics({ ...other, path: '/staging/v2' })).bytes.total,
    ).toBeGreaterThan(1.8 * GiB)
    expect(await totalBytes(world)).toBeLessThan(DISK_BYTES)
  })

  test('grows once: the second request finds nothing to do', async () => {
    const { world, disk } = await stagedWorld('solaris', { shape })
    disk.store.resize(2 * GiB)
    await world.volumes.expand(growth())
    const before = programs(world).length

    await world.volumes.expand(growth())

    expect(programs(world).slice(before)).not.toContain('fmthard')
    expect(programs(world).slice(before)).not.toContain('growfs')
  })

  test('grows when a read-only target of it is named', async () => {
    const { world, disk } = await stagedWorld('solaris', { shape })
    await world.volumes.publish(world.publishRequest(disk, { readonly: true }))
    disk.store.resize(2 * GiB)

    await world.volumes.expand(growth('/pods/a/mount'))

    expect(await totalBytes(world)).toBeGreaterThan(1.8 * GiB)
  })

  test('is left alone while it is mounted read-only', async () => {
    const { world, disk } = await stagedWorld('solaris', { shape })
    await world.volumes.unstage(STAGED)
    await world.volumes.stage(world.stageRequest(disk, { written: true, mode: 'ro' }))
    disk.store.resize(2 * GiB)

    await world.volumes.expand(growth())

    expect(await totalBytes(world)).toBeLessThan(DISK_BYTES)
    expect(
      world.timeline.commands.filter(
        ({ argv }) => argv[0]?.endsWith('fmthard') && argv.includes('-s'),
      ),
    ).toEqual([])
  })
})

describe('the label of a whole disk', () => {
  test('keeps the first sector that a newer release gave to slice 0', async () => {
    const world = guestWorld('solaris')
    const disk = world.addDisk(100, DISK_BYTES, { shape: 'full' })
    const earlier = { volumeId: 'silver/earlier' }
    await world.volumes.stage(world.stageRequest(disk, earlier))
    await world.volumes.unstage({ ...STAGED, ...earlier })
    const sectors = DISK_BYTES / 512
    relabel(
      world,
      disk,
      `0 4 00 256 ${sectors - 256 - 16_384 - 34}\n8 11 00 ${sectors - 16_384 - 34} 16384\n`,
    )
    await world.volumes.stage(world.stageRequest(disk))
    world.guest.writeFile('/staging/v1/data', 'kept')
    disk.store.resize(2 * GiB)

    await world.volumes.expand(growth())

    expect(world.solaris?.solarisDisks.label(disk)?.slices[0]).toMatchObject({
      first: 256,
      count: (2 * GiB) / 512 - 256 - 16_384 - 34,
    })
    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
  })

  test.each([
    {
      name: 'a second data slice',
      rows: (first: number, count: number) =>
        `0 4 00 ${first} ${count - 4096}\n1 4 00 ${first + count - 4096} 4096\n8 11 00 ` +
        `${first + count} 16384\n`,
    },
    {
      name: 'another kind of data',
      rows: (first: number, count: number) =>
        `0 2 00 ${first} ${count}\n8 11 00 ${first + count} 16384\n`,
    },
    {
      name: 'room left free behind slice 0',
      rows: (first: number, count: number) =>
        `0 4 00 ${first} ${count - 4096}\n8 11 00 ${first + count} 16384\n`,
    },
  ])(
    'that somebody wrote with $name stays as it is: its data is mounted, and growth is refused ' +
      'with the way out',
    async ({ rows }) => {
      const { world, disk } = await stagedWorld('solaris', { shape: 'full' })
      await world.volumes.unstage(STAGED)
      const slice = world.solaris?.solarisDisks.label(disk)?.slices[0]
      relabel(world, disk, rows(slice?.first ?? 0, slice?.count ?? 0))
      disk.store.resize(2 * GiB)
      const label = disk.store.read(0, 512)

      await world.volumes.stage(world.stageRequest(disk, { written: true }))

      expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
      await expect(world.volumes.expand(growth())).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining('extend slice 0 by hand'),
      })
      expect(disk.store.read(0, 512).equals(label)).toBe(true)
    },
  )

  test.each([
    {
      name: 'says that it wrote it, but did not',
      answer: {
        exitStatus: 0,
        stdout: 'fmthard:  New volume table of contents now in place.\n',
        stderr: '',
      },
      kind: 'failed-precondition',
    },
    {
      name: 'cannot write to the disk',
      answer: { exitStatus: 1, stdout: '', stderr: '/dev/rdsk/c0d100s2: Cannot write EFI\n' },
      kind: 'unavailable',
    },
    {
      name: 'fails for a new reason',
      answer: { exitStatus: 1, stdout: '', stderr: 'fmthard: not today\n' },
      kind: 'internal',
    },
  ])('is read back: growth fails when the tool $name', async ({ answer, kind }) => {
    const { world, disk } = await stagedWorld('solaris', { shape: 'full' })
    disk.store.resize(2 * GiB)
    world.timeline.rules.push(argv =>
      argv[0]?.endsWith('fmthard') ? { kind: 'answer', answer } : undefined,
    )

    await expect(world.volumes.expand(growth())).rejects.toMatchObject({ kind })

    world.timeline.rules.length = 0
    await world.fresh().expand(growth())
    expect(await totalBytes(world)).toBeGreaterThan(1.8 * GiB)
    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
  })

  test("of a raw block volume is its owner's", async () => {
    const world = guestWorld('solaris')
    const disk = world.addDisk(100, DISK_BYTES, { shape: 'full' })
    await world.volumes.stage(world.stageRequest(disk, { format: { kind: 'block' } }))
    // The first label is the driver's, as the disk cannot be opened without one; what becomes of it
    // is not.
    const label = disk.store.read(0, 64 * 512)
    disk.store.resize(2 * GiB)

    await expect(world.volumes.expand(growth())).resolves.toEqual({ sizeBytes: 2 * GiB })

    expect(disk.store.read(0, 64 * 512)).toEqual(label)
  })
})

test(
  'a raw disk of a linux guest is told to be as small as before until it has been attached ' +
    'again',
  async () => {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk, { format: { kind: 'block' } }))
    disk.store.resize(2 * GiB)

    await expect(world.volumes.expand(growth())).rejects.toMatchObject({
      kind: 'failed-precondition',
    })

    await world.volumes.unstage(STAGED)
    world.removeDisk(disk)
    const again = world.addDisk(100, disk.store)
    await world.volumes.stage(
      world.stageRequest(again, { format: { kind: 'block' }, written: true }),
    )
    await expect(world.volumes.expand(growth())).resolves.toEqual({ sizeBytes: 2 * GiB })
  },
)

test.each(['ext4', 'xfs'])(
  '%s of a linux guest grows when its disk has been attached again, and until then the reason ' +
    'is told',
  async type => {
    const { world, disk } = await stagedWorld('linux', { shape: 'slice', format: files(type) })
    await world.volumes.publish(world.publishRequest(disk, { format: files(type) }))
    disk.store.resize(2 * GiB)

    for (const volumes of [world.volumes, world.fresh()]) {
      await expect(volumes.expand(growth())).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringMatching(
          /still sees 629145600 of 2147483648 bytes .* detach and attach the volume/,
        ),
      })
    }
    expect(await totalBytes(world)).toBeLessThan(DISK_BYTES)
    await world.volumes.unpublish({ volumeId: 'silver/v1', targetPath: '/pods/a/mount' })
    await world.volumes.unstage(STAGED)
    world.removeDisk(disk)
    const again = world.addDisk(100, disk.store)
    await world.volumes.stage(world.stageRequest(again, { format: files(type), written: true }))

    expect(await totalBytes(world)).toBeGreaterThan(1.7 * GiB)
    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    await expect(world.volumes.expand(growth())).resolves.toEqual({ sizeBytes: 2 * GiB })
    expect(world.guest.formatCount(100)).toBe(1)
  },
)
