// Simulated snapshot, rollback, promote, bookmark, hold, holds and release. Texts are recorded,
// also where the versions differ.

import type { SimAnswer } from '../host.ts'
import { parseOptions } from '../options.ts'
import { Refusal, success } from './answers.ts'
import { parseOption } from './create.ts'
import { requirePermissions } from './delegation.ts'
import { SimDataset, type SimSnapshot } from './model.ts'
import { formatDate } from './numbers.ts'
import { checkProperty, type Given } from './property-values.ts'
import { neededForSnapshot, room } from './space.ts'
import { commandUsage } from './usage.ts'
import {
  findTarget,
  nameProblem,
  openDataset,
  openTarget,
  poolOf,
  READ_ONLY,
  SUSPENDED,
  usageRefusal,
  type ZfsWorld,
} from './world.ts'

interface Wanted {
  readonly dataset: SimDataset
  readonly shortName: string
}

export function snapshot(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, 'ro:')
  if (parsed.kind === 'unknown-option') {
    throw usageRefusal(world, 'snapshot', `invalid option '${parsed.letter}'`)
  }
  if (parsed.kind === 'missing-argument') {
    throw usageRefusal(world, 'snapshot', `missing argument for '${parsed.letter}' option`)
  }
  const old = world.dialect.line === 'old'
  const names = parsed.operands
  if (names.length === 0) throw usageRefusal(world, 'snapshot', 'missing snapshot argument')
  if (old && names.length > 1) throw usageRefusal(world, 'snapshot', 'too many arguments')
  const recursive = parsed.options.some(option => option.letter === 'r')
  const given = parsed.options
    .filter(option => option.letter === 'o')
    .map(option => parseOption(world, 'snapshot', option.value))
  const wanted = names.flatMap(name => select(world, name, recursive))
  const several = names.length > 1 || recursive
  const properties = given.map(property => checkSnapshotProperty(world, property, names[0] ?? ''))
  const refusal = new Refusal(
    world.dialect.line === 'old'
      ? `cannot create snapshot '${names[0]}': permission denied`
      : `cannot create snapshots : permission denied${several ? NONE : ''}`,
  )
  for (const { dataset } of wanted) {
    requirePermissions(world, { at: dataset }, { permissions: ['snapshot'], refusal })
  }
  refuseSnapshots(world, wanted, several)
  for (const { dataset, shortName } of wanted) {
    const made = dataset.addSnapshot(shortName)
    for (const { name, value } of properties) made.local.set(name, value)
  }
  return success()
}

function select(world: ZfsWorld, name: string, recursive: boolean): readonly Wanted[] {
  const at = name.indexOf('@')
  if (at < 0) {
    if (world.dialect.line === 'old') {
      throw new Refusal(`cannot snapshot '${name}': missing '@' delimiter in snapshot name`)
    }
    throw usageRefusal(world, 'snapshot')
  }
  const usage = world.dialect.line === 'old' ? undefined : commandUsage(world.dialect, 'snapshot')
  const dataset = openTarget(world, name.slice(0, at), usage)
  if (!(dataset instanceof SimDataset)) throw usageRefusal(world, 'snapshot')
  const shortName = name.slice(at + 1)
  const below = recursive
    ? dataset.pool.sorted().filter(candidate => candidate.name.startsWith(`${dataset.name}/`))
    : []
  return [dataset, ...below].map(candidate => ({ dataset: candidate, shortName }))
}

function checkSnapshotProperty({ dialect }: ZfsWorld, property: Given, name: string): Given {
  // Recorded: OpenZFS has no name for all of them together.
  const what = dialect.line === 'openzfs' ? 'snapshots ' : `snapshot '${name}'`
  const complaint = `cannot create ${what}`
  const context = { dialect, type: 'snapshot', moment: 'create', complaint, status: 1 } as const
  return checkProperty(property, context)
}

const NONE = '\nno snapshots were created'

