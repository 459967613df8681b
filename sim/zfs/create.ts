// Simulated `zfs create`. The order of the checks and the texts are recorded (OpenZFS 2.1 to 2.3,
// pool version 23).

import type { SimAnswer } from '../host.ts'
import { parseOptions } from '../options.ts'
import { notSimulated, Refusal, success } from './answers.ts'
import { permissionToSet, requirePermissions } from './delegation.ts'
import { automaticReservation } from './dialects.ts'
import { emptyOf } from './empty.ts'
import { SimDataset, type SimPool } from './model.ts'
import { parseSize } from './numbers.ts'
import { formatExact } from './properties.ts'
import { checkProperty, type Given, parseAssignment, setProperty } from './property-values.ts'
import { room } from './space.ts'
import { SimVolume } from './volume.ts'
import { checkPlace, createAncestors, poolOf, usageRefusal, type ZfsWorld } from './world.ts'

/**
 * On Linux udev creates the device node after the command has returned (measured: 0.2 to 0.3 s).
 */
const LINUX_NODE_DELAY_MS = 250
const MAKES_KEYS = ['encryption', 'keyformat', 'keylocation', 'pbkdf2iters']

interface Wanted {
  readonly name: string
  readonly parents: boolean
  readonly sparse: boolean
  readonly size: number | undefined // undefined: a filesystem
  readonly given: readonly Given[]
}

export function create(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const wanted = parseCreate(world, args)
  const type = wanted.size === undefined ? 'filesystem' : 'volume'
  const complaint = `cannot create '${wanted.name}'`
  const properties = wanted.given.map(given =>
    checkProperty(given, { dialect: world.dialect, type, moment: 'create', complaint, status: 1 }),
  )
  const blockSize = Number(
    properties.find(property => property.name === 'volblocksize')?.value ??
      world.dialect.defaultBlockSize,
  )
  const warning =
    wanted.size === undefined ||
    world.dialect.line === 'old' ||
    blockSize >= world.dialect.defaultBlockSize
      ? ''
      : blockWarning(world, blockSize)
  // To compute the reservation OpenZFS opens the pool first, and has another text if that fails.
  if (wanted.size !== undefined && !wanted.sparse && world.dialect.line === 'openzfs') {
    const poolName = wanted.name.split('/')[0] ?? ''
    if (poolOf(world, poolName) === undefined) {
      throw new Refusal(`cannot open '${poolName}': no such pool`)
    }
  }
  if (wanted.parents) {
    if (poolOf(world, wanted.name)?.datasets.has(wanted.name)) return success('', warning)
    createAncestors(world, wanted.name)
  }
  const reserved = { name: 'refreservation', value: 'auto' }
  const own = wanted.size !== undefined && !wanted.sparse ? [...properties, reserved] : properties
  warned(warning, () => {
    const pool = checkPlace(world, wanted.name, 'create')
    requireCreation(world, { pool, name: wanted.name }, own)
    if (wanted.size === undefined) addFilesystem(world, pool, { name: wanted.name, properties })
    else addVolume(world, pool, { ...wanted, size: wanted.size }, { properties, blockSize })
  })
  const isMounted = !properties.some(({ name, value }) => name === 'canmount' && value !== 'on')
  // Recorded: it is there, but on Linux an ordinary account cannot mount it.
  if (wanted.size === undefined && isMounted && world.account.uid !== 0) {
    if (world.dialect.nodes === 'linux') {
      throw new Refusal('filesystem successfully created, but it may only be mounted by root')
    }
  }
  return success('', warning)
}

/** Recorded: the warning is printed before the kernel is asked, so it precedes a refusal. */
function warned(warning: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Refusal(`${warning}${error.stderr}`, error.status)
  }
}

/** Below the parent: to create, and to set each property on what is new. */
export function requireCreation(
  world: ZfsWorld,
  { pool, name }: { readonly pool: SimPool; readonly name: string },
  properties: readonly Given[],
): void {
  const parent = pool.datasets.get(name.slice(0, Math.max(name.lastIndexOf('/'), 0)))
  if (parent === undefined) return
  const refusal = new Refusal(`cannot create '${name}': permission denied`)
  requirePermissions(world, { at: parent }, { permissions: ['create', 'mount'], refusal })
  const permissions = properties
    .map(property => permissionToSet(property.name))
    .filter(permission => permission !== 'volblocksize')
  requirePermissions(world, { at: parent, below: true }, { permissions, refusal })
}

