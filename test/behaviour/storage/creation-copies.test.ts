// What a copy and a restore are when CreateVolume says OK, and what is left of one when it does not.

import { MiB, type Volume } from '../../../src/model/volumes.ts'
import { install, volumeSpec } from '../../support/installation.ts'
import { datasetOf, filesystem, size, zfs } from './creation-scene.ts'

test('a copy that does not fit once it is to grow leaves nothing behind', async () => {
  const installation = install()
  const { volumes, audit } = installation.driver()
  const source = await volumes.ensureVolume(volumeSpec({ parameters: { reservation: 'thin' } }))
  const asked = volumeSpec({
    name: 'copy',
    source: { kind: 'volume', id: source.id },
    size: size(64 * 1024),
  })
  await expect(volumes.ensureVolume(asked)).rejects.toMatchObject({ kind: 'no-space' })
  const left = await zfs(
    installation.world,
    'm1-primary',
    'list',
    '-H',
    '-r',
    '-t',
    'volume,snapshot',
    '-o',
    'name',
    'mtank/kubernetes',
  )
  expect(left.trim().split('\n')).toEqual([`mtank/kubernetes/${source.leaf}`])
  expect(await audit()).toEqual([])
})

test('an earlier copy that cannot be completed now is never said to be absent', async () => {
  const installation = install()
  const { volumes } = installation.driver()
  const source = await volumes.ensureVolume(volumeSpec({ parameters: { reservation: 'thin' } }))
  const asked = volumeSpec({
    name: 'copy',
    source: { kind: 'volume', id: source.id },
    size: size(64),
  })
  const copy = await volumes.ensureVolume(asked)
  const { host, name } = datasetOf(installation, copy)
  // As a cut between the two commands leaves it.
  await zfs(installation.world, host, 'set', `volsize=${16 * MiB}`, name)
  await zfs(installation.world, host, 'set', `refreservation=${16 * MiB}`, name)
  const used = Number(
    await zfs(installation.world, host, 'get', '-Hp', '-o', 'value', 'used', 'mtank/kubernetes'),
  )
  await zfs(installation.world, host, 'set', `quota=${used + 8 * MiB}`, 'mtank/kubernetes')
  await expect(volumes.ensureVolume(asked)).rejects.toMatchObject({ kind: 'unavailable' })
  expect(datasetOf(installation, copy).dataset).toBeDefined()
})

describe.each(['volume', 'snapshot'] as const)('a copy of a %s', kind => {
  test('is found by the same request with a limit after its source has grown', async () => {
    const installation = install()
    const { volumes, changes, snapshots } = installation.driver()
    const origin = await volumes.ensureVolume(volumeSpec())
    const id =
      kind === 'volume'
        ? origin.id
        : (await snapshots.createSnapshot({ name: 's', volumeId: origin.id })).id
    const asked = volumeSpec({ name: 'copy', source: { kind, id }, size: size(16, 16) })
    const copy = await volumes.ensureVolume(asked)
    await changes.expandVolume(origin.id, size(32))
    expect(await volumes.ensureVolume(asked)).toMatchObject({ id: copy.id, sizeBytes: 16 * MiB })
  })
})

