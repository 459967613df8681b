// The simulated installation behind the test cluster: `ldom-sim serve` with real block devices, and
// its control socket.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { demoWorld } from '../../sim/preset.ts'
import { attempt, run, waitFor } from '../support/commands.ts'
import type { Daemons } from '../support/daemons.ts'
import { SIMULATION, STATE, STORAGE_ADDRESS } from './settings.ts'

const PROGRAM = join(import.meta.dirname, '../../sim/bin/ldom-sim.ts')
const WORLD = join(SIMULATION, 'world.json')
const SPEC = join(STATE, 'world-spec.json')

export interface SshAccess {
  readonly host: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
}

interface WorldFile {
  readonly controlSocket: string
  readonly hosts: Readonly<Record<string, SshAccess>>
  readonly guests: Readonly<Record<string, { readonly kernelRoot?: string }>>
}

export class Simulation {
  readonly world: WorldFile

  constructor() {
    this.world = JSON.parse(readFileSync(WORLD, 'utf8'))
  }

  static async start(daemons: Daemons): Promise<Simulation> {
    await mountDisk()
    writeFileSync(SPEC, JSON.stringify(withFurtherGuests()))
    daemons.start('simulation', [
      process.execPath,
      PROGRAM,
      'serve',
      `--world=${SPEC}`,
      `--directory=${SIMULATION}`,
      `--address=${STORAGE_ADDRESS}`,
      '--real-block-devices',
    ])
    const what = `the simulated installation, see ${daemons.log('simulation')}`
    await waitFor({ what }, async () => existsSync(WORLD))
    return new Simulation()
  }

  kernelRoot(guest: string): string {
    const root = this.world.guests[guest]?.kernelRoot
    if (root === undefined) throw new Error(`${guest} has no real block devices`)
    return root
  }

  /** From now on writes to the storage wait, and so do those of guests. */
  async freeze(): Promise<void> {
    await run(['fsfreeze', '--freeze', SIMULATION])
  }

  async thaw(): Promise<void> {
    await run(['fsfreeze', '--unfreeze', SIMULATION])
  }

  /** Once the simulation has ended. */
  static async remove(): Promise<void> {
    await attempt(['fsfreeze', '--unfreeze', SIMULATION])
    await attempt(['umount', SIMULATION])
  }

  /** One request of the control socket; its README has them. */
  async control<T = unknown>(request: { readonly op: string; readonly [key: string]: unknown }) {
    const socket = createConnection(this.world.controlSocket)
    try {
      const answered = new Promise<string>((resolve, reject) => {
        socket.once('error', reject)
        createInterface({ input: socket }).once('line', resolve)
      })
      socket.write(`${JSON.stringify(request)}\n`)
      const answer: T & { readonly error?: string } = JSON.parse(await answered)
      if (answer.error !== undefined) throw new Error(`${request.op}: ${answer.error}`)
      return answer
    } finally {
      socket.destroy()
    }
  }
}

/** On each machine one Linux guest more, which is no node: it is only reached over SSH. */
function withFurtherGuests() {
  const { machines, ...rest } = demoWorld()
  const further = { ldg4: { platform: 'linux', state: 'active', controller: 0 } }
  return {
    ...rest,
    machines: Object.fromEntries(
      Object.entries(machines).map(([name, machine]) => [
        name,
        { ...machine, guests: { ...machine.guests, ...further } },
      ]),
    ),
  }
}

// The bytes of all volumes are on a file system of their own, so that it can be stopped alone.
async function mountDisk(): Promise<void> {
  const disk = join(STATE, 'storage.img')
  mkdirSync(SIMULATION, { recursive: true })
  await run(['truncate', '--size=64G', disk])
  await run(['mkfs.ext4', '-q', '-m', '0', '-E', 'nodiscard', disk])
  await run(['mount', '-o', 'loop,noatime', disk, SIMULATION])
}

/** As much of the answer to `state` as the tests look at. */
export interface SimulationState {
  readonly storage: Readonly<Record<string, readonly StoredDataset[]>>
  readonly guests: Readonly<
    Record<string, { readonly disks: readonly { readonly id: number; readonly name: string }[] }>
  >
}

export interface StoredDataset {
  readonly name: string
  readonly kind: 'filesystem' | 'volume'
  readonly sizeBytes?: number
  readonly properties: Readonly<Record<string, string>>
  readonly snapshots: readonly string[]
}
