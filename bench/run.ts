// One population, measured: what a caller of the controller waits for, what the controller keeps in
// memory, and what the hosts are asked.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CsiClient, connect } from '../src/csi/wire/client.ts'
import { VolumeCapabilityAccessModeMode as AccessMode } from '../src/csi/wire/types.gen.ts'
import { openPod, type Pod } from './pod.ts'
import {
  type Controller,
  type Program,
  type Simulation,
  startController,
  startSimulation,
} from './processes.ts'
import type { CommandCounts } from './simulation.ts'
import { guestOf, POOLS, type PoolName, populationOf, VOLUME_BYTES } from './world.ts'

const PAGE = 500
const WARM_UPS = 10
const REPEATS = 31
const AT_ONCE = 50
const REST_MS = 5_000
const FAILURES = 10
const LONGEST_EVENTS_MS = 300_000

export interface Figure {
  readonly ms: number
  /** Remote commands of one call. */
  readonly commands: number
}

export interface Listing extends Figure {
  readonly entries: number
  readonly pages: number
  readonly peakBytes: number
}

export interface Result {
  readonly volumes: number
  readonly snapshots: number
  readonly populatedMs: number
  /** Resident bytes of the controller, by moment. */
  readonly memory: Readonly<Record<string, number>>
  readonly listings: Readonly<Record<string, Listing>>
  /** Medians, by operation. */
  readonly operations: Readonly<Record<string, Figure>>
  readonly atOnce: {
    readonly ms: number
    readonly ldm: CommandCounts
    readonly all: number
    readonly peakBytes: number
  }
}

export async function measure(volumes: number, program: Program): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-bench-'))
  const simulation = await startSimulation(directory, { world: 'volumes', volumes })
  const pod = program.isPod ? await openPod(volumes) : undefined
  const controller = await startController(directory, program, pod)
  const client = connect(controller.endpoint)
  try {
    return await new Run(simulation, { controller, client, pod }).all(volumes)
  } finally {
    client.close()
    await controller.stop()
    await pod?.stop()
    await simulation.stop()
    rmSync(directory, { recursive: true })
  }
}

class Run {
  readonly #simulation: Simulation
  readonly #controller: Controller
  readonly #client: CsiClient
  readonly #pod: Pod | undefined
  #names = 0

  constructor(
    simulation: Simulation,
    subject: {
      readonly controller: Controller
      readonly client: CsiClient
      readonly pod: Pod | undefined
    },
  ) {
    this.#simulation = simulation
    this.#controller = subject.controller
    this.#client = subject.client
    this.#pod = subject.pod
  }