function parseCreate(world: ZfsWorld, args: readonly string[]): Wanted {
  const letters = world.dialect.line === 'openzfs' ? ':pso:b:V:uvnP' : ':pso:b:V:'
  const parsed = parseOptions(args, letters.slice(1))
  if (parsed.kind === 'unknown-option') {
    throw usageRefusal(world, 'create', `invalid option '${parsed.letter}'`)
  }
  if (parsed.kind === 'missing-argument') {
    throw usageRefusal(
      world,
      'create',
      parsed.letter === 'V'
        ? 'missing size argument'
        : `missing argument for '${parsed.letter}' option`,
    )
  }
  const given: Given[] = []
  let size: number | undefined
  for (const { letter, value } of parsed.options) {
    if ('uvnP'.includes(letter)) throw notSimulated(`zfs create -${letter}`)
    if (letter === 'V') size = parseVolumeSize(value)
    if (letter === 'b') given.push({ name: 'volblocksize', value })
    if (letter === 'o') given.push(parseOption(world, 'create', value))
  }
  const keys = given.find(({ name }) => MAKES_KEYS.includes(name))
  if (keys) throw notSimulated(`property ${keys.name}`)
  const [name, ...more] = parsed.operands
  if (name === undefined) {
    const kind = size === undefined ? 'filesystem' : 'volume'
    throw usageRefusal(world, 'create', `missing ${kind} argument`)
  }
  if (more.length > 0) throw usageRefusal(world, 'create', 'too many arguments')
  const has = (letter: string) => parsed.options.some(option => option.letter === letter)
  return { name, parents: has('p'), sparse: has('s'), size, given }
}

function parseVolumeSize(text: string): number {
  const size = parseSize(text)
  if ('complaint' in size) throw new Refusal(`bad volume size '${text}': ${size.complaint}`)
  return size.bytes
}

export function parseOption(world: ZfsWorld, command: string, text: string): Given {
  const given = parseAssignment(text)
  if (given === undefined) throw new Refusal("missing '=' for property=value argument")
  // Recorded: the old line wants a value; OpenZFS stores the empty one.
  if (given.value === '' && world.dialect.line === 'old') {
    throw usageRefusal(world, command, 'missing value in property=value argument')
  }
  return given
}

function blockWarning(world: ZfsWorld, blockSize: number): string {
  const recommended = world.dialect.defaultBlockSize
  return (
    `Warning: volblocksize (${blockSize}) is less than the default minimum block size ` +
    `(${recommended}).\nTo reduce wasted space a volblocksize of ${recommended} is recommended.\n`
  )
}

function addFilesystem(
  world: ZfsWorld,
  pool: SimPool,
  { name, properties }: { readonly name: string; readonly properties: readonly Given[] },
): void {
  const refuse = () => new Refusal(`cannot create '${name}': out of space`)
  const dataset = new SimDataset(pool, name, undefined)
  if (room(parentOf(dataset)) < dataset.content.bytes) throw refuse()
  const quota = Number(properties.find(property => property.name === 'quota')?.value ?? 0)
  if (quota > 0 && quota < dataset.content.bytes) throw refuse()
  pool.insert(dataset)
  setAll(world, dataset, properties, refuse)
}

function addVolume(
  world: ZfsWorld,
  pool: SimPool,
  wanted: Wanted & { size: number },
  options: { readonly properties: readonly Given[]; readonly blockSize: number },
): void {
  const refuse = (text: string) => new Refusal(`cannot create '${wanted.name}': ${text}`)
  const { blockSize } = options
  if (wanted.size === 0) throw refuse('volume size cannot be zero')
  const size = Math.ceil(wanted.size / blockSize) * blockSize
  if (
    room(pool.datasets.get(wanted.name.slice(0, wanted.name.lastIndexOf('/'))) as SimDataset) <
    emptyOf(pool.disks, pool.dialect).volume.bytes
  ) {
    throw refuse('out of space')
  }
  const volume = new SimVolume({
    store: world.createStore(size),
    blockSize,
    nodeAppearsMs: nodeAppears(world),
  })
  const dataset = pool.add(wanted.name, volume)
  const reserves = options.properties.some(property => property.name === 'refreservation')
  const automatic: readonly Given[] =
    wanted.sparse || reserves
      ? []
      : [
          {
            name: 'refreservation',
            value: formatExact(automaticReservation(pool.dialect, size, blockSize)),
          },
        ]
  setAll(
    world,
    dataset,
    [...options.properties.filter(property => property.name !== 'volblocksize'), ...automatic],
    () => refuse('out of space'),
  )
}

/**
 * All or nothing: if a property cannot be set, the new dataset is removed. Only a power failure
 * leaves it without: the properties are a transaction of their own (source: zfs_ioc_create,
 * zfs_ioc_clone).
 */
export function setAll(
  { isCutBetween }: Pick<ZfsWorld, 'isCutBetween'>,
  dataset: SimDataset,
  properties: readonly Given[],
  refuse: (text: string) => Refusal,
): void {
  if (isCutBetween) return
  try {
    for (const property of properties) setProperty(dataset, property, refuse)
  } catch (error) {
    dataset.pool.remove(dataset)
    throw error
  }
}

export function nodeAppears(world: ZfsWorld): number {
  return world.nowMs() + (world.dialect.nodes === 'linux' ? LINUX_NODE_DELAY_MS : 0)
}

function parentOf(dataset: SimDataset): SimDataset {
  const { parent } = dataset
  if (parent === undefined) throw new Error(`${dataset.name} has no parent`)
  return parent
}
