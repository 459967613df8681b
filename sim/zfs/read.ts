// Simulated `zfs get` and `zfs list`: selection, order and columns. Recorded: a listing without
// names leaves suspended pools out, without a message and with status 0. So absence from it proves
// nothing.

import type { SimAnswer } from '../host.ts'
import { type Option, parseOptions } from '../options.ts'
import { notSimulated, Refusal } from './answers.ts'
import { compareNames, SimDataset } from './model.ts'
import { datasetOf, readProperty, type Target, typeOf } from './properties.ts'
import { isUserProperty, propertiesOf } from './property-definitions.ts'
import { commandUsage } from './usage.ts'
import { openTarget, usageRefusal, type ZfsWorld } from './world.ts'

const COLUMNS = ['name', 'property', 'value', 'received', 'source']
const ALIASES: Readonly<Record<string, string>> = {
  avail: 'available',
  refer: 'referenced',
  refreserv: 'refreservation',
  reserv: 'reservation',
  volblock: 'volblocksize',
  compress: 'compression',
}
/**
 * Recorded: the order of `zfs get all`. Properties that the version or the type lacks are skipped.
 */
const ALL_ORDER =
  `type creation used available referenced compressratio mounted origin quota reservation volsize volblocksize recordsize
mountpoint sharenfs checksum compression atime devices exec setuid readonly zoned snapdir aclmode aclinherit createtxg canmount xattr copies
version utf8only normalization casesensitivity vscan nbmand sharesmb refquota refreservation guid primarycache secondarycache usedbysnapshots
usedbydataset usedbychildren usedbyrefreservation logbias objsetid dedup mlslabel sync dnodesize refcompressratio written logicalused
logicalreferenced volmode filesystem_limit snapshot_limit filesystem_count snapshot_count snapdev acltype context fscontext defcontext
rootcontext relatime redundant_metadata overlay encryption keylocation keyformat pbkdf2iters special_small_blocks prefetch volthreading
defer_destroy userrefs clones`.split(/\s+/)

interface Selection {
  readonly targets: readonly Target[]
  readonly complaints: readonly string[]
}

export function get(world: ZfsWorld, args: readonly string[]): SimAnswer {
  refuseJson(world, 'get', args)
  const parsed = parseOptions(args, world.dialect.line === 'openzfs' ? 'rHpd:o:s:t:' : 'rHpd:o:s:')
  if (parsed.kind === 'unknown-option') {
    throw optionRefusal(world, 'get', `invalid option '${parsed.letter}'`)
  }
  if (parsed.kind === 'missing-argument') {
    throw optionRefusal(world, 'get', `missing argument for '${parsed.letter}' option`)
  }
  const [propertyText, ...names] = parsed.operands
  if (propertyText === undefined) throw optionRefusal(world, 'get', 'missing property argument')
  const properties =
    propertyText === 'all' ? undefined : parseProperties(world, 'get', propertyText)
  const columns = parseColumns(world, value(parsed.options, 'o'))
  const sources = value(parsed.options, 's')?.split(',')
  const selection = select(world, names, {
    depth: depthOf(parsed.options),
    types: value(parsed.options, 't')?.split(','),
  })
  const parsable = has(parsed.options, 'p')
  const rows = selection.targets.flatMap(target =>
    (properties ?? allOf(world, target)).flatMap(property => {
      const read = readProperty(target, property, parsable)
      const kind = read.source.startsWith('inherited')
        ? 'inherited'
        : read.source === '-'
          ? 'none'
          : read.source
      if (sources && !sources.includes(kind)) return []
      const cells: Readonly<Record<string, string>> = {
        name: target.name,
        property,
        value: read.value,
        received: '-',
        source: read.source,
      }
      return [columns.map(column => cells[column] ?? '-')]
    }),
  )
  return answer(
    has(parsed.options, 'H')
      ? rows.map(row => row.join('\t'))
      : table(
          columns.map(column => column.toUpperCase()),
          rows,
          [],
        ),
    selection,
  )
}

