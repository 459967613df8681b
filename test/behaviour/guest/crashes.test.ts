// Every command of every guest operation, cut before its effect, after it, or landing late: a
// plugin that remembers nothing then repeats or undoes the operation, and the world ends as if
// nothing had happened.

import { readSuperblock } from '../../../sim/guest/file-system.ts'
import type { SimFault } from '../../../sim/host.ts'
import type { GuestVolumes } from '../../../src/guest/guest-volumes.ts'
import type { GuestFormat } from '../../../src/guest/requests.ts'
import {
  BLOCK,
  DISK_BYTES,
  files,
  type GuestWorld,
  guestWorld,
  MiB,
  type PlatformKind,
  STAGED,
  TARGET,
  type TestDisk,
} from './world.ts'

interface Setting {
  readonly platform: PlatformKind
  readonly format: GuestFormat
  readonly shape: 'slice' | 'full'
  readonly readonly: boolean
}

const SETTINGS: readonly (Setting & { readonly name: string })[] = [
  { name: 'linux', platform: 'linux', format: files(), shape: 'slice', readonly: false },
  {
    name: 'linux, published read-only',
    platform: 'linux',
    format: files(),
    shape: 'slice',
    readonly: true,
  },
  { name: 'linux, raw block', platform: 'linux', format: BLOCK, shape: 'slice', readonly: false },
  { name: 'solaris, slice', platform: 'solaris', format: files(), shape: 'slice', readonly: true },
  {
    name: 'solaris, whole disk',
    platform: 'solaris',
    format: files(),
    shape: 'full',
    readonly: false,
  },
  {
    name: 'solaris, raw block',
    platform: 'solaris',
    format: BLOCK,
    shape: 'slice',
    readonly: false,
  },
]

type Operation = 'stage' | 'publish' | 'unpublish' | 'unstage' | 'expand' | 'stage after growth'

/** What comes before each operation; the disk of the last two has grown since. */
const BEFORE: Readonly<Record<Operation, readonly Operation[]>> = {
  stage: [],
  publish: ['stage'],
  unpublish: ['stage', 'publish'],
  unstage: ['stage', 'publish', 'unpublish'],
  expand: ['stage', 'publish'],
  'stage after growth': ['stage', 'unstage'],
}
const OPERATIONS = Object.keys(BEFORE) as readonly Operation[]

const FAULTS: readonly SimFault[] = [
  { kind: 'cut-before' },
  { kind: 'cut-after' },
  ...[1, 3, 6, 12].map(afterCommands => ({ kind: 'late', afterCommands }) as const),
]

function run(
  operation: Operation,
  volumes: GuestVolumes,
  world: GuestWorld,
  disk: TestDisk,
  setting: Setting,
): Promise<void> {
  switch (operation) {
    case 'stage':
    case 'stage after growth':
      return volumes.stage(
        world.stageRequest(disk, { format: setting.format, written: operation !== 'stage' }),
      )
    case 'publish':
      return volumes.publish(
        world.publishRequest(disk, {
          format: setting.format,
          readonly: setting.readonly,
          exclusive: true,
        }),
      )
    case 'unpublish':
      return volumes.unpublish(TARGET)
    case 'unstage':
      return volumes.unstage(STAGED)
    case 'expand':
      return volumes
        .expand({
          volumeId: STAGED.volumeId,
          path: TARGET.targetPath,
          sizeBytes: disk.store.sizeBytes,
        })
        .then(() => {})
  }
}

async function prepare(
  setting: Setting,
  operation: Operation,
): Promise<{ world: GuestWorld; disk: TestDisk }> {
  const world = guestWorld(setting.platform)
  const disk = world.addDisk(100, 400 * MiB, { shape: setting.shape })
  world.guest.names.makeDirectory('/pods')
  world.guest.names.makeDirectory('/pods/a')
  const grows = operation === 'expand' || operation === 'stage after growth'
  for (const earlier of BEFORE[operation]) {
    await run(earlier, world.volumes, world, disk, setting)
    if (grows && earlier === 'stage' && setting.format.kind === 'filesystem') {
      world.guest.writeFile('/staging/v1/data', 'kept')
    }
  }
  if (!grows) return { world, disk }
  disk.store.resize(700 * MiB)
  if (setting.platform === 'solaris') return { world, disk }
  // A Linux guest looks at the size of a disk when the disk appears, and never again.
  world.linux?.forgetSizes()
  return { world, disk }
}

