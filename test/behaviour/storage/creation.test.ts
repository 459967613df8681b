// What a volume is when CreateVolume or ControllerExpandVolume says OK, and what is left of one
// when they do not.

import { SimShell } from '../../../sim/sim-shell.ts'
import type { World } from '../../../sim/world.ts'
import { Content } from '../../../sim/zfs/content.ts'
import { MiB, type Volume } from '../../../src/model/volumes.ts'
import {
  attachRequest,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'

const size = (mebibytes: number, limit = 0) => ({
  requiredBytes: mebibytes * MiB,
  limitBytes: limit * MiB,
})

async function zfs(world: World, host: string, ...args: readonly string[]): Promise<string> {
  const { exitStatus, stdout, stderr } = await new SimShell(world.host(host)).run(
    ['/usr/sbin/zfs', ...args],
    { effect: 'write' },
  )
  if (exitStatus !== 0) throw new Error(stderr)
  return stdout
}

const HOSTS = { silver: ['m1-primary', 'mtank'], gold: ['storage1', 'tank'] } as const

function datasetOf({ world }: TestInstallation, volume: Pick<Volume, 'pool' | 'leaf'>) {
  const [host, pool] = HOSTS[volume.pool as keyof typeof HOSTS]
  const name = `${pool}/kubernetes/${volume.leaf}`
  const dataset = world.zfs(host).dataset(name)
  return {
    host,
    name,
    dataset,
    reserved: Number(dataset?.local.get('refreservation') ?? 0),
    sizeBytes: dataset?.volume?.store.sizeBytes,
  }
}

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
    message: expect.stringContaining('not with pool gold'),
  })
})

describe('on raidz of 4K disks, where empty volumes refer to some 90 KiB', () => {
  const onRaidz = () =>
    install(spec => {
      const storage = spec.hosts.storage1
      if (storage === undefined) throw new Error('no storage1')
      return {
        ...spec,
        hosts: {
          ...spec.hosts,
          storage1: {
            ...storage,
            pools: storage.pools.map(pool => ({ ...pool, metadataFactor: 8 })),
          },
        },
      }
    })

  test('a new volume is blank, and one that was written to is not', async () => {
    const installation = onRaidz()
    const { volumes, attachments } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    expect((await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))).written).toBe(false)
    await attachments.detach(volume.id, undefined)
    const { dataset } = datasetOf(installation, volume)
    if (dataset === undefined) throw new Error('no volume')
    installation.world.zfs('storage1').write(dataset, 0, Buffer.alloc(1 * MiB, 1))
    expect((await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))).written).toBe(true)
  })
})

test('files in the parent dataset make no volume blank that holds more than its metadata', async () => {
  const installation = install()
  const { volumes, attachments } = installation.driver()
  const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  const parent = installation.world.zfs('storage1').dataset('tank/kubernetes')
  const { dataset } = datasetOf(installation, volume)
  if (dataset === undefined || parent === undefined) throw new Error('no volume')
  parent.content = new Content(64 * MiB, 0)
  installation.world.zfs('storage1').write(dataset, 0, Buffer.alloc(4 * MiB, 1))
  expect((await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))).written).toBe(true)
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

const filesystem = (type: 'any' | 'ext4' | 'xfs' | 'ufs') => ({ kind: 'filesystem', type }) as const

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

describe('too small for its format', () => {
  test('xfs is refused below 300 MiB, which mkfs.xfs would refuse in the guest', async () => {
    const { volumes, attachments } = install().driver()
    const asked = (mebibytes: number) =>
      volumeSpec({ format: filesystem('xfs'), size: size(mebibytes) })
    await expect(volumes.ensureVolume(asked(299))).rejects.toMatchObject({
      kind: 'out-of-range',
      message: expect.stringMatching(/300 MiB/),
    })
    await expect(volumes.ensureVolume({ ...asked(0), size: size(0, 200) })).rejects.toMatchObject({
      kind: 'out-of-range',
    })
    expect(await attachments.listPublished()).toEqual([])
    expect((await volumes.ensureVolume(asked(300))).sizeBytes).toBe(300 * MiB)
  })

  test.each([
    { pool: 'gold', parameters: {} },
    { pool: 'silver', parameters: { export: 'full' } },
  ] as const)(
    'a whole disk of pool $pool has room for the label of a Solaris guest',
    async ({ pool, parameters }) => {
      const { volumes, attachments } = install().driver()
      const asked = (format: Volume['format'], mebibytes: number) =>
        volumes.ensureVolume(
          volumeSpec({
            name: `${JSON.stringify(format)} ${mebibytes}`,
            pool,
            parameters,
            format,
            size: size(mebibytes),
          }),
        )
      for (const format of [filesystem('any'), filesystem('ufs'), { kind: 'block' }] as const) {
        await expect(asked(format, 8)).rejects.toMatchObject({
          kind: 'out-of-range',
          message: expect.stringMatching(/9 MiB/),
        })
        await asked(format, 9)
      }
      await asked(filesystem('ext4'), 2)
      expect(await attachments.listPublished()).toHaveLength(4)
    },
  )

  test('a slice needs no label of its own', async () => {
    const { volumes } = install().driver()
    expect(
      (
        await volumes.ensureVolume(
          volumeSpec({ pool: 'silver', format: filesystem('ufs'), size: size(2) }),
        )
      ).sizeBytes,
    ).toBe(2 * MiB)
  })

  test('a whole disk of 9 MiB is formatted and mounted by a Solaris guest', async () => {
    const installation = install()
    const { volumes, attachments } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold', size: size(9) }))
    const { slot, sizeBytes, written } = await attachments.attach(
      attachRequest(volume.id, 'm1/ldg1'),
    )
    const staged = installation.node('m1/ldg1').stage({
      ...{
        volumeId: volume.id,
        slot,
        sizeBytes,
        written,
        mode: 'rw',
        createdEmpty: true,
        stagingPath: '/var/staging',
      },
      format: { kind: 'filesystem', type: '', mountOptions: [], mkfsOptions: '' },
    })
    await expect(staged).resolves.toBeUndefined()
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
