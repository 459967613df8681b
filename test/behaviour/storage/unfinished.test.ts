// A volume whose creation a power failure cut between the transactions of ZFS: the dataset is
// there, and has no properties. The same request completes it.

import type { StorageError } from '../../../src/errors.ts'
import { MiB, type VolumeSource, type VolumeSpec } from '../../../src/model/volumes.ts'
import {
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { byHand, justBefore, meetOnce } from '../../support/meddling.ts'
import { withOpenZfs } from '../../support/openzfs.ts'
import { datasetOf, size } from './creation-scene.ts'

const POOLS = {
  openzfs: { pool: 'silver', make: () => install(withOpenZfs) },
  gold: { pool: 'gold', make: () => install() },
} as const

const KINDS = {
  'an empty thick volume': { source: 'empty', change: {} },
  'an empty thin volume': {
    source: 'empty',
    change: { parameters: { reservation: 'thin', compression: 'gzip-1' } },
  },
  'a volume of other mutable parameters': {
    source: 'empty',
    change: { mutable: { reservation: 'thin', compression: 'gzip-1', logbias: 'throughput' } },
  },
  'a restore of a snapshot': { source: 'snapshot', change: {} },
  'a larger thin restore': {
    source: 'snapshot',
    change: { size: size(32), parameters: { reservation: 'thin' } },
  },
  'a larger restore': { source: 'snapshot', change: { size: size(32) } },
  'a copy of a volume': { source: 'volume', change: {} },
} satisfies Record<string, { source: VolumeSource['kind']; change: Partial<VolumeSpec> }>
type Kind = keyof typeof KINDS

const NAMES = Object.keys(POOLS) as readonly (keyof typeof POOLS)[]
const CASES = NAMES.flatMap(way => (Object.keys(KINDS) as Kind[]).map(kind => ({ way, kind })))

/** Everything up to the creation itself, which `spec` asks for. */
async function prepare(way: keyof typeof POOLS, kind: Kind) {
  const { pool, make } = POOLS[way]
  const installation = make()
  const driver = installation.driver()
  const { volumes, snapshots } = driver
  const volume = await volumes.ensureVolume(volumeSpec({ pool, name: 'source' }))
  const { id } = await snapshots.createSnapshot({ name: 'daily', volumeId: volume.id })
  const sources = {
    empty: { kind: 'empty' },
    snapshot: { kind: 'snapshot', id },
    volume: { kind: 'volume', id: volume.id },
  } as const
  const { source, change } = KINDS[kind]
  const spec = volumeSpec({ pool, name: 'wanted', source: sources[source], ...change })
  return { installation, driver, spec, volume }
}

async function cutBetween(installation: TestInstallation, driver: Driver, spec: VolumeSpec) {
  const verb = spec.source.kind === 'empty' ? 'create' : 'clone'
  meetOnce(installation, `/usr/sbin/zfs ${verb}`, { kind: 'cut-between' })
  await expect(driver.volumes.ensureVolume(spec)).rejects.toMatchObject({ kind: 'unavailable' })
}

const propertiesOf = (installation: TestInstallation, volume: { pool: string; leaf: string }) =>
  Object.fromEntries(datasetOf(installation, volume).dataset?.local ?? [])

test.each(CASES)('$kind in pool $way becomes what it would have been', async ({ way, kind }) => {
  const usual = await prepare(way, kind)
  const expected = await usual.driver.volumes.ensureVolume(usual.spec)
  const { installation, driver, spec } = await prepare(way, kind)
  await cutBetween(installation, driver, spec)
  expect(propertiesOf(installation, expected)).toEqual({})

  const volume = await driver.volumes.ensureVolume(spec)

  expect(volume.id).toBe(expected.id)
  const [made, wanted] = [installation, usual.installation].map(world => {
    const { sizeBytes, reserved, dataset } = datasetOf(world, volume)
    const { refreservation, ...properties } = propertiesOf(world, volume)
    const { name: origin, deferred } = dataset?.origin ?? {}
    return { refreservation, rest: { sizeBytes, properties, origin, deferred }, reserved }
  })
  expect(made?.rest).toEqual(wanted?.rest)
  expect(made?.refreservation).toBe(wanted?.refreservation)
  expect(await driver.volumes.getVolume(volume.id)).toMatchObject({
    ...(await usual.driver.volumes.getVolume(volume.id)),
    reservedBytes: made?.reserved,
  })
  expect(await driver.audit()).toEqual([])
})

test('a reservation that was set before the power failed is kept', async () => {
  const { installation, driver, spec } = await prepare('openzfs', 'an empty thick volume')
  const { reserved, name } = datasetOf(installation, await driver.volumes.ensureVolume(spec))
  await byHand(installation, 'm1-primary', `zfs destroy ${name}`)
  await byHand(installation, 'm1-primary', `zfs create -b 8192 -V 16m ${name}`)

  const volume = await driver.volumes.ensureVolume(spec)

  expect(datasetOf(installation, volume).reserved).toBe(reserved)
})

test.each(NAMES)('a restore of a written volume in pool %s is completed', async way => {
  const { installation, driver, volume } = await prepare(way, 'a restore of a snapshot')
  const { host, dataset } = datasetOf(installation, volume)
  if (dataset !== undefined) installation.world.zfs(host).write(dataset, 0, Buffer.alloc(MiB, 1))
  const { id } = await driver.snapshots.createSnapshot({ name: 'later', volumeId: volume.id })
  const source = { kind: 'snapshot', id } as const
  const spec = volumeSpec({ pool: volume.pool, name: 'wanted', source })
  await cutBetween(installation, driver, spec)

  const restored = await driver.volumes.ensureVolume(spec)

  expect(restored.source).toEqual(source)
  expect(await driver.audit()).toEqual([])
})

test('a copy whose source has grown since is completed, and as large as its source', async () => {
  const { installation, driver, spec, volume } = await prepare('gold', 'a copy of a volume')
  await cutBetween(installation, driver, spec)
  await driver.changes.expandVolume(volume.id, size(32))

  const copy = await driver.volumes.ensureVolume(spec)

  expect(copy.sizeBytes).toBe(32 * MiB)
  expect(datasetOf(installation, copy).sizeBytes).toBe(32 * MiB)
  expect(await driver.audit()).toEqual([])
})

test('a volume on a machine that is silent is completed where the design has a fence', async () => {
  const { installation, driver, spec } = await prepare('gold', 'an empty thick volume')
  await cutBetween(installation, driver, spec)
  installation.world.host('m2-primary').down = true

  expect(await driver.volumes.ensureVolume(spec)).toMatchObject({ name: 'wanted' })
})

test('a completion that does not fit is no final answer, and is made when there is room', async () => {
  const { installation, driver, spec } = await prepare('openzfs', 'an empty thick volume')
  await cutBetween(installation, driver, spec)
  const pool = installation.world.zfs('m1-primary').pool('mtank')
  pool.full = true
  await expect(driver.volumes.ensureVolume(spec)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('exists but could not be completed'),
  })

  pool.full = false
  expect(await driver.volumes.ensureVolume(spec)).toMatchObject({ name: 'wanted' })
})