/** What a person would see in the guest: mounts, names and how often the disk was formatted. */
function picture(world: GuestWorld) {
  const names = world.guest.names
  return {
    mounts: world.guest.mounts(),
    staging: names.children('/staging/v1'),
    target: names.find('/pods/a/mount'),
    formats: world.guest.formatCount(100),
    file: readBack(world, '/staging/v1/data'),
    fileSystemBytes: superblockOf(world)?.sizeBytes,
  }
}

function readBack(world: GuestWorld, path: string): string | undefined {
  try {
    return world.guest.readFile(path)
  } catch {
    return undefined
  }
}

function superblockOf(world: GuestWorld) {
  const disk = world.guest.disk(100)
  try {
    return disk && readSuperblock(world.guest.region(disk))
  } catch {
    // No label yet.
    return undefined
  }
}

/**
 * A plugin that was started anew repeats the call as its caller would, until no earlier command is
 * at work any more.
 */
async function settleAndRun(
  operation: Operation,
  world: GuestWorld,
  disk: TestDisk,
  setting: Setting,
): Promise<void> {
  const volumes = world.fresh()
  let failure: unknown
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      await run(operation, volumes, world, disk, setting)
      await world.timeline.settle()
      return
    } catch (error) {
      failure = error
      if (
        !(
          error instanceof Error &&
          'kind' in error &&
          (error.kind === 'unavailable' || error.kind === 'busy')
        )
      ) {
        throw error
      }
    }
  }
  throw failure
}

const CASES = SETTINGS.flatMap(setting =>
  OPERATIONS.map(operation => ({ name: `${operation}, ${setting.name}`, setting, operation })),
)

test.each(CASES)('$name: cut at any command, then repeated', async ({ setting, operation }) => {
  const happy = await prepare(setting, operation)
  const before = happy.world.timeline.commands.length
  await run(operation, happy.world.fresh(), happy.world, happy.disk, setting)
  const count = happy.world.timeline.commands.length - before
  const expected = picture(happy.world)
  if (
    setting.format.kind === 'filesystem' &&
    BEFORE[operation].length > 0 &&
    happy.disk.store.sizeBytes > 400 * MiB
  ) {
    expect(expected.file).toBe('kept')
    expect(expected.fileSystemBytes).toBeGreaterThan(DISK_BYTES)
  }

  for (const fault of FAULTS) {
    for (let index = 0; index < count; index++) {
      const { world, disk } = await prepare(setting, operation)
      let seen = 0
      world.timeline.rules.push(() => (seen++ === index ? fault : undefined))

      const cut = run(operation, world.fresh(), world, disk, setting)
      await expect(cut).rejects.toMatchObject({ kind: 'unavailable' })
      await settleAndRun(operation, world, disk, setting)

      expect({ index, fault, picture: picture(world) }).toEqual({ index, fault, picture: expected })
    }
  }
})

const UNDO: Readonly<Partial<Record<Operation, Operation>>> = {
  stage: 'unstage',
  publish: 'unpublish',
  'stage after growth': 'unstage',
}

test.each(CASES.filter(({ operation }) => UNDO[operation]))(
  '$name: cut at any command, then undone',
  async ({ setting, operation }) => {
    const undo = UNDO[operation] ?? operation
    const happy = await prepare(setting, operation)
    const before = happy.world.timeline.commands.length
    await run(operation, happy.world.fresh(), happy.world, happy.disk, setting)
    const count = happy.world.timeline.commands.length - before

    for (const fault of FAULTS) {
      for (let index = 0; index < count; index++) {
        const { world, disk } = await prepare(setting, operation)
        let seen = 0
        world.timeline.rules.push(() => (seen++ === index ? fault : undefined))

        await expect(run(operation, world.fresh(), world, disk, setting)).rejects.toMatchObject({
          kind: 'unavailable',
        })
        await settleAndRun(undo, world, disk, setting)

        const { mounts, staging, target } = picture(world)
        const isStaged = operation === 'publish'
        const left = isStaged ? mounts.filter(mount => mount.path === TARGET.targetPath) : mounts
        expect({ index, fault, left, target }).toEqual({
          index,
          fault,
          left: [],
          target: undefined,
        })
        if (!isStaged) expect({ index, fault, staging }).toEqual({ index, fault, staging: [] })
        expect(world.guest.formatCount(100)).toBeLessThanOrEqual(1)
      }
    }
  },
)
