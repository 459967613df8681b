// Simulated `zpool`: reads pools, and sets the property `delegation`. Creating and changing pools is
// not simulated.

import type { SimAnswer } from '../host.ts'
import { parseOptions } from '../options.ts'
import { notSimulated, Refusal, success } from './answers.ts'
import { compareNames, type SimPool } from './model.ts'
import { formatSize } from './numbers.ts'
import { formatExact } from './properties.ts'
import { table } from './read.ts'
import { allocated } from './space.ts'
import type { ZfsWorld } from './world.ts'

const LIST_COLUMNS = [
  'name',
  'size',
  'allocated',
  'free',
  'checkpoint',
  'expandsize',
  'fragmentation',
  'capacity',
  'dedupratio',
  'health',
  'altroot',
]
const OLD_LIST_COLUMNS = 'name,size,allocated,free,capacity,dedupratio,health,altroot'.split(',')
const ALIASES: Readonly<Record<string, string>> = {
  alloc: 'allocated',
  cap: 'capacity',
  frag: 'fragmentation',
}
const TITLES: Readonly<Record<string, string>> = {
  allocated: 'ALLOC',
  checkpoint: 'CKPOINT',
  expandsize: 'EXPANDSZ',
  fragmentation: 'FRAG',
  capacity: 'CAP',
  dedupratio: 'DEDUP',
}

export function zpool(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const [command, ...rest] = args
  switch (command) {
    case 'list':
      return list(world, rest)
    case 'get':
      return get(world, rest)
    case 'status':
      return status(world, rest)
    case 'set':
      return set(world, rest)
    case undefined:
      throw new Refusal('missing command', 2)
    default:
      throw notSimulated(`zpool ${command}`)
  }
}

function list(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const old = world.dialect.line === 'old'
  const parsed = parseOptions(args, old ? 'Ho:' : 'Hpo:')
  if (parsed.kind !== 'parsed') {
    throw new Refusal(
      `invalid option '${parsed.letter}'\nusage:\n\tlist ${old ? '[-H]' : '[-gHLpPv]'} [-o ` +
        'property[,...]] [pool] ...',
      2,
    )
  }
  const has = (letter: string) => parsed.options.some(option => option.letter === letter)
  const asked = parsed.options.findLast(option => option.letter === 'o')?.value
  const columns =
    asked === undefined
      ? old
        ? OLD_LIST_COLUMNS
        : LIST_COLUMNS
      : asked.split(',').map(column => ALIASES[column] ?? column)
  const { pools, complaints } = select(world, parsed.operands)
  const rows = pools.map(pool => columns.map(column => read(world, pool, column, has('p'))))
  const lines = has('H')
    ? rows.map(row => row.join('\t'))
    : table(
        columns.map(column => TITLES[column] ?? column.toUpperCase()),
        rows,
        [],
      )
  return print(lines, complaints)
}

function get(world: ZfsWorld, args: readonly string[]): SimAnswer {
  // The old line has no options here and takes -H for a property (recorded).
  const parsed = parseOptions(args, world.dialect.line === 'old' ? '' : 'Hpo:')
  if (parsed.kind !== 'parsed') {
    throw new Refusal(`bad property list: invalid property '${args[0] ?? ''}'`, 2)
  }
  const [properties = '', ...names] = parsed.operands
  const columns = parsed.options.findLast(option => option.letter === 'o')?.value.split(',') ?? [
    'name',
    'property',
    'value',
    'source',
  ]
  const parsable = parsed.options.some(option => option.letter === 'p')
  const missing = names.find(name => !world.pools.get(name)?.imported)
  if (missing !== undefined) throw new Refusal(world.dialect.missingPoolText(missing))
  const isScripted = parsed.options.some(option => option.letter === 'H')
  const rows = select(world, names).pools.flatMap(pool =>
    properties.split(',').map(property => {
      const cells: Readonly<Record<string, string>> = {
        name: pool.name,
        property,
        // Recorded: the column has ten letters at least.
        value: read(world, pool, property, parsable).padEnd(isScripted ? 0 : 10),
        source: property === 'delegation' ? (pool.delegation ? 'default' : 'local') : '-',
      }
      return columns.map(column => cells[column] ?? '-')
    }),
  )
  const heading = columns.map(column => column.toUpperCase())
  return print(isScripted ? rows.map(row => row.join('\t')) : table(heading, rows, []), [])
}

