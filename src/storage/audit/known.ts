import type { Attachment, Volume } from '../../model/volumes.ts'
import type { PoolReading } from '../catalog/lists.ts'
import { placeOf } from '../places.ts'
import type { Pool, VolumePlace } from '../pool.ts'

export interface Finding {
  /** `not-seen`: a layer could not be read, so nothing is known about it. */
  readonly kind: string
  readonly object: string
  readonly detail: string
}

const TEXTS_THAT_NAME = /v-[a-z2-7]{20}|[0-9A-F]{32}/gi

/** What a pool records, with the names that the other layers use for it. */
export class Known {
  readonly pool: Pool
  readonly #volumes: ReadonlyMap<string, Volume>
  readonly #records: ReadonlyMap<string, readonly Attachment[]>
  /** By leaf and by the design's own names, in upper case. */
  readonly #places = new Map<string, { readonly place: VolumePlace; readonly what: string }>()

  constructor(pool: Pool, { volumes, tombstones, records }: PoolReading) {
    this.pool = pool
    this.#volumes = new Map(volumes.map(volume => [volume.id, volume]))
    this.#records = Map.groupBy(records, record => record.volumeId)
    for (const [all, what] of [
      [volumes, 'volume'],
      [tombstones, 'deleted volume'],
    ] as const) {
      for (const { leaf, id } of all) {
        const place = placeOf(pool, leaf)
        for (const name of [leaf, ...pool.design.names(place)]) {
          this.#places.set(name.toUpperCase(), { place, what: `${what} ${id}` })
        }
      }
    }
  }

  volume(id: string): Volume | undefined {
    return this.#volumes.get(id)
  }

  recordsOf(id: string): readonly Attachment[] {
    return this.#records.get(id) ?? []
  }

  records(): readonly Attachment[] {
    return [...this.#records.values()].flat()
  }

  /** Describes the volume that a text refers to, such as the name or device of an export. */
  whose(text: string, isOf: (place: VolumePlace) => boolean = () => true): string | undefined {
    const named = (text.match(TEXTS_THAT_NAME) ?? []).flatMap(
      name => this.#places.get(name.toUpperCase()) ?? [],
    )
    return named.find(({ place }) => isOf(place))?.what
  }
}

export function leafOf(record: Attachment): string {
  return record.volumeId.slice(record.volumeId.indexOf('/') + 1)
}
