// Simulated `zfs clone`. The order of the checks and the texts are recorded (OpenZFS 2.1 to 2.3, pool
// version 23).

import type { SimAnswer } from '../host.ts'
import { parseOptions } from '../options.ts'
import { Refusal, success } from './answers.ts'
import { nodeAppears, parseOption, requireCreation, setAll } from './create.ts'
import { requirePermissions } from './delegation.ts'
import { SimDataset } from './model.ts'
import { checkProperty, checkVolumeSize } from './property-values.ts'
import { SimVolume } from './volume.ts'
import {
  checkPlace,
  createAncestors,
  openTarget,
  poolOf,
  usageRefusal,
  type ZfsWorld,
} from './world.ts'

export function clone(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, world.dialect.line === 'openzfs' ? 'po:u' : 'po:')
  if (parsed.kind === 'unknown-option') {
    throw usageRefusal(world, 'clone', `invalid option '${parsed.letter}'`)
  }
  if (parsed.kind === 'missing-argument') {
    throw usageRefusal(world, 'clone', `missing argument for '${parsed.letter}' option`)
  }
  const [source, name, ...more] = parsed.operands
  if (source === undefined) throw usageRefusal(world, 'clone', 'missing source dataset argument')
  if (name === undefined) throw usageRefusal(world, 'clone', 'missing target dataset argument')
  if (more.length > 0) throw usageRefusal(world, 'clone', 'too many arguments')
  const given = parsed.options
    .filter(option => option.letter === 'o')
    .map(option => parseOption(world, 'clone', option.value))
  const snapshot = openTarget(world, source)
  if (snapshot instanceof SimDataset) {
    throw new Refusal(`cannot open '${source}': operation not applicable to datasets of this type`)
  }
  if (parsed.options.some(option => option.letter === 'p')) {
    if (poolOf(world, name)?.datasets.has(name)) return success()
    createAncestors(world, name)
  }
  const refuse = (text: string) => new Refusal(`cannot create '${name}': ${text}`)
  const type = snapshot.dataset.kind
  const context = {
    dialect: world.dialect,
    type,
    moment: 'clone',
    complaint: `cannot create '${name}'`,
    status: 1,
    volumeBytes: snapshot.store?.sizeBytes,
  } as const
  const properties = given.map(property => checkProperty(property, context))
  const blockSize = snapshot.dataset.volume?.blockSize ?? 0
  const size = properties.find(property => property.name === 'volsize')?.value
  if (size !== undefined) {
    checkVolumeSize(Number(size), blockSize, { dialect: world.dialect, refuse })
  }
  const pool = checkPlace(world, name, 'create')
  if (pool !== snapshot.dataset.pool) throw refuse('source and target pools differ') // source
  requirePermissions(
    world,
    { at: snapshot.dataset },
    { permissions: ['clone'], refusal: refuse('permission denied') },
  )
  requireCreation(world, { pool, name }, properties)
  const volume =
    snapshot.store &&
    new SimVolume({
      store: snapshot.store.copy(),
      blockSize,
      nodeAppearsMs: nodeAppears(world),
    })
  const dataset = pool.add(name, volume)
  dataset.origin = snapshot
  dataset.content = snapshot.content.clone()
  setAll(world, dataset, properties, () => refuse('out of space'))
  return success()
}
