// What every simulated zfs command uses: the pools of the host, and the look-up of names, which
// finds a dataset or throws a refusal.

import type { SimAccount } from '../account.ts'
import type { Store } from '../store.ts'
import { Refusal } from './answers.ts'
import type { SimDialect } from './dialects.ts'
import { SimDataset, type SimPool } from './model.ts'
import type { Target } from './properties.ts'
import { commandUsage, generalUsage } from './usage.ts'

export interface ZfsWorld {
  readonly dialect: SimDialect
  readonly pools: ReadonlyMap<string, SimPool>
  readonly createStore: (sizeBytes: number) => Store
  readonly nowMs: () => number
  /** Who runs the command. */
  readonly account: SimAccount
  /** The power fails after the first transaction of the command that is running. */
  readonly isCutBetween: boolean
}

export const SUSPENDED = 'pool I/O is currently suspended'
export const READ_ONLY = 'pool is read-only'

/** The pool in a dataset's name, if it is imported. */
export function poolOf(world: ZfsWorld, name: string): SimPool | undefined {
  const pool = world.pools.get(name.split(/[/@#]/)[0] ?? '')
  return pool?.imported ? pool : undefined
}

export function findTarget(world: ZfsWorld, name: string): Target | undefined {
  const [datasetName = '', snapshotName] = name.split('@')
  const dataset = poolOf(world, name)?.datasets.get(datasetName)
  return snapshotName === undefined ? dataset : dataset?.snapshotNamed(snapshotName)
}

/**
 * Opens a dataset or snapshot by name, as the first step of most commands. With `usage`, a failure
 * also prints it, with status 2.
 */
export function openTarget(world: ZfsWorld, name: string, usage?: string): Target {
  const refuse = (text: string) =>
    usage === undefined
      ? new Refusal(`cannot open '${name}': ${text}`)
      : new Refusal(`cannot open '${name}': ${text}\n${usage}`, 2)
  if (nameProblem(name) !== undefined) throw refuse('invalid dataset name')
  if (poolOf(world, name)?.suspended) throw refuse(SUSPENDED)
  const target = findTarget(world, name)
  if (target === undefined) throw refuse('dataset does not exist')
  return target
}

export function openDataset(world: ZfsWorld, name: string): SimDataset {
  const target = openTarget(world, name)
  if (!(target instanceof SimDataset)) {
    throw new Refusal(`cannot open '${name}': operation not applicable to datasets of this type`)
  }
  return target
}

/** What libzfs says of an invalid name before it asks the kernel; undefined for a valid one. */
export function nameProblem(name: string): string | undefined {
  if (Buffer.byteLength(name) >= 256) return 'name is too long'
  const bad = /[^A-Za-z0-9_.:\- /@#]/.exec(name)?.[0]
  if (bad !== undefined) return `invalid character ${bad} in name`
  return /^[A-Za-z]/.test(name) && !/\/\/|\/$|\/[@#]|@.*[@/]/.test(name)
    ? undefined
    : 'invalid name'
}

/** A complaint about the command line, followed by the command's usage, with status 2. */
export function usageRefusal(world: ZfsWorld, command: string, complaint?: string): Refusal {
  const usage = commandUsage(world.dialect, command)
  return new Refusal(complaint === undefined ? usage : `${complaint}\n${usage}`, 2)
}

export function generalRefusal(world: ZfsWorld, complaint: string): Refusal {
  return new Refusal(`${complaint}\n${generalUsage(world.dialect)}`, 2)
}

/** Checks that a dataset of this name can be created; create, clone and rename share the texts. */
export function checkPlace(
  world: ZfsWorld,
  name: string,
  verb: 'create' | 'rename',
  source = name,
): SimPool {
  const refuse = (text: string) => new Refusal(`cannot ${verb} '${source}': ${text}`)
  const problem = nameProblem(name)
  if (problem !== undefined) throw refuse(problem)
  const poolName = name.split('/')[0] ?? ''
  const pool = poolOf(world, name)
  if (pool === undefined) throw new Refusal(`cannot create '${name}': no such pool '${poolName}'`)
  if (pool.suspended) throw refuse(SUSPENDED)
  if (pool.datasets.has(name)) throw refuse('dataset already exists')
  const parent = pool.datasets.get(name.slice(0, Math.max(name.lastIndexOf('/'), 0)))
  if (parent === undefined) throw new Refusal(`cannot create '${name}': parent does not exist`)
  // source
  if (parent.volume !== undefined) {
    throw new Refusal(`cannot create '${name}': parent is not a filesystem`)
  }
  if (pool.readOnly) throw refuse(READ_ONLY)
  return pool
}

/** For `-p`: creates the missing parents as filesystems. */
export function createAncestors(world: ZfsWorld, name: string): void {
  const pool = poolOf(world, name)
  if (pool === undefined) return
  const parts = name.split('/')
  for (let depth = 2; depth < parts.length; depth++) {
    const ancestor = parts.slice(0, depth).join('/')
    if (!pool.datasets.has(ancestor)) pool.add(ancestor, undefined)
  }
}
