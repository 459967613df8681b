// Every command of every guest operation, cut before its effect, after it, or landing late: a plugin that remembers nothing
// then repeats or undoes the operation, and the world ends as if nothing had happened.

import type { GuestFormat, GuestVolumes } from '../../src/guest/guest-volumes.ts'
import type { SimFault } from '../../src/sim/host.ts'
import { type GuestWorld, guestWorld, MiB, type PlatformKind, type TestDisk } from './guest-world.ts'

const FILES: GuestFormat = { kind: 'filesystem', type: '', mountOptions: [] }
const BLOCK: GuestFormat = { kind: 'block' }
const STAGED = { volumeId: 'silver/v1', stagingPath: '/staging/v1' }
const TARGET = { volumeId: 'silver/v1', targetPath: '/pods/a/mount' }

interface Setting {
  readonly platform: PlatformKind
  readonly format: GuestFormat
  readonly shape: 'slice' | 'full'
  readonly readonly: boolean
}

const SETTINGS: readonly (Setting & { readonly name: string })[] = [
  { name: 'linux', platform: 'linux', format: FILES, shape: 'slice', readonly: false },
  { name: 'linux, published read-only', platform: 'linux', format: FILES, shape: 'slice', readonly: true },
  { name: 'linux, raw block', platform: 'linux', format: BLOCK, shape: 'slice', readonly: false },
  { name: 'solaris, slice', platform: 'solaris', format: FILES, shape: 'slice', readonly: true },
  { name: 'solaris, whole disk', platform: 'solaris', format: FILES, shape: 'full', readonly: false },
  { name: 'solaris, raw block', platform: 'solaris', format: BLOCK, shape: 'slice', readonly: false },
]

const OPERATIONS = ['stage', 'publish', 'unpublish', 'unstage'] as const
type Operation = (typeof OPERATIONS)[number]

const FAULTS: readonly SimFault[] = [{ kind: 'cut-before' }, { kind: 'cut-after' }, { kind: 'late', afterCommands: 4 }]

function run(operation: Operation, volumes: GuestVolumes, world: GuestWorld, disk: TestDisk, setting: Setting): Promise<void> {
  switch (operation) {
    case 'stage':
      return volumes.stage(world.stageRequest(disk, { format: setting.format }))
    case 'publish':
      return volumes.publish(world.publishRequest(disk, { format: setting.format, readonly: setting.readonly, exclusive: true }))
    case 'unpublish':
      return volumes.unpublish(TARGET)
    case 'unstage':
      return volumes.unstage(STAGED)
  }
}

async function prepare(setting: Setting, operation: Operation): Promise<{ world: GuestWorld; disk: TestDisk }> {
  const world = guestWorld(setting.platform)
  const disk = world.addDisk(100, 400 * MiB, { shape: setting.shape })
  world.guest.names.makeDirectory('/pods')
  world.guest.names.makeDirectory('/pods/a')
  for (const earlier of OPERATIONS.slice(0, OPERATIONS.indexOf(operation))) await run(earlier, world.volumes, world, disk, setting)
  return { world, disk }
}

/** What a person would see in the guest: mounts, names and how often the disk was formatted. */
function picture(world: GuestWorld): unknown {
  const names = world.guest.names
  return {
    mounts: world.guest.mounts(),
    staging: names.children('/staging/v1'),
    target: names.find('/pods/a/mount'),
    formats: world.guest.formatCount(100),
  }
}

/** A plugin that was started anew repeats the call as its caller would, until no earlier command is at work any more. */
async function settleAndRun(
  operation: Operation,
  world: GuestWorld,
  disk: TestDisk,
  setting: Setting,
  volumes: GuestVolumes = world.fresh(),
): Promise<void> {
  let failure: unknown
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      await run(operation, volumes, world, disk, setting)
      await world.timeline.settle()
      return
    } catch (error) {
      failure = error
      if (!(error instanceof Error && 'kind' in error && (error.kind === 'unavailable' || error.kind === 'busy'))) throw error
    }
  }
  throw failure
}

const CASES = SETTINGS.flatMap(setting => OPERATIONS.map(operation => ({ name: `${operation}, ${setting.name}`, setting, operation })))

test.each(CASES)('$name: cut at any command, then repeated', async ({ setting, operation }) => {
  const happy = await prepare(setting, operation)
  const before = happy.world.timeline.commands.length
  await run(operation, happy.world.fresh(), happy.world, happy.disk, setting)
  const count = happy.world.timeline.commands.length - before
  const expected = picture(happy.world)

  for (const fault of FAULTS) {
    for (let index = 0; index < count; index++) {
      const { world, disk } = await prepare(setting, operation)
      let seen = 0
      world.timeline.rules.push(() => (seen++ === index ? fault : undefined))

      const cut = run(operation, world.fresh(), world, disk, setting)
      await expect(cut).rejects.toMatchObject({ kind: 'unavailable' })
      await settleAndRun(operation, world, disk, setting)

      expect({ index, fault: fault.kind, picture: picture(world) }).toEqual({ index, fault: fault.kind, picture: expected })
    }
  }
})

const UNDO: Readonly<Partial<Record<Operation, Operation>>> = { stage: 'unstage', publish: 'unpublish' }

test.each(CASES.filter(({ operation }) => UNDO[operation]))('$name: cut at any command, then undone', async ({ setting, operation }) => {
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

      const first = world.fresh()
      await expect(run(operation, first, world, disk, setting)).rejects.toMatchObject({ kind: 'unavailable' })
      // A new plugin looks in the process list for programs that change disks, not for mkdir and ln: a name that one of
      // these leaves behind after the undoing is empty and harmless. The plugin that sent it waits for it.
      await settleAndRun(undo, world, disk, setting, fault.kind === 'late' ? first : undefined)

      const { mounts, target } = picture(world) as { mounts: readonly { path: string }[]; target: unknown }
      const left = operation === 'stage' ? mounts : mounts.filter(mount => mount.path === TARGET.targetPath)
      expect({ index, fault: fault.kind, left, target }).toEqual({ index, fault: fault.kind, left: [], target: undefined })
      expect(world.guest.formatCount(100)).toBeLessThanOrEqual(1)
    }
  }
})