function set(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const [assignment = '', name = ''] = args
  const pool = world.pools.get(name)
  const [, value] = /^delegation=(on|off)$/.exec(assignment) ?? []
  if (pool === undefined || value === undefined) throw notSimulated(`zpool set ${assignment}`)
  if (world.account.uid !== 0) {
    throw new Refusal(`cannot set property for '${name}': permission denied`)
  }
  pool.delegation = value === 'on'
  return success()
}

function read(world: ZfsWorld, pool: SimPool, property: string, parsable: boolean): string {
  const root = pool.datasets.get(pool.name)
  const allocatedBytes = () => (root === undefined ? 0 : allocated(root))
  const bytes = (value: number) => (parsable ? formatExact(value) : formatSize(value))
  switch (property) {
    case 'name':
      return pool.name
    case 'size':
      return bytes(pool.sizeBytes)
    case 'allocated':
      return bytes(allocatedBytes())
    case 'free':
      return bytes(Math.max(0, pool.sizeBytes - allocatedBytes()))
    case 'capacity':
      return `${Math.min(100, Math.floor((allocatedBytes() * 100) / pool.sizeBytes))}${parsable ? '' : '%'}`
    case 'freeing':
    case 'ashift':
      return '0'
    case 'fragmentation':
      return parsable ? '0' : '0%'
    case 'dedupratio':
      return parsable ? '1.00' : '1.00x'
    case 'health':
      return pool.health
    case 'guid':
      return pool.guid
    case 'readonly':
      return pool.readOnly ? 'on' : 'off'
    case 'delegation':
      return pool.delegation ? 'on' : 'off'
    case 'failmode':
      return 'wait'
    case 'version':
      return world.dialect.name === 'solaris-10'
        ? '32'
        : world.dialect.name === 'solaris-11'
          ? '44'
          : '-'
    case 'altroot':
    case 'checkpoint':
    case 'expandsize':
      return '-'
    default:
      throw new Refusal(`bad property list: invalid property '${property}'`, 2)
  }
}

function status(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, 'xv')
  if (parsed.kind !== 'parsed') throw notSimulated(`zpool status -${parsed.letter}`)
  const short = parsed.options.some(option => option.letter === 'x')
  const { pools, complaints } = select(world, parsed.operands)
  const shown = short ? pools.filter(pool => pool.suspended) : pools
  if (short && shown.length === 0 && complaints.length === 0) {
    const [name] = parsed.operands
    return success(name === undefined ? 'all pools are healthy\n' : `pool '${name}' is healthy\n`)
  }
  return print(shown.map(describe), complaints)
}

function describe(pool: SimPool): string {
  const trouble = pool.suspended
    ? [
        'status: One or more devices are faulted in response to IO failures.',
        "action: Make sure the affected devices are connected, then run 'zpool clear'.",
        '   see: https://openzfs.github.io/openzfs-docs/msg/ZFS-8000-HC',
      ]
    : []
  const row = (indent: string, name: string) =>
    `\t${`${indent}${name}`.padEnd(10)}  ONLINE       0     0     0`
  return [
    `  pool: ${pool.name}`,
    ` state: ${pool.health}`,
    ...trouble,
    'config:',
    '',
    `\t${'NAME'.padEnd(10)}  STATE     READ WRITE CKSUM`,
    row('', pool.name),
    row('  ', 'disk0'),
    '',
    `errors: ${pool.suspended ? "3 data errors, use '-v' for a list" : 'No known data errors'}`,
  ].join('\n')
}

function select(
  world: ZfsWorld,
  names: readonly string[],
): { pools: readonly SimPool[]; complaints: readonly string[] } {
  const imported = [...world.pools.values()]
    .filter(pool => pool.imported)
    .sort((a, b) => compareNames(a.name, b.name))
  if (names.length === 0) return { pools: imported, complaints: [] }
  const pools = imported.filter(pool => names.includes(pool.name))
  const complaints = names
    .filter(name => !pools.some(pool => pool.name === name))
    .map(name => `cannot open '${name}': no such pool`)
  return { pools, complaints }
}

function print(lines: readonly string[], complaints: readonly string[]): SimAnswer {
  const text = (texts: readonly string[]) => texts.map(line => `${line}\n`).join('')
  return {
    exitStatus: complaints.length > 0 ? 1 : 0,
    stdout: text(lines),
    stderr: text(complaints),
  }
}
