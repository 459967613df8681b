// The simulated installation as a process of its own: behind ssh like a real one, filled by the
// driver itself, so that every dataset, logical unit and disk is as the driver makes it. Started by
// scale.ts, which asks what commands arrived.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Served, serve } from '../sim/serve.ts'
import { SimShell } from '../sim/sim-shell.ts'
import { composeInstallation, type Installation } from '../src/bin/compose/installation.ts'
import { systemClock } from '../src/clock.ts'
import { parseControllerConfig } from '../src/config/config.ts'
import { silentLog } from '../src/log.ts'
import { parseGuestId } from '../src/model/ids.ts'
import { benchWorld, guestOf, POOLS, type Population, populationOf, VOLUME_BYTES } from './world.ts'

/**
 * Commands since the last question, by host, program and subcommand: `m1-primary ldm
 * list-bindings`.
 */
export type CommandCounts = Readonly<Record<string, number>>

export type SimulationMessage =
  | { readonly kind: 'ready'; readonly populatedMs: number }
  | { readonly kind: 'commands'; readonly counts: CommandCounts }

async function populate(driver: Installation, population: Population): Promise<void> {
  for (let index = 0; index < population.volumes; index++) {
    const pool = POOLS[index % POOLS.length]
    const { id } = await driver.volumes.ensureVolume({
      name: `pvc-population-${index}`,
      pool,
      size: { requiredBytes: VOLUME_BYTES, limitBytes: 0 },
      format: { kind: 'filesystem', type: 'any' },
      parameters: {},
      mutable: {},
      source: { kind: 'empty' },
      machines: [],
    })
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
  const file = join(directory, 'controller.yaml')
  const openShell = ({ name }: { readonly name: string }) => ({
    shell: new SimShell(world.host(name)),
    close: () => {},
  })
  return composeInstallation(parseControllerConfig(readFileSync(file, 'utf8'), file), {
    openShell,
    log: silentLog,
    clock: systemClock,
  })
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

const [directory = '', volumes = ''] = process.argv.slice(2)
const tell = (message: SimulationMessage) => process.send?.(message)
const served = await serve({ spec: benchWorld(), directory, realBlockDevices: false })
const begunAt = performance.now()
const driver = driverBehind(served, directory)
await populate(driver, populationOf(Number(volumes)))
await driver.stop()
takeCommands(served)
process.on('message', () => tell({ kind: 'commands', counts: takeCommands(served) }))
// Whatever became of the parent: nobody is left to measure for.
process.on('disconnect', () => process.exit(0))
tell({ kind: 'ready', populatedMs: performance.now() - begunAt })
