// Simulated `zfs destroy`: datasets, snapshots, lists and ranges of snapshots, now or deferred.
// Texts are recorded.

import type { SimAnswer } from '../host.ts'
import { parseOptions } from '../options.ts'
import { Refusal, success } from './answers.ts'
import { refuseToUnmount, requirePermissions } from './delegation.ts'
import { compareDatasets, SimDataset, type SimSnapshot } from './model.ts'
import type { Target } from './properties.ts'
import { openDataset, READ_ONLY, usageRefusal, type ZfsWorld } from './world.ts'

interface Flags {
  readonly recursive: boolean // -r
  readonly clones: boolean // -R
  readonly deferred: boolean // -d
  readonly dryRun: boolean // -n
  readonly verbose: 'machine' | 'human' | 'no' // -p, -v
}

export function destroy(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, world.dialect.line === 'openzfs' ? 'vpndfrR' : 'dfrR')
  if (parsed.kind !== 'parsed') {
    throw usageRefusal(world, 'destroy', `invalid option '${parsed.letter}'`)
  }
  const has = (letter: string) => parsed.options.some(option => option.letter === letter)
  const flags: Flags = {
    recursive: has('r') || has('R'),
    clones: has('R'),
    deferred: has('d'),
    dryRun: has('n'),
    verbose: has('p') ? 'machine' : has('v') ? 'human' : 'no',
  }
  const [name, ...more] = parsed.operands
  if (name === undefined) throw usageRefusal(world, 'destroy', 'missing dataset argument')
  if (more.length > 0) throw usageRefusal(world, 'destroy', 'too many arguments')
  if (name.includes('#')) return destroyBookmark(world, name)
  return name.includes('@')
    ? destroySnapshots(world, name, flags)
    : destroyDataset(world, name, flags)
}

function destroyBookmark(world: ZfsWorld, name: string): SimAnswer {
  const [datasetName = '', shortName] = name.split('#')
  const dataset = openDataset(world, datasetName)
  const at = dataset.bookmarks.findIndex(bookmark => bookmark.shortName === shortName)
  if (at < 0) throw new Refusal(`bookmark '${name}' does not exist.`)
  dataset.bookmarks.splice(at, 1)
  return success()
}

function destroyDataset(world: ZfsWorld, name: string, flags: Flags): SimAnswer {
  const dataset = openDataset(world, name)
  const { pool } = dataset
  // Recalled.
  if (dataset.parentName === undefined) {
    throw new Refusal(`cannot destroy '${name}': operation does not apply to pools`)
  }
  const below = dependantsOf(dataset)
  if (!flags.recursive && below.length > 0) {
    throw withList(`cannot destroy '${name}': ${dataset.kind} has children`, '-r', below)
  }
  const condemned: Target[] = [...below, dataset]
  const clones = clonesOutside(condemned)
  if (clones.length > 0 && !flags.clones) {
    throw withList(`cannot destroy '${name}': ${dataset.kind} has dependent clones`, '-R', clones)
  }
  const doomed = [...clones, ...condemned]
  if (flags.dryRun) return success(report(doomed, flags, 'would destroy'))
  for (const target of doomed) {
    const refusal = new Refusal(`cannot destroy '${target.name}': permission denied`)
    requireDestruction(world, target, refusal)
  }
  if (pool.readOnly) throw new Refusal(`cannot destroy '${name}': ${READ_ONLY}`)
  // Inferred: if one is busy, those before it are destroyed already.
  for (const target of doomed) destroyOne(world, target)
  return success(report(doomed, flags, 'will destroy'))
}

function requireDestruction(world: ZfsWorld, target: Target, refusal: Refusal): void {
  if (target instanceof SimDataset) refuseToUnmount(world, target)
  const at = target instanceof SimDataset ? target : target.dataset
  requirePermissions(world, { at }, { permissions: ['destroy', 'mount'], refusal })
}

function destroyOne(world: ZfsWorld, target: Target): void {
  if (target instanceof SimDataset) {
    if (target.volume?.isOpen) throw new Refusal(`cannot destroy '${target.name}': dataset is busy`)
    target.pool.remove(target)
    return
  }
  if (target.holds.size > 0) throw new Refusal(world.dialect.heldText(target.name))
  target.dataset.removeSnapshot(target)
}