// All or nothing: zfs prints all complaints of the kernel, then that no snapshot was created.
function refuseSnapshots(world: ZfsWorld, wanted: readonly Wanted[], several: boolean): void {
  const none = several && world.dialect.line === 'openzfs' ? NONE : ''
  const refuse = (text: string) => new Refusal(`${text}${none}`)
  for (const { dataset, shortName } of wanted) {
    const problem = nameProblem(`${dataset.name}@${shortName}`)
    if (problem !== undefined) {
      throw refuse(`cannot create snapshot '${dataset.name}@${shortName}': ${problem}`)
    }
  }
  const pools = new Set(wanted.map(({ dataset }) => dataset.pool))
  if ([...pools].some(pool => pool.readOnly)) {
    throw new Refusal(`cannot create snapshots : ${READ_ONLY}`)
  }
  if (new Set(wanted.map(({ dataset }) => dataset)).size < wanted.length) {
    throw refuse('cannot create snapshots : multiple snapshots of same fs not allowed')
  }
  const existing = wanted.filter(
    ({ dataset, shortName }) => dataset.snapshotNamed(shortName) !== undefined,
  )
  if (existing.length > 0) {
    throw refuse(
      existing
        .map(
          ({ dataset, shortName }) =>
            `cannot create snapshot '${dataset.name}@${shortName}': dataset already exists`,
        )
        .join('\n'),
    )
  }
  const first = wanted[0]
  const full = wanted.find(
    ({ dataset }) => neededForSnapshot(dataset) > room(dataset) || dataset.pool.full,
  )
  if (first && full) {
    throw refuse(`cannot create snapshot '${full.dataset.name}@${full.shortName}': out of space`)
  }
}

export function rollback(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, 'rRf')
  const [name, ...more] = parsed.kind === 'parsed' ? parsed.operands : []
  if (parsed.kind !== 'parsed') {
    throw usageRefusal(world, 'rollback', `invalid option '${parsed.letter}'`)
  }
  if (name === undefined) throw usageRefusal(world, 'rollback', 'missing dataset argument')
  if (more.length > 0) throw usageRefusal(world, 'rollback', 'too many arguments')
  const target = openSnapshot(world, name)
  const { dataset } = target
  const newer = dataset.snapshots.slice(dataset.snapshots.indexOf(target) + 1)
  if (newer.length > 0 && !parsed.options.some(option => 'rR'.includes(option.letter))) {
    const what = world.dialect.line === 'old' ? 'snapshots' : 'snapshots and bookmarks'
    const exist =
      world.dialect.line === 'old'
        ? 'more recent snapshots exist'
        : 'more recent snapshots or bookmarks exist'
    const lines = [
      `cannot rollback to '${name}': ${exist}`,
      `use '-r' to force deletion of the following ${what}:`,
    ]
    throw new Refusal([...lines, ...newer.map(snapshotOf => snapshotOf.name)].join('\n'))
  }
  if (newer.some(snapshotOf => snapshotOf.clones.size > 0)) {
    throw new Refusal(`cannot rollback to '${name}': clones of previous snapshots exist`)
  }
  for (const snapshotOf of newer) dataset.removeSnapshot(snapshotOf)
  // Recorded: zfs rolls an open volume back without a warning, with its size. The reservation stays
  // as it is.
  if (dataset.volume && target.store) {
    dataset.volume.store.dispose()
    dataset.volume.store = target.store.copy()
  }
  dataset.content = target.content.copy()
  return success()
}

export function promote(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const [name] = args
  if (name === undefined || args.length > 1) {
    throw usageRefusal(
      world,
      'promote',
      name === undefined ? 'missing clone filesystem argument' : 'too many arguments',
    )
  }
  const clone = openDataset(world, name)
  const { origin } = clone
  if (origin === undefined) throw new Refusal(`cannot promote '${name}': not a cloned filesystem`)
  const parent = origin.dataset
  const moved = parent.snapshots.slice(0, parent.snapshots.indexOf(origin) + 1)
  const clash = moved.find(candidate => clone.snapshotNamed(candidate.shortName) !== undefined)
  if (clash) {
    throw new Refusal(
      `cannot promote '${name}': conflicting snapshot '${clash.shortName}' from parent ` +
        `'${origin.name}'`,
    )
  }
  parent.moveSnapshots(moved.length, clone)
  clone.origin = parent.origin
  parent.origin = origin
  return success()
}