export function list(world: ZfsWorld, args: readonly string[]): SimAnswer {
  refuseJson(world, 'list', args)
  const parsed = parseOptions(
    args,
    world.dialect.line === 'openzfs' ? 'rHpd:o:s:S:t:' : 'rHd:o:s:S:t:',
  )
  if (parsed.kind === 'unknown-option') {
    throw optionRefusal(world, 'list', `invalid option '${parsed.letter}'`)
  }
  if (parsed.kind === 'missing-argument') {
    throw optionRefusal(world, 'list', `missing argument for '${parsed.letter}' option`)
  }
  const { options } = parsed
  const columns = parseProperties(
    world,
    'list',
    value(options, 'o') ?? 'name,used,available,referenced,mountpoint',
  )
  const types = value(options, 't')?.split(',')
  if (types?.includes('bookmark')) return bookmarks(world, parsed.operands, columns)
  // Recorded: `zfs list -t snapshot DATASET` lists its snapshots without `-r`.
  const onlySnapshots =
    types?.every(type => type === 'snapshot' || type === 'snap') === true &&
    world.dialect.line === 'openzfs'
  const depth = depthOf(options) ?? (onlySnapshots ? 1 : undefined)
  const selection = select(world, parsed.operands, {
    depth,
    types: types ?? ['filesystem', 'volume', ...namedSnapshots(parsed.operands)],
  })
  const targets = sortTargets(selection.targets, options)
  const parsable = has(options, 'p')
  const rows = targets.map(target =>
    columns.map(column =>
      column === 'name' ? target.name : readProperty(target, column, parsable).value,
    ),
  )
  if (has(options, 'H')) {
    return answer(
      rows.map(row => row.join('\t')),
      selection,
    )
  }
  const titles = columns.map(
    column => ({ available: 'AVAIL', referenced: 'REFER' })[column] ?? column.toUpperCase(),
  )
  return answer(
    table(
      titles,
      rows,
      columns.map((column, at) => (isSize(column) ? at : -1)),
    ),
    selection,
  )
}

function isSize(column: string): boolean {
  return /^(used|avail|refer|vol|quota|reserv|written|logical)/.test(column)
}

function namedSnapshots(names: readonly string[]): readonly string[] {
  return names.some(name => name.includes('@')) ? ['snapshot'] : []
}

/**
 * Sorted by dataset name, a dataset before its snapshots, and snapshots in the order of their
 * creation (source).
 */
function select(
  world: ZfsWorld,
  names: readonly string[],
  options: { readonly depth: number | undefined; readonly types: readonly string[] | undefined },
): Selection {
  const complaints: string[] = []
  const found = new Set<Target>()
  const wanted = (target: Target) =>
    options.types === undefined ||
    options.types.some(type => type === 'all' || typeOf(target).startsWith(type))
  const add = (target: Target, depth: number) => {
    if (wanted(target)) found.add(target)
    if (depth <= 0 || !(target instanceof SimDataset)) return
    for (const child of target.children) add(child, depth - 1)
    for (const snapshot of target.snapshots) add(snapshot, depth - 1)
  }
  if (names.length === 0) {
    for (const pool of world.pools.values()) {
      const root = pool.datasets.get(pool.name)
      if (pool.imported && !pool.suspended && root) {
        add(root, options.depth ?? Number.POSITIVE_INFINITY)
      }
    }
  }
  for (const name of names) {
    try {
      add(openTarget(world, name), options.depth ?? 0)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      complaints.push(error.stderr)
    }
  }
  return { targets: [...found].sort(compareTargets), complaints }
}

function compareTargets(a: Target, b: Target): number {
  const byDataset = compareNames(datasetOf(a).name, datasetOf(b).name)
  if (byDataset !== 0) return byDataset
  if (a instanceof SimDataset) return -1
  if (b instanceof SimDataset) return 1
  return (
    a.createTransactionGroup - b.createTransactionGroup || compareNames(a.shortName, b.shortName)
  )
}

function sortTargets(targets: readonly Target[], options: readonly Option[]): readonly Target[] {
  const keys = options.filter(option => 'sS'.includes(option.letter))
  if (keys.length === 0) return targets
  const rows = targets.map(target => ({
    target,
    values: keys.map(key => sortKey(target, key.value)),
  }))
  rows.sort((a, b) => {
    for (const [at, { letter }] of keys.entries()) {
      const [left, right] = [a.values[at] ?? '', b.values[at] ?? '']
      const order =
        typeof left === 'number' && typeof right === 'number'
          ? left - right
          : compareNames(String(left), String(right))
      if (order !== 0) return letter === 's' ? order : -order
    }
    return compareTargets(a.target, b.target)
  })
  return rows.map(row => row.target)
}

function sortKey(target: Target, property: string): string | number {
  if (property === 'name') return target.name
  const { value } = readProperty(target, property, true)
  return Number.isFinite(Number(value)) ? Number(value) : value
}