describe('two controllers', () => {
  const tick = () => new Promise<undefined>(resolve => setImmediate(resolve, undefined))

  async function race(lead: number, change: Partial<VolumeSpec>) {
    const { installation, driver, spec } = await prepare('gold', 'an empty thick volume')
    const other = installation.driver()
    // It has asked for the commands of earlier processes.
    await other.volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'warm' }))
    await cutBetween(installation, driver, spec)
    const { commands } = installation.world.timeline
    const before = commands.length
    const theirs = { ...spec, ...change }
    const running = driver.volumes.ensureVolume(spec)
    const first = running.then(
      () => 'OK',
      ({ kind }: StorageError) => kind,
    )
    while (commands.length - before < lead && (await Promise.race([first, tick()])) === undefined);
    const second = await other.volumes.ensureVolume(theirs).then(
      () => 'OK',
      ({ kind }: StorageError) => kind,
    )
    return { installation, driver, other, spec, theirs, kinds: [await first, second] }
  }

  const LEADS = Array.from({ length: 24 }, (_, lead) => lead)

  test.each(LEADS)('complete the same volume together (%d commands apart)', async lead => {
    const { driver, other, spec, kinds } = await race(lead, {})

    expect(kinds.filter(kind => kind !== 'OK' && kind !== 'unavailable')).toEqual([])
    expect(await other.volumes.ensureVolume(spec)).toEqual(await driver.volumes.ensureVolume(spec))
    expect(await driver.audit()).toEqual([])
  })

  test.each(LEADS)('with two requests: one stays, the other is refused (%d apart)', async lead => {
    const { installation, driver, other, spec, theirs } = await race(lead, {
      format: { kind: 'block' },
    })

    const again = await Promise.allSettled([
      driver.volumes.ensureVolume(spec),
      other.volumes.ensureVolume(theirs),
    ])
    expect(again.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(again.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { kind: 'already-exists', message: expect.stringContaining('differs in its format') },
    })
    expect(installation.world.timeline.commands.map(({ argv }) => argv[1])).not.toContain('destroy')
    expect(await driver.audit()).toEqual([])
  })
})

test('an owner that a volume has got since it was first looked at is not overwritten', async () => {
  const { installation, driver, spec } = await prepare('gold', 'an empty thick volume')
  await cutBetween(installation, driver, spec)
  const other = installation.driver()
  const theirs = { ...spec, format: { kind: 'block' } } as const
  justBefore(installation, '/opt/SUNWldm/bin/ldm list', () => other.volumes.ensureVolume(theirs))

  await expect(driver.volumes.ensureVolume(spec)).rejects.toMatchObject({
    kind: 'already-exists',
    message: expect.stringContaining('its format: it has a raw device'),
  })
  expect(await other.volumes.ensureVolume(theirs)).toMatchObject({ format: { kind: 'block' } })
})