function destroySnapshots(world: ZfsWorld, name: string, flags: Flags): SimAnswer {
  const found = selectSnapshots(world, name, flags)
  if (found.length === 0) {
    if (world.dialect.line === 'old') {
      throw new Refusal(`cannot open '${name}': dataset does not exist`)
    }
    throw new Refusal('could not find any snapshots to destroy; check snapshot names.')
  }
  if (flags.dryRun) return success(report(found, flags, 'would destroy'))
  for (const snapshot of found) {
    const refusal = new Refusal(
      world.dialect.line === 'old'
        ? `cannot destroy '${snapshot.name}': permission denied`
        : 'cannot destroy snapshots: permission denied',
    )
    requireDestruction(world, snapshot, refusal)
  }
  const refusals = found.flatMap(snapshot => destroySnapshot(world, snapshot, flags) ?? [])
  if (refusals.length > 0) throw new Refusal(refusals.join('\n'))
  return success(report(found, flags, 'will destroy'))
}

/**
 * Returns the complaint about a snapshot that is held; the command still destroys the others. Every
 * other complaint ends the command.
 */
function destroySnapshot(world: ZfsWorld, snapshot: SimSnapshot, flags: Flags): string | undefined {
  const clones = clonesOutside([snapshot])
  if (snapshot.dataset.pool.readOnly) {
    throw new Refusal(`cannot destroy snapshot ${snapshot.name}: ${READ_ONLY}`)
  }
  if (flags.deferred && (clones.length > 0 || snapshot.holds.size > 0)) {
    snapshot.deferred = true
    return undefined
  }
  if (clones.length > 0 && !flags.clones) {
    throw withList(`cannot destroy '${snapshot.name}': snapshot has dependent clones`, '-R', clones)
  }
  if (snapshot.holds.size > 0) return world.dialect.heldText(snapshot.name)
  for (const target of [...clones, snapshot]) destroyOne(world, target)
  return undefined
}

/** OpenZFS accepts `ds@a,b%c`. With `-r`, snapshots of these names in descendants are included. */
function selectSnapshots(world: ZfsWorld, name: string, flags: Flags): readonly SimSnapshot[] {
  const [datasetName = '', pattern = ''] = name.split('@')
  // Recorded: the old line opens the whole name, and says that this does not exist.
  if (
    world.dialect.line === 'old' &&
    world.pools.get(datasetName.split('/')[0] ?? '')?.datasets.has(datasetName) !== true
  ) {
    return []
  }
  const dataset = openDataset(world, datasetName)
  const datasets = flags.recursive
    ? dataset.pool
        .sorted()
        .filter(candidate => candidate === dataset || candidate.name.startsWith(`${datasetName}/`))
    : [dataset]
  const parts = world.dialect.line === 'old' ? [pattern] : pattern.split(',')
  return datasets.flatMap(candidate =>
    parts.flatMap(part => matching(candidate, part, world.dialect.line === 'openzfs')),
  )
}

function matching(dataset: SimDataset, part: string, ranges: boolean): readonly SimSnapshot[] {
  const [first = '', last] = part.split('%')
  if (!ranges || last === undefined) {
    return dataset.snapshots.filter(snapshot => snapshot.shortName === part)
  }
  const from =
    first === '' ? 0 : dataset.snapshots.findIndex(snapshot => snapshot.shortName === first)
  const to =
    last === ''
      ? dataset.snapshots.length - 1
      : dataset.snapshots.findIndex(snapshot => snapshot.shortName === last)
  return from < 0 || to < 0 ? [] : dataset.snapshots.slice(from, to + 1)
}

/**
 * Everything below a dataset, the deepest first: the children with their own dependants, then its
 * snapshots (order recorded).
 */
function dependantsOf(dataset: SimDataset): readonly Target[] {
  const children = [...dataset.children]
    .sort(compareDatasets)
    .flatMap(child => [...dependantsOf(child), child])
  return [...children, ...dataset.snapshots]
}

/**
 * Clones of the given snapshots that are not in the list themselves, each after everything that
 * depends on it.
 */
function clonesOutside(condemned: readonly Target[]): readonly Target[] {
  const seen = new Set<Target>(condemned)
  const found: Target[] = []
  const visit = (targets: readonly Target[]) => {
    for (const target of targets) {
      if (target instanceof SimDataset) continue
      for (const clone of [...target.clones].sort(compareDatasets)) {
        if (seen.has(clone)) continue
        seen.add(clone)
        const below = dependantsOf(clone).filter(dependant => !seen.has(dependant))
        for (const dependant of below) seen.add(dependant)
        visit(below)
        found.push(...below, clone)
      }
    }
  }
  visit(condemned)
  return found
}

function withList(complaint: string, flag: '-r' | '-R', targets: readonly Target[]): Refusal {
  return new Refusal(
    [
      complaint,
      `use '${flag}' to destroy the following datasets:`,
      ...targets.map(target => target.name),
    ].join('\n'),
  )
}

function report(targets: readonly Target[], flags: Flags, words: string): string {
  if (flags.verbose === 'no') return ''
  return targets
    .map(target =>
      flags.verbose === 'machine' ? `destroy\t${target.name}\n` : `${words} ${target.name}\n`,
    )
    .join('')
}
