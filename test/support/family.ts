// Random families of volumes and snapshots: each made from another one, or empty. Every volume
// carries bytes that say from which empty volume its content came.

import fc from 'fast-check'
import type { Installation } from '../../src/bin/compose/installation.ts'
import { MiB, type VolumeSource } from '../../src/model/volumes.ts'
import { volumeSpec } from './installation.ts'

type Driver = Pick<Installation, 'volumes' | 'snapshots'>

export interface Member {
  readonly kind: 'volume' | 'snapshot'
  readonly id: string
  /** What the volume holds, or held when the snapshot was cut. */
  readonly bytes: string
}

interface Birth {
  readonly what: 'empty' | 'snapshot' | 'restore' | 'clone'
  readonly of: number
}

export const births = (largest: number) =>
  fc.array(
    fc.record<Birth>({
      what: fc.constantFrom(
        'empty',
        'snapshot',
        'snapshot',
        'restore',
        'restore',
        'clone',
        'clone',
      ),
      of: fc.nat(50),
    }),
    { minLength: 3, maxLength: largest },
  )

interface Surroundings {
  readonly driver: Driver
  readonly pool: string
  /** Writes text into an empty volume, behind the driver's back. */
  readonly write: (volumeId: string, text: string) => void | Promise<void>
}

/** Makes the family, in the order of the plan. */
export async function grow(plan: readonly Birth[], surroundings: Surroundings): Promise<Member[]> {
  const { driver, pool, write } = surroundings
  const members: Member[] = []
  const pick = (kind: Member['kind'], of: number) => {
    const all = members.filter(member => member.kind === kind)
    return all[of % Math.max(1, all.length)]
  }
  const make = async (name: string, source: VolumeSource) => {
    const requiredBytes = source.kind === 'empty' ? 16 * MiB : 0
    const size = { requiredBytes, limitBytes: 0 }
    return (await driver.volumes.ensureVolume(volumeSpec({ pool, name, source, size }))).id
  }
  for (const [step, { what, of }] of plan.entries()) {
    const name = `n${step}`
    const source = pick(what === 'restore' ? 'snapshot' : 'volume', of)
    if (what === 'empty' || source === undefined) {
      const id = await make(name, { kind: 'empty' })
      await write(id, name)
      members.push({ kind: 'volume', id, bytes: name })
    } else if (what === 'snapshot') {
      const { id } = await driver.snapshots.createSnapshot({ name, volumeId: source.id })
      members.push({ kind: 'snapshot', id, bytes: source.bytes })
    } else {
      const id = await make(name, { kind: source.kind, id: source.id })
      members.push({ kind: 'volume', id, bytes: source.bytes })
    }
  }
  return members
}

export function remove({ volumes, snapshots }: Driver, { kind, id }: Member): Promise<void> {
  return kind === 'volume' ? volumes.deleteVolume(id) : snapshots.deleteSnapshot(id)
}