export function bookmark(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const [source, name] = args
  if (source === undefined || name === undefined || args.length > 2) {
    throw usageRefusal(world, 'bookmark', 'missing argument')
  }
  const target = openSnapshot(world, source)
  const shortName = name.slice(name.indexOf('#') + 1)
  const { dataset } = target
  const full = `${dataset.name}#${shortName}`
  if (dataset.bookmarks.some(candidate => candidate.shortName === shortName)) {
    throw new Refusal(`cannot create bookmark '${full}': bookmark exists`)
  }
  dataset.bookmarks.push({
    shortName,
    guid: target.guid,
    createTransactionGroup: target.createTransactionGroup,
    createdMs: target.createdMs,
  })
  return success()
}

export function hold(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const { tag, names } = parseTagged(world, 'hold', args)
  const what = world.dialect.line === 'old' ? 'hold' : 'hold snapshot'
  for (const name of names) {
    const target = findHeld(world, name)
    if (target === undefined) throw new Refusal(`cannot ${what} '${name}': dataset does not exist`)
    if (target.holds.has(tag)) {
      throw new Refusal(`cannot ${what} '${name}': tag already exists on this dataset`)
    }
    target.holds.set(tag, world.nowMs())
  }
  return success()
}

export function release(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const { tag, names } = parseTagged(world, 'release', args)
  for (const name of names) {
    const begin =
      world.dialect.line === 'old'
        ? `cannot release '${tag}' from '${name}'`
        : `cannot release hold from snapshot '${name}'`
    const target = findHeld(world, name)
    if (target === undefined) throw new Refusal(`${begin}: dataset does not exist`)
    if (!target.holds.delete(tag)) throw new Refusal(`${begin}: no such tag on this dataset`)
    target.dataset.pool.reap(target)
  }
  return success()
}

export function holds(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, world.dialect.line === 'old' ? 'r' : 'rH')
  if (parsed.kind !== 'parsed') {
    throw usageRefusal(world, 'holds', `invalid option '${parsed.letter}'`)
  }
  const rows = parsed.operands.flatMap(name =>
    [...openSnapshot(world, name).holds].map(([tag, ms]) => [name, tag, formatDate(ms)] as const),
  )
  if (parsed.options.some(option => option.letter === 'H')) {
    return success(rows.map(row => `${row.join('\t')}\n`).join(''))
  }
  const table = [['NAME', 'TAG', 'TIMESTAMP'] as const, ...rows]
  const width = (column: 0 | 1) => Math.max(...table.map(row => row[column].length))
  return success(
    table
      .map(([name, tag, time]) => `${name.padEnd(width(0))}  ${tag.padEnd(width(1))}  ${time}\n`)
      .join(''),
  )
}

function parseTagged(
  world: ZfsWorld,
  command: string,
  args: readonly string[],
): { tag: string; names: readonly string[] } {
  const parsed = parseOptions(args, 'r')
  if (parsed.kind !== 'parsed') {
    throw usageRefusal(world, command, `invalid option '${parsed.letter}'`)
  }
  const [tag, ...names] = parsed.operands
  if (tag === undefined || names.length === 0) {
    throw usageRefusal(world, command, 'missing arguments')
  }
  return { tag, names }
}

function findHeld(world: ZfsWorld, name: string): SimSnapshot | undefined {
  if (poolOf(world, name)?.suspended) throw new Refusal(`cannot open '${name}': ${SUSPENDED}`)
  // Recorded: what has the snapshot is opened first.
  openDataset(world, name.split('@')[0] ?? name)
  const target = findTarget(world, name)
  return target instanceof SimDataset ? undefined : target
}

function openSnapshot(world: ZfsWorld, name: string): SimSnapshot {
  const target = openTarget(world, name)
  if (target instanceof SimDataset) {
    throw new Refusal(`cannot open '${name}': operation not applicable to datasets of this type`)
  }
  return target
}
