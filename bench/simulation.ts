// The simulated installation as a process of its own: behind ssh like a real one, filled by the
// driver itself, so that every dataset, logical unit and disk is as the driver makes it. Started by
// the bench, which asks what commands arrived.

import { type Served, serve } from '../sim/serve.ts'
import { SimShell } from '../sim/sim-shell.ts'
import type { WorldSpec } from '../sim/world-spec.ts'
import type { Installation } from '../src/bin/compose/installation.ts'
import { parseGuestId } from '../src/model/ids.ts'
import { driverFrom, emptyVolume } from './driver.ts'
import { type Cluster, keepGuestDisks } from './guest-disks-population.ts'
import { guestDisksWorld } from './guest-disks-world.ts'
import { benchWorld, guestOf, POOLS, type Population, populationOf } from './world.ts'

/**
 * Commands since the last question, by host, program and subcommand: `m1-primary ldm
 * list-bindings`.
 */
export type CommandCounts = Readonly<Record<string, number>>

export type SimulationMessage =
  | { readonly kind: 'ready'; readonly populatedMs: number }
  | { readonly kind: 'commands'; readonly counts: CommandCounts }
  | { readonly kind: 'done' }

/** `end`: of what `keep` began. */
export type SimulationOrder =
  | { readonly kind: 'commands' }
  | { readonly kind: 'keep'; readonly cluster: Cluster }
  | { readonly kind: 'end' }

async function populate(driver: Installation, population: Population): Promise<void> {
  for (let index = 0; index < population.volumes; index++) {
    const pool = POOLS[index % POOLS.length]
    const { id } = await driver.volumes.ensureVolume(emptyVolume(`pvc-population-${index}`, pool))
    for (let cut = 0; cut < population.snapshotsPerVolume; cut++) {
      await driver.snapshots.createSnapshot({
        name: `snapshot-population-${index}-${cut}`,
        volumeId: id,
      })
    }
    const turn = Math.floor(index / POOLS.length)
    if (pool !== 'gold' || turn >= population.attached) continue
    await driver.attachments.attach({
      volumeId: id,
      guest: parseGuestId(guestOf('m2', turn)),
      mode: 'rw',
      sharing: 'exclusive',
      format: { kind: 'filesystem', type: 'any' },
    })
  }
}

/** A driver in this process, whose commands reach the simulated hosts without ssh. */
function driverBehind({ world }: Served, directory: string): Installation {
  return driverFrom(directory, ({ name }) => ({
    shell: new SimShell(world.host(name)),
    close: () => {},
  }))
}

function takeCommands({ world }: Served): CommandCounts {
  const commands = world.timeline.commands.splice(0)
  const counts: Record<string, number> = {}
  for (const { host, argv } of commands) {
    const [path = '', subcommand = ''] = argv
    const key = `${host} ${path.slice(path.lastIndexOf('/') + 1)} ${subcommand}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

const WORLDS: Readonly<Record<string, () => WorldSpec>> = {
  volumes: benchWorld,
  'guest-disks': guestDisksWorld,
}

const [directory = '', volumes = '', world = ''] = process.argv.slice(2)
const spec = (WORLDS[world] ?? benchWorld)()
const tell = (message: SimulationMessage) => process.send?.(message)
const served = await serve({ spec, directory, realBlockDevices: false })
const begunAt = performance.now()
const driver = driverBehind(served, directory)
await populate(driver, populationOf(Number(volumes)))
await driver.stop()
takeCommands(served)
let end = async () => {}

async function obey(order: SimulationOrder): Promise<SimulationMessage> {
  switch (order.kind) {
    case 'commands':
      return { kind: 'commands', counts: takeCommands(served) }
    case 'keep':
      end = await keepGuestDisks(order.cluster, {
        world: served.world,
        driver: driverBehind(served, directory),
      })
      return { kind: 'done' }
    case 'end':
      await end()
      return { kind: 'done' }
  }
}

process.on('message', (order: SimulationOrder) => void obey(order).then(tell))
// Whatever became of the parent: nobody is left to measure for.
process.on('disconnect', () => process.exit(0))
tell({ kind: 'ready', populatedMs: performance.now() - begunAt })
