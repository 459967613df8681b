// What the commands of a random sequence choose from: names that are there or not, sizes that fit or
// not.

import type { SimZfs } from '../../../sim/zfs/sim-zfs.ts'
import { GiB, MiB } from '../../../src/model/volumes.ts'
import type { Chance } from '../../support/machines/chance.ts'
import { PARENT } from './both-hosts.ts'

const below = (leaf: string) => `${PARENT}/${leaf}`
export const VOLUMES = ['v1', 'v2', 'v3', 'v4', 'v5'].map(below)
export const RECORDS = ['a-v1', 'a-v2', 'a-v1/g1', 'a-v1/g2', 'a-v2/g1', 'a-v3/g1'].map(below)
export const SNAPSHOTS = ['s1', 's2', 's3', 's4']
// With 20 GB in the pool, two of 7 GiB fit, or one of 13: never nearly.
export const SIZES = [
  16 * MiB,
  16 * MiB,
  16 * MiB + 16384,
  64 * MiB,
  GiB,
  7 * GiB,
  13 * GiB,
  100 * GiB,
]
export const BLOCKS = [16384, 16384, 8192, 65536, 4096, 512, 131072, 1048576]
export const USER = ['cluster', 'name', 'state', 'guest'].map(key => `ldom-csi:${key}`)

/** What the commands of one sequence may meet. */
export class Surroundings {
  readonly #zfs: SimZfs
  readonly #chance: Chance

  constructor(zfs: SimZfs, chance: Chance) {
    this.#zfs = zfs
    this.#chance = chance
  }

  #there(kind: 'volume' | 'filesystem') {
    return this.#zfs
      .datasets()
      .filter(dataset => dataset.kind === kind && dataset.name.startsWith(`${PARENT}/`))
  }

  /** Of a new dataset; taken once in a while. */
  free(names: readonly string[]): string {
    const free = names.filter(name => this.#zfs.dataset(name) === undefined)
    return this.#chance.known(free, names)
  }

  volume(): string {
    return this.#chance.known(
      this.#there('volume').map(({ name }) => name),
      VOLUMES,
    )
  }

  record(): string {
    return this.#chance.known(
      this.#there('filesystem').map(({ name }) => name),
      RECORDS,
    )
  }

  snapshot(): string {
    return this.#chance.known(
      this.#there('volume').flatMap(({ snapshots }) => snapshots.map(({ name }) => name)),
      VOLUMES.flatMap(volume => SNAPSHOTS.map(leaf => `${volume}@${leaf}`)),
    )
  }

  freeSnapshot(volume: string): string {
    return this.free(SNAPSHOTS.map(leaf => `${volume}@${leaf}`))
  }
}
