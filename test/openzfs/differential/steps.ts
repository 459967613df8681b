// Random commands as the driver issues them. Most fit what is there by then; the others name what
// is missing, or taken, or too large.

import fc from 'fast-check'
import type { SimZfs } from '../../../sim/zfs/sim-zfs.ts'
import { MiB } from '../../../src/model/volumes.ts'
import type { Command } from '../../../src/shell/shell.ts'
import {
  HOLDER_PROPERTIES,
  READ_PROPERTIES,
  SNAPSHOT_PROPERTIES,
  STATE_PROPERTIES,
} from '../../../src/storage/catalog/properties.ts'
import { FULLNESS_PROPERTIES } from '../../../src/storage/fullness.ts'
import { ZFS } from '../../../src/zfs/names.ts'
import { Chance } from '../../support/machines/chance.ts'
import { type Action, PARENT } from './both-hosts.ts'
import { commandOf, delegationOf, heedingOf } from './commands.ts'
import { BLOCKS, RECORDS, SIZES, SNAPSHOTS, Surroundings, USER, VOLUMES } from './surroundings.ts'

const NUMBERS = [
  ...['type', 'volsize', 'volblocksize', 'refreservation', 'reservation', 'compression', 'used'],
  ...['usedbydataset', 'usedbysnapshots', 'usedbychildren', 'usedbyrefreservation', 'referenced'],
  ...['written', 'logicalused', 'logicalreferenced', 'origin', 'clones', 'userrefs', 'canmount'],
  ...['defer_destroy', 'createtxg', 'guid', 'creation', 'logbias', 'sync', 'available'],
]

type Step = (around: Surroundings, chance: Chance) => Action | Promise<Command>

const properties = (chance: Chance) =>
  Object.fromEntries(USER.slice(0, chance.next() % 3).map((name, at) => [name, `dmFs${at}`]))

