// Many at once: how many operations a second, and how many of them succeed, by the driver and by raw
// commands over as many connections as the driver has.

import { RawRound, SIZE_BYTES, type Step } from './commands.ts'
import { CAPABILITY } from './pairs.ts'
import { type BenchWorld, PARENTS } from './world.ts'

export interface Crowd {
  readonly operation: string
  readonly atOnce: number
  readonly driverMs: number
  readonly rawMs: number
  readonly driverSucceeded: number
  readonly rawSucceeded: number
}

interface Counted {
  readonly ms: number
  readonly succeeded: number
}

/** One round of `atOnce` volumes: created, snapshotted, deleted. Rounds begin with either side. */
export async function crowd(
  world: BenchWorld,
  { atOnce, round }: { readonly atOnce: number; readonly round: number },
): Promise<readonly Crowd[]> {
  const { controller } = world.client
  const raws = Array.from({ length: atOnce }, (_, at) => new RawRound(PARENTS.raw, at))
  const ids: string[] = []
  const snapshots: string[] = []
  const each = (work: (at: number) => Promise<unknown>) => () =>
    counted(raws.map((_, at) => () => work(at)))
  const raw = (steps: (round: RawRound) => readonly Step[]) => () =>
    counted(raws.map(one => () => runAll(world, steps(one))))
  const crowds: Crowd[] = []
  const pair = async (
    operation: string,
    driver: () => Promise<Counted>,
    other: () => Promise<Counted>,
  ) => {
    const isDriverFirst = round % 2 === 0
    const first = await (isDriverFirst ? driver : other)()
    const second = await (isDriverFirst ? other : driver)()
    const [own, theirs] = isDriverFirst ? [first, second] : [second, first]
    crowds.push({
      ...{ operation, atOnce, driverMs: own.ms, rawMs: theirs.ms },
      ...{ driverSucceeded: own.succeeded, rawSucceeded: theirs.succeeded },
    })
    await world.machine.succeed('udevadm settle')
  }
  const create = each(async at => {
    const { volume } = await controller.CreateVolume({
      name: `crowd-${atOnce}-${round}-${at}`,
      capacity_range: { required_bytes: String(SIZE_BYTES) },
      volume_capabilities: [CAPABILITY],
      parameters: {},
    })
    ids[at] = volume?.volume_id ?? ''
  })
  await pair(
    'CreateVolume',
    create,
    raw(one => one.createVolume()),
  )
  const cut = each(async at => {
    const name = `crowd-${atOnce}-${round}-${at}`
    const { snapshot } = await controller.CreateSnapshot({ name, source_volume_id: ids[at] ?? '' })
    snapshots[at] = snapshot?.snapshot_id ?? ''
  })
  await pair(
    'CreateSnapshot',
    cut,
    raw(one => one.createSnapshot()),
  )
  const uncut = each(at => controller.DeleteSnapshot({ snapshot_id: snapshots[at] ?? '' }))
  await pair(
    'DeleteSnapshot',
    uncut,
    raw(one => one.deleteSnapshot()),
  )
  const remove = each(at => controller.DeleteVolume({ volume_id: ids[at] ?? '' }))
  await pair(
    'DeleteVolume',
    remove,
    raw(one => one.deleteVolume().filter(({ on }) => on === 'storage')),
  )
  return crowds
}

async function counted(works: readonly (() => Promise<unknown>)[]): Promise<Counted> {
  const startedAt = performance.now()
  const results = await Promise.allSettled(works.map(work => work()))
  const ms = performance.now() - startedAt
  return { ms, succeeded: results.filter(({ status }) => status === 'fulfilled').length }
}

async function runAll(world: BenchWorld, steps: readonly Step[]): Promise<void> {
  for (const { command, status } of steps) {
    const outcome = await world.many.run(command)
    if (outcome.status !== status && outcome.status !== 0) throw new Error(outcome.stderr)
  }
}
