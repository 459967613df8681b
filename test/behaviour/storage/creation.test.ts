// What a volume is when CreateVolume or ControllerExpandVolume says OK, and what is left of one
// when they do not.

import { MiB } from '../../../src/model/volumes.ts'
import { install, volumeSpec } from '../../support/installation.ts'
import { datasetOf, size, zfs } from './creation-scene.ts'

describe.each(['silver', 'gold'])('a thick volume in pool %s', pool => {
  test('whose growth was cut off before its reservation is reserved when the growth is repeated', async () => {
    const installation = install()
    const { volumes, changes } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const { host, name } = datasetOf(installation, volume)
    await zfs(installation.world, host, 'set', `refreservation=${16 * MiB}`, name)
    await zfs(installation.world, host, 'set', `volsize=${64 * MiB}`, name)
    expect(datasetOf(installation, volume).reserved).toBe(16 * MiB)
    await changes.expandVolume(volume.id, size(64))
    expect(datasetOf(installation, volume).reserved).toBeGreaterThanOrEqual(64 * MiB)
  })

  test('with a reservation that zfs does not move along grows with it', async () => {
    const installation = install()
    const { volumes, changes } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const { host, name } = datasetOf(installation, volume)
    await zfs(installation.world, host, 'set', `refreservation=${16 * MiB}`, name)
    await changes.expandVolume(volume.id, size(64))
    expect(datasetOf(installation, volume)).toMatchObject({ sizeBytes: 64 * MiB })
    expect(datasetOf(installation, volume).reserved).toBeGreaterThanOrEqual(64 * MiB)
  })

  test('made from another is reserved whole, also where it is larger', async () => {
    const installation = install()
    const { volumes, changes } = installation.driver()
    const source = {
      kind: 'volume',
      id: (await volumes.ensureVolume(volumeSpec({ pool }))).id,
    } as const
    for (const [name, mebibytes] of [
      ['same', 16],
      ['larger', 64],
    ] as const) {
      const clone = await volumes.ensureVolume(
        volumeSpec({ pool, name, source, size: size(mebibytes) }),
      )
      expect(datasetOf(installation, clone).reserved).toBeGreaterThanOrEqual(mebibytes * MiB)
      await changes.expandVolume(clone.id, size(96))
      expect(datasetOf(installation, clone).reserved).toBeGreaterThanOrEqual(96 * MiB)
    }
  })

  test('is what a thin one becomes by a change of its parameters', async () => {
    const installation = install()
    const { volumes, changes } = installation.driver()
    const volume = await volumes.ensureVolume(
      volumeSpec({ pool, parameters: { reservation: 'thin' } }),
    )
    await changes.modifyVolume(volume.id, { reservation: 'thick' })
    expect(datasetOf(installation, volume).reserved).toBeGreaterThanOrEqual(16 * MiB)
  })
})

test(
  'a reservation that zfs has made larger than the arithmetic says is left as it is when the ' +
    'volume grows',
  async () => {
    // As on raidz, where parity and padding are reserved too.
    const installation = install(spec => {
      const storage = spec.hosts['m1-primary']
      if (storage?.pools[0] === undefined) throw new Error('no pool')
      return {
        ...spec,
        hosts: {
          ...spec.hosts,
          'm1-primary': { ...storage, pools: [{ ...storage.pools[0], dialect: 'openzfs-2.3' }] },
        },
      }
    })
    const { volumes, changes } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec())
    const { host, name } = datasetOf(installation, volume)
    await zfs(installation.world, host, 'set', `refreservation=${200 * MiB}`, name)
    await changes.expandVolume(volume.id, size(64))
    expect(datasetOf(installation, volume).reserved).toBe(200 * MiB)
  },
)

test(
  'a volume whose growth was cut off before its logical unit is made whole by the request ' +
    'that made it',
  async () => {
    const installation = install()
    const { volumes, audit } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    const { host, name } = datasetOf(installation, volume)
    await zfs(installation.world, host, 'set', `volsize=${32 * MiB}`, name)
    expect((await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).sizeBytes).toBe(32 * MiB)
    expect(await audit()).toEqual([])
  },
)

test('a time limit of the disk is for pools with one path', async () => {
  const { volumes } = install().driver()
  const parameters = { vdiskTimeoutSeconds: 30 }
  const volume = await volumes.ensureVolume(volumeSpec({ parameters }))
  expect(volume.parameters).toMatchObject(parameters)
  await expect(
    volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'b', parameters })),
  ).rejects.toMatchObject({
    kind: 'invalid-argument',
    message: expect.stringContaining('not allowed with pool gold'),
  })
})

describe.each(['silver', 'gold'])('a deleted volume in pool %s', pool => {
  test(
    'whose deletion was cut off before it gave back its reservation gives it back when it is ' +
      'deleted again',
    async () => {
      const installation = install()
      const { volumes, snapshots } = installation.driver()
      const volume = await volumes.ensureVolume(volumeSpec({ pool }))
      await snapshots.createSnapshot({ name: 's', volumeId: volume.id })
      await volumes.deleteVolume(volume.id)
      const { host, name } = datasetOf(installation, volume)
      await zfs(installation.world, host, 'set', `refreservation=${16 * MiB}`, name)
      await volumes.deleteVolume(volume.id)
      expect(datasetOf(installation, volume).reserved).toBe(0)
    },
  )

  test('that nothing needs any more does not keep its name', async () => {
    const installation = install()
    const { volumes, snapshots } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const snapshot = await snapshots.createSnapshot({ name: 's', volumeId: volume.id })
    await volumes.deleteVolume(volume.id)
    const { host, name } = datasetOf(installation, volume)
    // As a cut between the last snapshot and its volume leaves it.
    await zfs(installation.world, host, 'destroy', `${name}@${snapshot.id.split('@')[1]}`)
    expect((await volumes.ensureVolume(volumeSpec({ pool }))).id).toBe(volume.id)
    expect(datasetOf(installation, volume).reserved).toBeGreaterThanOrEqual(16 * MiB)
  })
})

test.each([
  {
    change: { parameters: { compression: 'on' } },
    says: 'differs in its parameter: it has compression off, the request wants compression on',
  },
  {
    change: { parameters: { blockSizeBytes: 16384, mkfsOptions: '-m 1' } },
    says:
      'differs in its parameters: it has blockSize 8192, mkfsOptions none, the request ' +
      'wants blockSize 16384, mkfsOptions -m 1',
  },
  {
    change: { format: { kind: 'block' } },
    says: 'its format: it has the file system of its guest, the request wants a raw device',
  },
] as const)(
  'another request for a known name is told what differs: $says',
  async ({ change, says }) => {
    const { volumes } = install().driver()
    await volumes.ensureVolume(volumeSpec())
    await expect(volumes.ensureVolume(volumeSpec(change))).rejects.toMatchObject({
      kind: 'already-exists',
      message: expect.stringContaining(says),
    })
  },
)
