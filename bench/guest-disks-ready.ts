// How long new disks take until they are ready, and how long `apply` takes for the same claims: the
// built programs on one installation, in turn, so that whatever else the machine does slows both.

import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import {
  type Bench,
  type BenchDisk,
  disksIn,
  mountPathOf,
  NAMESPACE,
  NODE_OPTIONS,
  until,
} from './guest-disks-pod.ts'
import { type BenchGuest, GUESTS, POOL } from './guest-disks-world.ts'
import { type Program, type Started, startProgram } from './processes.ts'
import { VOLUME_BYTES } from './world.ts'

/** Each has a node plugin for `apply`. */
const USED = GUESTS.slice(0, 4)
const COUNTS = [1, 50]
const ROUNDS = 5

export interface ReadyResult {
  readonly disks: number
  readonly guestDisksMs: number
  readonly applyMs: number
  /** Of that until its first call: the start of the process, and the files. */
  readonly applyStartMs: number
  readonly ratio: number
  /** The smallest and the largest of the rounds. */
  readonly ratios: readonly [number, number]
}

export async function measureReady(
  bench: Bench,
  program: Pick<Program, 'script' | 'nodeOptions'>,
): Promise<readonly ReadyResult[]> {
  const nodes = USED.map(guest => startNode(bench, program, guest))
  const kept = startGuestDisks(bench, program)
  try {
    await Promise.all(nodes.map(node => node.serving()))
    await until(() => bench.watches() >= 3, 'nobody watches')
    // Past the first look.
    await sleep(5_000)
    const results: ReadyResult[] = []
    for (const count of COUNTS) {
      results.push(await new Race(bench, { program, nodes, count }).run())
    }
    return results
  } finally {
    await kept.stop()
    for (const node of nodes) await node.stop()
  }
}

function startNode(
  { directory }: Bench,
  program: Pick<Program, 'script' | 'nodeOptions'>,
  { machine, guest }: BenchGuest,
): Started {
  const name = `node-${machine}-${guest}`
  const args = ['node', '--config', join(directory, `${name}.yaml`)]
  return startProgram(directory, program, { name, args, env: {} })
}

function startGuestDisks(
  { directory, configFile, controller, api }: Bench,
  { script }: Pick<Program, 'script'>,
): Started {
  const args = ['guest-disks', '--config', configFile, '--controller', controller.endpoint]
  return startProgram(
    directory,
    { script, nodeOptions: NODE_OPTIONS },
    {
      name: 'guest-disks',
      args: [...args, '--service-account', api.serviceAccount],
      env: {
        POD_NAME: 'controller',
        POD_NAMESPACE: NAMESPACE,
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String(api.port),
      },
    },
  )
}

interface Round {
  readonly guestDisksMs: number
  readonly applyMs: number
  readonly applyStartMs: number
}

interface Racers {
  readonly program: Pick<Program, 'script'>
  readonly nodes: readonly Started[]
  readonly count: number
}

/** Both have volumes of their own, which exist and have file systems after the first round. */
class Race {
  readonly #bench: Bench
  readonly #racers: Racers
  readonly #file: string

  constructor(bench: Bench, racers: Racers) {
    this.#bench = bench
    this.#racers = racers
    this.#file = join(bench.directory, `claims-${racers.count}.yaml`)
    writeFileSync(this.#file, manifests(disksIn(USED, racers.count, 'applied')))
  }

  async run(): Promise<ReadyResult> {
    await this.#round()
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await this.#round())
    const ratios = rounds.map(({ guestDisksMs, applyMs }) => guestDisksMs / applyMs)
    return {
      disks: this.#racers.count,
      guestDisksMs: median(rounds.map(({ guestDisksMs }) => guestDisksMs)),
      applyMs: median(rounds.map(({ applyMs }) => applyMs)),
      applyStartMs: median(rounds.map(({ applyStartMs }) => applyStartMs)),
      ratio: median(ratios),
      ratios: [Math.min(...ratios), Math.max(...ratios)],
    }
  }

  async #round(): Promise<Round> {
    const guestDisksMs = await this.#giveByObjects()
    const applyStartMs = await this.#apply('--dry-run')
    const applyMs = await this.#apply()
    await this.#apply('--detach')
    return { guestDisksMs, applyMs, applyStartMs }
  }

  /** Claims and disks come together, and csi-provisioner has as many workers as in the chart. */
  async #giveByObjects(): Promise<number> {
    const disks = disksIn(USED, this.#racers.count, 'kept')
    const begunAt = performance.now()
    for (const disk of disks) {
      this.#bench.putClaim(disk.name, 'Pending')
      this.#bench.putDisk(disk)
    }
    await this.#bench.provision(disks)
    await this.#bench.untilReady(disks)
    const ms = performance.now() - begunAt
    await this.#bench.remove(disks)
    return ms
  }

  async #apply(...more: readonly string[]): Promise<number> {
    const { program, nodes } = this.#racers
    const args = [program.script, 'apply', '--file', this.#file, ...more]
    args.push('--controller', this.#bench.controller.endpoint)
    USED.forEach(({ machine, guest }, index) => {
      args.push('--node', `${machine}/${guest}=${nodes[index]?.endpoint}`)
    })
    const begunAt = performance.now()
    await promisify(execFile)(process.execPath, args)
    return performance.now() - begunAt
  }
}

function manifests(disks: readonly BenchDisk[]): string {
  const storageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: POOL },
    provisioner: 'vdisk.ldom-csi.io',
    parameters: { pool: POOL },
  }
  const claims = disks.map(({ name, guest: { machine, guest } }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      annotations: {
        'ldom-csi.io/guest': `${machine}/${guest}`,
        'ldom-csi.io/mount-path': mountPathOf(name),
      },
    },
    spec: {
      storageClassName: POOL,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: String(VOLUME_BYTES) } },
    },
  }))
  return [storageClass, ...claims].map(object => stringify(object)).join('---\n')
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
