// What the simulated world holds that a call of the driver could change, for comparison.

import { createHash } from 'node:crypto'
import type { World } from '../../../sim/world.ts'
import { worldState } from '../../../sim/world-state.ts'
import { MARK_AT } from '../../support/marks.ts'

/**
 * What a call that failed may leave for its repetition to find: the record comes first, and the
 * disk of the guest last.
 */
export type Left = 'volume' | 'record' | 'unit' | 'view' | 'export' | 'disk'

const SAMPLED_BYTES = 64 * 1024

/** Whatever belongs to a volume, in any layer. */
export function leftovers(world: World): readonly string[] {
  const { storage, targets, machines, xenMachines } = worldState(world)
  return [
    ...Object.values(storage).flatMap(datasets =>
      datasets.map(({ name }) => name).filter(name => /\/(a-)?v-/.test(name)),
    ),
    ...Object.values(targets).flatMap(({ units, views }) => [
      ...units.map(unit => unit.guid),
      ...views.map(view => view.guid),
    ]),
    ...Object.values(machines).flatMap(({ domains }) =>
      domains.flatMap(({ vds, vdisks }) =>
        [...vds.flatMap(({ volumes }) => volumes), ...vdisks].map(({ name }) => name),
      ),
    ),
    ...Object.values(xenMachines).flatMap(({ domains }) =>
      domains.flatMap(({ vbds }) => vbds.map(({ vdev }) => vdev)),
    ),
  ]
}

/** Everything that a call could have changed, but for what it may leave. */
export function fingerprint(world: World, leaves: readonly Left[] = []): object {
  const { storage, targets, machines, xenMachines, guests } = worldState(world)
  const may = (left: Left) => leaves.includes(left)
  const isLeft = (name: string) =>
    (may('record') && /\/a-v-/.test(name)) || (may('volume') && /\/v-/.test(name))
  return {
    storage: Object.entries(storage).map(([host, datasets]) => [
      host,
      datasets
        .filter(({ name }) => !isLeft(name))
        .map(({ holders: _, ...dataset }) => ({ ...dataset, bytes: sample(world, host, dataset) })),
    ]),
    targets: Object.entries(targets).map(([host, { units, views }]) => [
      host,
      {
        units: may('unit')
          ? []
          : units.map(({ guid, dataFile, sizeBytes, status }) => ({
              guid,
              dataFile,
              sizeBytes,
              status,
            })),
        views: may('view') ? [] : [...views],
      },
    ]),
    machines: Object.entries(machines).map(([name, { domains }]) => [
      name,
      domains.map(({ vds, vdisks, ...domain }) => ({
        name: domain.name,
        vdisks,
        exports: may('export') ? [] : vds,
      })),
    ]),
    xenMachines: Object.entries(xenMachines).map(([name, { domains }]) => [
      name,
      domains.map(domain => ({ ...domain, vbds: may('disk') ? [] : domain.vbds })),
    ]),
    guests: Object.entries(guests).map(([name, { mounts }]) => [name, mounts]),
  }
}

function sample(
  world: World,
  host: string,
  { name, kind }: { readonly name: string; readonly kind: string },
): string | undefined {
  if (kind !== 'volume') return undefined
  // Also of a pool that is not imported: its bytes must not change either.
  const store = world
    .zfs(host)
    .datasets()
    .find(dataset => dataset.name === name)?.volume?.store
  if (store === undefined) return undefined
  const hash = createHash('sha256').update(store.read(0, SAMPLED_BYTES))
  if (store.sizeBytes > MARK_AT + SAMPLED_BYTES) hash.update(store.read(MARK_AT, SAMPLED_BYTES))
  return hash.digest('hex')
}