describe('where a snapshot has no size of its own', () => {
  const onSizeless = () =>
    install(spec => {
      const storage = spec.hosts['m1-primary']
      if (storage === undefined) throw new Error('no m1-primary')
      const pools = storage.pools.map(pool => ({ ...pool, sizelessSnapshots: true }))
      return { ...spec, hosts: { ...spec.hosts, 'm1-primary': { ...storage, pools } } }
    })

  async function grownSince() {
    const installation = onSizeless()
    const driver = installation.driver()
    const origin = await driver.volumes.ensureVolume(volumeSpec())
    const { id } = await driver.snapshots.createSnapshot({ name: 's', volumeId: origin.id })
    await driver.changes.expandVolume(origin.id, size(48))
    return { installation, driver, origin, id, source: { kind: 'snapshot', id } as const }
  }

  test('a restore is said to have, has and reserves the size at the time of the snapshot', async () => {
    const { installation, driver, source } = await grownSince()
    const restored = await driver.volumes.ensureVolume(
      volumeSpec({ name: 'restored', source, size: size(0) }),
    )
    expect(restored.sizeBytes).toBe(16 * MiB)
    expect(datasetOf(installation, restored).sizeBytes).toBe(16 * MiB)
    expect(datasetOf(installation, restored).reserved).toBeGreaterThanOrEqual(16 * MiB)
    const again = await driver.volumes.ensureVolume(
      volumeSpec({ name: 'restored', source, size: size(0) }),
    )
    expect(again.sizeBytes).toBe(16 * MiB)
  })

  test('a restore is as large as asked for', async () => {
    const { installation, driver, source } = await grownSince()
    const restored = await driver.volumes.ensureVolume(
      volumeSpec({ name: 'restored', source, size: size(32) }),
    )
    expect(restored.sizeBytes).toBe(32 * MiB)
    expect(datasetOf(installation, restored).sizeBytes).toBe(32 * MiB)
    expect(datasetOf(installation, restored).reserved).toBeGreaterThanOrEqual(32 * MiB)
  })

  test('a restore over the limit is refused and leaves nothing behind', async () => {
    const { driver, origin, source } = await grownSince()
    const asked = volumeSpec({ name: 'restored', source, size: size(0, 8) })
    await expect(driver.volumes.ensureVolume(asked)).rejects.toMatchObject({ kind: 'out-of-range' })
    expect((await driver.attachments.listPublished()).map(({ volume }) => volume.id)).toEqual([
      origin.id,
    ])
    expect(await driver.audit()).toEqual([])
  })

  test('a restore that was cut off after the clone is completed by the same request', async () => {
    const { installation, driver, source } = await grownSince()
    const asked = volumeSpec({ name: 'restored', source, size: size(32) })
    const restored = await driver.volumes.ensureVolume(asked)
    const { host, name } = datasetOf(installation, restored)
    await zfs(installation.world, host, 'set', 'refreservation=8192', name)
    await zfs(installation.world, host, 'set', `volsize=${16 * MiB}`, name)
    expect((await driver.volumes.ensureVolume(asked)).sizeBytes).toBe(32 * MiB)
    expect(datasetOf(installation, restored).sizeBytes).toBe(32 * MiB)
    expect(datasetOf(installation, restored).reserved).toBeGreaterThanOrEqual(32 * MiB)
  })

  test('the size of a snapshot is not known, whatever its volume has today', async () => {
    const { driver, id } = await grownSince()
    expect((await driver.snapshots.getSnapshot(id)).sizeBytes).toBe(0)
    expect((await driver.snapshots.listSnapshots({})).map(snapshot => snapshot.sizeBytes)).toEqual([
      0,
    ])
  })
})

describe.each(['volume', 'snapshot'] as const)('a copy of a %s', kind => {
  test('with another file system than its source has is refused', async () => {
    const { volumes, snapshots, attachments } = install().driver()
    const origin = await volumes.ensureVolume(
      volumeSpec({ format: filesystem('xfs'), size: size(320) }),
    )
    const id =
      kind === 'volume'
        ? origin.id
        : (await snapshots.createSnapshot({ name: 's', volumeId: origin.id })).id
    const copy = (format: Volume['format']) =>
      volumes.ensureVolume(
        volumeSpec({
          name: `copy ${JSON.stringify(format)}`,
          format,
          source: { kind, id },
          size: size(0),
        }),
      )
    for (const type of ['ext4', 'ufs'] as const) {
      await expect(copy(filesystem(type))).rejects.toMatchObject({
        kind: 'invalid-argument',
        message: expect.stringMatching(/file system xfs, which a copy keeps/),
      })
    }
    const same = await copy(filesystem('xfs'))
    const whatever = await copy(filesystem('any'))
    const raw = await copy({ kind: 'block' })
    const listed = (await attachments.listPublished()).map(({ volume }) => volume.id)
    expect(listed).toEqual([origin, same, whatever, raw].map(volume => volume.id).sort())
  })
})
