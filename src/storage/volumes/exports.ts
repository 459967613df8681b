// Whether a machine exports a volume that nothing records, or may do so unseen. Reads only.

import { StorageError } from '../../errors.ts'
import { isSilence, type MachineViews } from '../observation.ts'
import type { VolumePlace } from '../pool.ts'
import { leadsTo, removalOf } from '../uses.ts'

export type Exported =
  | { readonly kind: 'unseen'; readonly machine: string; readonly error: StorageError }
  | {
      readonly kind: 'exported'
      readonly machine: string
      readonly label: string
      /** What a person would type to remove it. */
      readonly removal: string
    }

/** The first machine that keeps the volume from being taken for unused. */
export async function findExport(
  place: VolumePlace,
  states: MachineViews,
  signal?: AbortSignal,
): Promise<Exported | undefined> {
  for (const [machine, state] of states) {
    if (state instanceof StorageError) {
      // If the design has a fence, no view means that no machine can reach the bytes, whether it
      // answers or not.
      if (!isSilence(state) || !(await place.pool.design.isFenced(place, signal))) {
        return { kind: 'unseen', machine, error: state }
      }
      continue
    }
    const uses = state.uses.filter(use => leadsTo(place, use))
    const first = uses.find(use => use.kind === 'export') ?? uses[0]
    if (first !== undefined) {
      return { kind: 'exported', machine, label: first.label, removal: removalOf(uses) }
    }
  }
  return undefined
}