const STEPS: Readonly<Record<string, { readonly weight: number; readonly step: Step }>> = {
  createVolume: {
    weight: 12,
    step: (around, chance) =>
      commandOf(zfs =>
        zfs.createVolume({
          dataset: around.free(VOLUMES),
          sizeBytes: chance.one(SIZES),
          blockSizeBytes: chance.one(BLOCKS),
          reservation: chance.one(['thick', 'thin']),
          compression: chance.one(['off', 'lz4', 'on', 'gzip-1', 'zle', 'lzjb']),
          properties: properties(chance),
        }),
      ),
  },
  createRecord: {
    weight: 6,
    step: (around, chance) =>
      commandOf(zfs =>
        zfs.createFilesystem({ dataset: around.free(RECORDS), properties: properties(chance) }),
      ),
  },
  snapshot: {
    weight: 10,
    step: (around, chance) =>
      commandOf(zfs => zfs.snapshot([around.freeSnapshot(around.volume())], properties(chance))),
  },
  group: {
    weight: 4,
    step: (around, chance) => {
      const leaf = chance.one(SNAPSHOTS)
      const members = new Set([around.volume(), around.volume(), around.volume()])
      const names = [...members].map(name => `${name}@${leaf}`)
      return commandOf(zfs => zfs.snapshot(names, properties(chance)))
    },
  },
  clone: {
    weight: 8,
    step: (around, chance) =>
      commandOf(zfs =>
        zfs.clone({
          snapshot: around.snapshot(),
          dataset: around.free(VOLUMES),
          properties: {
            ...(chance.once(3) ? { refreservation: String(chance.one([16384, ...SIZES])) } : {}),
            ...properties(chance),
          },
          ...(chance.once(3) ? { sizeBytes: chance.one(SIZES) } : {}),
        }),
      ),
  },
  grow: {
    weight: 5,
    step: (around, chance) => {
      const size = chance.one([...SIZES, 16 * MiB + 1000, 8192])
      return commandOf(zfs => zfs.setProperty(around.volume(), ['volsize', String(size)]))
    },
  },
  reserve: {
    weight: 4,
    step: (around, chance) => {
      const value = chance.one(['none', 'none', ...SIZES.map(String), 'auto'])
      return commandOf(zfs => zfs.setProperty(around.volume(), ['refreservation', value]))
    },
  },
  set: {
    weight: 4,
    step: (around, chance) => {
      const pair = chance.one<readonly [string, string]>([
        ...(['off', 'lz4', 'gzip-1'] as const).map(word => ['compression', word] as const),
        ...[['logbias', 'throughput'] as const, ['sync', 'always'] as const],
        ...USER.map(name => [name, 'aGVsbG8'] as const),
      ])
      const name = chance.one([around.volume(), around.record(), around.snapshot()])
      return commandOf(zfs => zfs.setProperty(name, pair))
    },
  },
  inherit: {
    weight: 2,
    step: (around, chance) => {
      const name = chance.one([around.volume(), around.record(), around.snapshot()])
      return commandOf(zfs => zfs.inheritProperty(name, chance.one(USER)))
    },
  },
  destroy: {
    weight: 8,
    step: (around, chance) =>
      commandOf(zfs => zfs.destroy(chance.once(3) ? around.record() : around.volume())),
  },
  destroySnapshot: {
    weight: 4,
    step: around => commandOf(zfs => zfs.destroySnapshot(around.snapshot())),
  },
  destroyDeferred: {
    weight: 5,
    step: around => commandOf(zfs => zfs.destroySnapshotDeferred(around.snapshot())),
  },
  renameSnapshot: {
    weight: 3,
    step: around => {
      const from = around.snapshot()
      const to = around.freeSnapshot(from.split('@')[0] ?? '')
      return commandOf(zfs => zfs.rename(from, to))
    },
  },
  renameRecord: {
    weight: 3,
    step: around => commandOf(zfs => zfs.rename(around.record(), around.free(RECORDS))),
  },
  renameVolume: {
    weight: 1,
    step: around => commandOf(zfs => zfs.rename(around.volume(), around.free(VOLUMES))),
  },
  read: {
    weight: 4,
    step: around => {
      const names = [PARENT, around.volume(), around.record()]
      return commandOf(zfs => zfs.getProperties(READ_PROPERTIES, names))
    },
  },
  readSnapshots: {
    weight: 3,
    step: around => commandOf(zfs => zfs.getSnapshots(SNAPSHOT_PROPERTIES, around.volume())),
  },
  readSnapshot: {
    weight: 2,
    step: around =>
      commandOf(zfs => zfs.getProperties(SNAPSHOT_PROPERTIES, [PARENT, around.snapshot()])),
  },
  readOthers: {
    weight: 5,
    step: (around, chance) =>
      chance.one([
        () => commandOf(zfs => zfs.getChildren(STATE_PROPERTIES, PARENT)),
        () => commandOf(zfs => zfs.getChildren(READ_PROPERTIES, around.record())),
        () => commandOf(zfs => zfs.listDescendants(PARENT)),
        () => commandOf(zfs => zfs.listDescendants(around.record())),
        () => commandOf(zfs => zfs.listGrandchildren(PARENT)),
        () => commandOf(zfs => zfs.listValues(HOLDER_PROPERTIES, PARENT, {})),
        () => commandOf(zfs => zfs.getProperties(FULLNESS_PROPERTIES, [PARENT, 'tank'])),
        () => commandOf(zfs => zfs.poolHealth(chance.one(['tank', 'other']))),
        () => delegationOf(chance.one([PARENT, around.volume(), around.record()])),
        () => heedingOf(chance.one(['tank', 'other'])),
      ])(),
  },
  // What administrators do beside the driver.
  hold: {
    weight: 2,
    step: (around, chance) =>
      Promise.resolve([ZFS, chance.one(['hold', 'hold', 'release']), 'kept', around.snapshot()]),
  },
  open: { weight: 3, step: around => ({ kind: 'open', dataset: around.volume() }) },
  close: { weight: 2, step: () => ({ kind: 'close' }) },
}

export interface Choice {
  readonly name: string
  readonly numbers: readonly number[]
}

/** A step whose command is known only once those before it have run on the simulated host. */
export const CHOICE: fc.Arbitrary<Choice> = fc.record({
  name: fc.oneof(
    ...Object.entries(STEPS).map(([name, { weight }]) => ({
      weight,
      arbitrary: fc.constant(name),
    })),
  ),
  numbers: fc.array(fc.nat({ max: 999 }), { minLength: 12, maxLength: 12 }),
})

export async function actionOf({ name, numbers }: Choice, zfs: SimZfs): Promise<Action> {
  const step = STEPS[name]?.step
  if (step === undefined) throw new Error(`no step ${name}`)
  const chance = new Chance(numbers)
  const chosen = await step(new Surroundings(zfs, chance), chance)
  return 'kind' in chosen ? chosen : { kind: 'command', argv: chosen }
}

const LOOKS: readonly Command[] = [
  [ZFS, 'list', '-H', '-r', '-t', 'all', '-o', 'name', '-s', 'name', PARENT],
  [
    ...([ZFS, 'get', '-Hp', '-r', '-o', 'name,property,value,source'] as const),
    ...[[...NUMBERS, ...USER].join(','), PARENT],
  ],
]

/** Everything that a pool tells of its datasets. */
export const LAST_LOOK: readonly Action[] = LOOKS.map(argv => ({ kind: 'command', argv }))