  async all(volumes: number): Promise<Result> {
    const { memory } = this.#controller
    const resting = async () => {
      await sleep(REST_MS)
      return memory.residentBytes()
    }
    while (!(await this.#client.identity.Probe({})).ready?.value) await sleep(100)
    const atStart = await resting()
    memory.resetPeak()
    const first = await this.#createdVolume('silver')
    const index = await this.#timed(() =>
      this.#client.controller.CreateSnapshot({ name: 'first', source_volume_id: first }),
    )
    const indexPeak = memory.peakBytes()
    await this.#deleteVolume(first)
    const withIndex = await resting()
    const listings = {
      ListVolumes: await this.#listVolumes(),
      ListSnapshots: await this.#listSnapshots(),
    }
    const afterListings = await resting()
    const operations = {
      'CreateSnapshot, the first after a start': index,
      ...(await this.#operations()),
    }
    const atOnce = await this.#attachAtOnce()
    const events = this.#pod === undefined ? {} : await this.#failIntoEvents(this.#pod)
    return {
      volumes,
      snapshots: volumes * populationOf(volumes).snapshotsPerVolume,
      populatedMs: this.#simulation.populatedMs,
      memory: {
        'after the start': atStart,
        'largest while the first snapshot was made': indexPeak,
        'at rest after that': withIndex,
        'largest during ListVolumes': listings.ListVolumes.peakBytes,
        'largest during ListSnapshots': listings.ListSnapshots.peakBytes,
        'at rest after the lists': afterListings,
        [`largest while ${AT_ONCE} were attached at once`]: atOnce.peakBytes,
        ...events,
        'at rest at the end': await resting(),
      },
      listings,
      operations,
      atOnce,
    }
  }

  async #timed(work: () => Promise<unknown>): Promise<Figure> {
    await this.#simulation.commands()
    const startedAt = performance.now()
    await work()
    const ms = performance.now() - startedAt
    return { ms, commands: sum(await this.#simulation.commands()) }
  }

  async #listVolumes(): Promise<Listing> {
    return this.#list(async token => {
      const { entries, next_token } = await this.#client.controller.ListVolumes({
        max_entries: PAGE,
        starting_token: token,
      })
      return { entries: entries.length, next: next_token }
    })
  }

  async #listSnapshots(): Promise<Listing> {
    return this.#list(async token => {
      const { entries, next_token } = await this.#client.controller.ListSnapshots({
        max_entries: PAGE,
        starting_token: token,
      })
      return { entries: entries.length, next: next_token }
    })
  }

  async #list(
    page: (token: string) => Promise<{ entries: number; next: string }>,
  ): Promise<Listing> {
    this.#controller.memory.resetPeak()
    let entries = 0
    let pages = 0
    const figure = await this.#timed(async () => {
      for (let token = ''; pages === 0 || token !== ''; pages++) {
        const answer = await page(token)
        entries += answer.entries
        token = answer.next
      }
    })
    return { ...figure, entries, pages, peakBytes: this.#controller.memory.peakBytes() }
  }

  async #operations(): Promise<Record<string, Figure>> {
    const rounds: Record<string, Figure[]> = {}
    for (let round = 0; round < WARM_UPS + REPEATS; round++) {
      for (const pool of POOLS) {
        for (const [name, figure] of Object.entries(await this.#lifeOf(pool, round))) {
          rounds[name] ??= []
          if (round >= WARM_UPS) rounds[name].push(figure)
        }
      }
    }
    return Object.fromEntries(
      Object.entries(rounds).map(([name, figures]) => [
        name,
        { ms: median(figures, 'ms'), commands: median(figures, 'commands') },
      ]),
    )
  }

  async #lifeOf(pool: PoolName, round: number): Promise<Record<string, Figure>> {
    const { controller, groupController } = this.#client
    const figures: Record<string, Figure> = {}
    const step = async (name: string, work: () => Promise<unknown>) => {
      figures[`${name}, ${pool}`] = await this.#timed(work)
    }
    let volume = ''
    await step('CreateVolume', async () => {
      volume = await this.#createdVolume(pool)
    })
    let snapshot = ''
    await step('CreateSnapshot', async () => {
      const made = await controller.CreateSnapshot({
        name: this.#newName('snapshot'),
        source_volume_id: volume,
      })
      snapshot = made.snapshot?.snapshot_id ?? ''
    })
    let clone = ''
    await step('CreateVolume from a snapshot', async () => {
      clone = await this.#createdVolume(pool, { snapshot: { snapshot_id: snapshot } })
    })
    let group: { group_snapshot_id: string; snapshot_ids: string[] } | undefined
    await step('CreateVolumeGroupSnapshot', async () => {
      const made = await groupController.CreateVolumeGroupSnapshot({
        name: this.#newName('group'),
        source_volume_ids: [volume],
      })
      const { group_snapshot_id = '', snapshots = [] } = made.group_snapshot ?? {}
      group = { group_snapshot_id, snapshot_ids: snapshots.map(member => member.snapshot_id) }
    })
    const quiet = guestOf('m1', round)
    await step('ControllerPublishVolume', () => this.#publish(volume, quiet))
    await step('ControllerUnpublishVolume', () =>
      controller.ControllerUnpublishVolume({ volume_id: volume, node_id: quiet }),
    )
    if (pool === 'gold') {
      const busy = guestOf('m2', round)
      await step('ControllerPublishVolume beside the attached', () => this.#publish(volume, busy))
      await controller.ControllerUnpublishVolume({ volume_id: volume, node_id: busy })
    }
    await step('DeleteSnapshot with a clone', () =>
      controller.DeleteSnapshot({ snapshot_id: snapshot }),
    )
    await step('DeleteVolumeGroupSnapshot', () =>
      groupController.DeleteVolumeGroupSnapshot(group ?? {}),
    )
    await this.#deleteVolume(clone)
    await step('DeleteVolume', () => this.#deleteVolume(volume))
    return figures
  }

  async #attachAtOnce(): Promise<Result['atOnce']> {
    const volumes = await Promise.all(
      Array.from({ length: AT_ONCE }, () => this.#createdVolume('gold')),
    )
    await this.#simulation.commands()
    this.#controller.memory.resetPeak()
    const startedAt = performance.now()
    await Promise.all(volumes.map((volume, index) => this.#publish(volume, guestOf('m1', index))))
    const ms = performance.now() - startedAt
    const counts = await this.#simulation.commands()
    const ldm = Object.fromEntries(
      Object.entries(counts).flatMap(([name, count]) =>
        name.startsWith('m1-primary ldm ') ? [[name.slice(11), count]] : [],
      ),
    )
    return { ms, ldm, all: sum(counts), peakBytes: this.#controller.memory.peakBytes() }
  }

  async #failIntoEvents(pod: Pod): Promise<Readonly<Record<string, number>>> {
    this.#controller.memory.resetPeak()
    for (let at = 0; at < FAILURES; at++) {
      const volume = await this.#createdVolume('gold')
      pod.bind(volume)
      await this.#publish(volume, 'm1/nobody').catch(() => {})
    }
    const endMs = Date.now() + LONGEST_EVENTS_MS
    while (pod.countEvents() < FAILURES) {
      if (Date.now() > endMs) throw new Error('failed attachments did not become events')
      await sleep(100)
    }
    const peak = this.#controller.memory.peakBytes()
    return { [`largest while ${FAILURES} failures became events`]: peak }
  }

  #newName(kind: string): string {
    return `${kind}-measured-${this.#names++}`
  }

  async #createdVolume(
    pool: PoolName,
    source?: { readonly snapshot: { readonly snapshot_id: string } },
  ): Promise<string> {
    const { volume } = await this.#client.controller.CreateVolume({
      name: this.#newName('pvc'),
      capacity_range: { required_bytes: String(VOLUME_BYTES) },
      volume_capabilities: [CAPABILITY],
      parameters: { pool },
      ...(source === undefined ? {} : { volume_content_source: source }),
    })
    return volume?.volume_id ?? ''
  }

  async #publish(volume: string, guest: string): Promise<void> {
    await this.#client.controller.ControllerPublishVolume({
      volume_id: volume,
      node_id: guest,
      volume_capability: CAPABILITY,
    })
  }

  async #deleteVolume(volume: string): Promise<void> {
    await this.#client.controller.DeleteVolume({ volume_id: volume })
  }
}

const CAPABILITY = { mount: {}, access_mode: { mode: AccessMode.SINGLE_NODE_WRITER } }

function median(figures: readonly Figure[], key: keyof Figure): number {
  const sorted = figures.map(figure => figure[key]).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function sum(counts: CommandCounts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