function parseProperties(
  world: ZfsWorld,
  command: 'get' | 'list',
  text: string,
): readonly string[] {
  return text.split(',').map(given => {
    const name = ALIASES[given] ?? given
    const known =
      propertiesOf(world.dialect).has(name) ||
      isUserProperty(name) ||
      (command === 'list' && name === 'name')
    const family = world.dialect.line === 'openzfs' && /^written[@#]./.test(name)
    if (!known && !family) {
      const usage = commandUsage(world.dialect, command, 'properties')
      throw new Refusal(`bad property list: invalid property '${given}'\n${usage}`, 2)
    }
    return name
  })
}

function parseColumns(world: ZfsWorld, text: string | undefined): readonly string[] {
  if (text === undefined) return ['name', 'property', 'value', 'source']
  const columns = text === 'all' ? COLUMNS : text.split(',')
  const bad = columns.find(column => !COLUMNS.includes(column))
  if (bad !== undefined) throw usageRefusal(world, 'get', `invalid column name '${bad}'`)
  return columns
}

function allOf(world: ZfsWorld, target: Target): readonly string[] {
  const known = propertiesOf(world.dialect)
  const native = ALL_ORDER.filter(
    name =>
      known.get(name)?.types.includes(typeOf(target).charAt(0)) &&
      !(name === 'origin' && isOriginless(target)),
  )
  const user = new Set<string>()
  for (let at: SimDataset | undefined = datasetOf(target); at !== undefined; at = at.parent) {
    for (const name of [
      ...(at === datasetOf(target) ? target.local.keys() : []),
      ...at.local.keys(),
    ]) {
      if (isUserProperty(name)) user.add(name)
    }
  }
  return [...native, ...user]
}

function isOriginless(target: Target): boolean {
  return target instanceof SimDataset && target.origin === undefined
}

function bookmarks(
  world: ZfsWorld,
  names: readonly string[],
  columns: readonly string[],
): SimAnswer {
  const roots =
    names.length > 0
      ? names.map(name => datasetOf(openTarget(world, name)))
      : [...world.pools.values()].flatMap(pool => pool.sorted())
  const rows = roots.flatMap(dataset =>
    dataset.bookmarks.map(bookmark => {
      const values = new Map([
        ['name', `${dataset.name}#${bookmark.shortName}`],
        ['guid', bookmark.guid],
        ['createtxg', String(bookmark.createTransactionGroup)],
        ['creation', String(Math.floor(bookmark.createdMs / 1000))],
      ])
      return columns.map(column => values.get(column) ?? '-').join('\t')
    }),
  )
  return answer(rows, { targets: [], complaints: [] })
}

function depthOf(options: readonly Option[]): number | undefined {
  const depth = value(options, 'd')
  if (depth !== undefined) return Number(depth)
  return has(options, 'r') ? Number.POSITIVE_INFINITY : undefined
}

function has(options: readonly Option[], letter: string): boolean {
  return options.some(option => option.letter === letter)
}

function value(options: readonly Option[], letter: string): string | undefined {
  return options.findLast(option => option.letter === letter)?.value
}

// Recorded: after a complaint, get and list print the table of properties, unlike other commands.
function optionRefusal(world: ZfsWorld, command: 'get' | 'list', complaint: string): Refusal {
  return new Refusal(`${complaint}\n${commandUsage(world.dialect, command, 'properties')}`, 2)
}

function answer(lines: readonly string[], selection: Selection): SimAnswer {
  const print = (texts: readonly string[]) => texts.map(text => `${text}\n`).join('')
  return {
    exitStatus: selection.complaints.length > 0 ? 1 : 0,
    stdout: print(lines),
    stderr: print(selection.complaints),
  }
}

// Recorded: OpenZFS has `-j` since 2.3; older versions refuse the option.
function refuseJson(world: ZfsWorld, command: string, args: readonly string[]): void {
  if (world.dialect.name === 'openzfs-2.3' && args.includes('-j')) {
    throw notSimulated(`zfs ${command} -j`)
  }
}

/** Aligned columns, two spaces apart; the last one is not padded. */
export function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[],
): readonly string[] {
  if (rows.length === 0) return []
  const all = [titles, ...rows]
  const widths = titles.map((_, at) => Math.max(...all.map(row => (row[at] ?? '').length)))
  return all.map(row =>
    row
      .map((cell, at) =>
        right.includes(at)
          ? cell.padStart(widths[at] ?? 0)
          : at === row.length - 1
            ? cell
            : cell.padEnd(widths[at] ?? 0),
      )
      .join('  '),
  )
}
