// The same operation by the driver and by raw commands, one after the other, in turns: whatever
// slows the machine down meets both.

import { VolumeCapabilityAccessModeMode as AccessMode } from '../../src/csi/wire/types.gen.ts'
import { listSnapshots, listVolumes, RawRound, SIZE_BYTES, type Step } from './commands.ts'
import { type BenchWorld, PARENTS } from './world.ts'

export interface Pair {
  readonly operation: string
  readonly driverMs: number
  readonly rawMs: number
  /** Of the raw side. */
  readonly commands: number
}

const NODE = 'm1/ldg2'
export const CAPABILITY = { mount: {}, access_mode: { mode: AccessMode.SINGLE_NODE_WRITER } }

export class Pairs {
  readonly pairs: Pair[] = []
  readonly #world: BenchWorld
  #isDriverFirst = false

  constructor(world: BenchWorld) {
    this.#world = world
  }

  /** One life of a volume; `isMeasured` is false for warming up. */
  async round(at: number, isMeasured: boolean): Promise<void> {
    this.#isDriverFirst = !this.#isDriverFirst
    const { controller } = this.#world.client
    const raw = new RawRound(PARENTS.raw, at)
    const found: Pair[] = []
    const pair = async (
      operation: string,
      driver: () => Promise<unknown>,
      steps: readonly Step[],
    ) => {
      found.push(await this.#pair(operation, driver, steps))
    }
    const ids = { volume: '', snapshot: '', restored: '', copy: '' }
    const created =
      (name: string, source: object = {}) =>
      async () => {
        const { volume } = await controller.CreateVolume({
          name: `${name}-${at}`,
          capacity_range: { required_bytes: String(SIZE_BYTES) },
          volume_capabilities: [CAPABILITY],
          parameters: {},
          ...source,
        })
        return volume?.volume_id ?? ''
      }
    const create = created('pvc')
    await pair(
      'CreateVolume',
      async () => {
        ids.volume = await create()
      },
      raw.createVolume(),
    )
    await pair('CreateVolume, the same again', create, raw.createAgain())
    const volume_id = ids.volume
    await pair(
      'ControllerPublishVolume',
      () =>
        controller.ControllerPublishVolume({
          volume_id,
          node_id: NODE,
          volume_capability: CAPABILITY,
        }),
      raw.publish(),
    )
    await pair(
      'ControllerUnpublishVolume',
      () => controller.ControllerUnpublishVolume({ volume_id, node_id: NODE }),
      raw.unpublish(),
    )
    await pair(
      'CreateSnapshot',
      async () => {
        const { snapshot } = await controller.CreateSnapshot({
          name: `s-${at}`,
          source_volume_id: volume_id,
        })
        ids.snapshot = snapshot?.snapshot_id ?? ''
      },
      raw.createSnapshot(),
    )
    const restored = created('restored', {
      volume_content_source: { snapshot: { snapshot_id: ids.snapshot } },
    })
    await pair(
      'CreateVolume from a snapshot',
      async () => {
        ids.restored = await restored()
      },
      raw.cloneSnapshot(),
    )
    const copy = created('copy', { volume_content_source: { volume: { volume_id } } })
    await pair(
      'CreateVolume from a volume',
      async () => {
        ids.copy = await copy()
      },
      raw.cloneVolume(),
    )
    await pair(
      'ControllerExpandVolume',
      () =>
        controller.ControllerExpandVolume({
          volume_id,
          capacity_range: { required_bytes: String(2 * SIZE_BYTES) },
        }),
      raw.expand(),
    )
    await pair(
      'GetCapacity',
      () => controller.GetCapacity({ parameters: { pool: 'silver' } }),
      raw.capacity(),
    )
    await pair(
      'ListVolumes',
      () => controller.ListVolumes({}),
      listVolumes(PARENTS.driver, [ids.volume, ids.restored, ids.copy].map(datasetOf)),
    )
    await pair(
      'ListSnapshots',
      () => controller.ListSnapshots({}),
      listSnapshots(PARENTS.driver, [datasetOf(ids.snapshot)]),
    )
    await this.#settle()
    for (const volume of [ids.restored, ids.copy]) {
      await controller.DeleteVolume({ volume_id: volume })
    }
    await this.#run(raw.deleteClones())
    await pair(
      'DeleteSnapshot',
      () => controller.DeleteSnapshot({ snapshot_id: ids.snapshot }),
      raw.deleteSnapshot(),
    )
    await this.#settle()
    await pair('DeleteVolume', () => controller.DeleteVolume({ volume_id }), raw.deleteVolume())
    if (isMeasured) this.pairs.push(...found)
  }

  async #pair(
    operation: string,
    driver: () => Promise<unknown>,
    steps: readonly Step[],
  ): Promise<Pair> {
    const works = [() => driver(), () => this.#run(steps)]
    const order = this.#isDriverFirst ? [0, 1] : [1, 0]
    const ms = [0, 0]
    for (const which of order) {
      const startedAt = performance.now()
      await works[which]?.()
      ms[which] = performance.now() - startedAt
    }
    const [driverMs = 0, rawMs = 0] = ms
    return { operation, driverMs, rawMs, commands: steps.length }
  }

  async #run(steps: readonly Step[]): Promise<void> {
    for (const { on, command, status } of steps) {
      const outcome = await this.#world.one[on].run(command)
      if (outcome.status !== status && outcome.status !== 0) {
        throw new Error(`${command.join(' ')}: ${outcome.status}: ${outcome.stderr}`)
      }
    }
  }

  // A zvol that was just made or resized is busy while udev looks at it, for whoever destroys it.
  async #settle(): Promise<void> {
    await this.#world.machine.succeed('udevadm settle')
  }
}

function datasetOf(id: string): string {
  return `${PARENTS.driver}${id.slice(id.indexOf('/'))}`
}
