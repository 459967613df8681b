// Snapshots of one volume and of several, and what goes with them.

import type { WorldSpec } from '../../../sim/world-spec.ts'
import { GiB } from '../../../src/model/volumes.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { guest, left, scene, sourced } from './snapshot-scene.ts'

type Host = WorldSpec['hosts'][string]

function createdIn(
  world: ReturnType<typeof install>['world'],
  snapshot: string,
): number | undefined {
  const [dataset = '', leaf = ''] = snapshot.split('@')
  return world
    .zfs('storage1')
    .dataset(dataset)
    ?.snapshots.find(each => each.name.endsWith(leaf))?.createTransactionGroup
}

describe.each(['silver', 'gold'])('snapshots in pool %s', pool => {
  test('are made once for a name, with their size and the time of the cut', async () => {
    const { volumes, snapshots } = scene()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const snapshot = await snapshots.createSnapshot({ name: 'before', volumeId: volume.id })
    expect(snapshot).toMatchObject({
      name: 'before',
      volumeId: volume.id,
      sizeBytes: volume.sizeBytes,
    })
    expect(snapshot.createdAtSeconds).toBeGreaterThan(0)
    expect(await snapshots.createSnapshot({ name: 'before', volumeId: volume.id })).toEqual(
      snapshot,
    )
    expect(await snapshots.getSnapshot(snapshot.id)).toEqual(snapshot)
    expect(await snapshots.listSnapshots({})).toEqual([snapshot])
    expect(await snapshots.listSnapshots({ volumeId: volume.id })).toEqual([snapshot])
    expect(await snapshots.listSnapshots({ volumeId: `${pool}/v-aaaaaaaaaaaaaaaaaaaa` })).toEqual(
      [],
    )
    expect(await snapshots.listSnapshots({ snapshotId: snapshot.id })).toEqual([snapshot])
  })

  test('of one name on another volume are refused, also by a driver that has just started', async () => {
    const { volumes, snapshots, driver } = scene()
    const one = await volumes.ensureVolume(volumeSpec({ pool }))
    const two = await volumes.ensureVolume(volumeSpec({ pool, name: 'pvc-2' }))
    await snapshots.createSnapshot({ name: 'before', volumeId: one.id })
    const refused = expect.objectContaining({
      kind: 'already-exists',
      message: expect.stringContaining(one.id),
    })
    await expect(snapshots.createSnapshot({ name: 'before', volumeId: two.id })).rejects.toEqual(
      refused,
    )
    await expect(
      driver().snapshots.createSnapshot({ name: 'before', volumeId: two.id }),
    ).rejects.toEqual(refused)
  })

  test('give their name back when they are deleted, even while a clone lives', async () => {
    const { volumes, snapshots } = scene()
    const one = await volumes.ensureVolume(volumeSpec({ pool }))
    const two = await volumes.ensureVolume(volumeSpec({ pool, name: 'pvc-2' }))
    const snapshot = await snapshots.createSnapshot({ name: 'before', volumeId: one.id })
    await volumes.ensureVolume(sourced('copy', pool, { kind: 'snapshot', id: snapshot.id }))
    await snapshots.deleteSnapshot(snapshot.id)
    await snapshots.deleteSnapshot(snapshot.id)
    expect(await snapshots.listSnapshots({})).toEqual([])
    await snapshots.createSnapshot({ name: 'before', volumeId: two.id })
    await snapshots.createSnapshot({ name: 'again', volumeId: one.id })
  })

  test('that somebody deleted by hand and that only wait for a clone are gone', async () => {
    const { volumes, snapshots, world, pools } = scene()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const snapshot = await snapshots.createSnapshot({ name: 'before', volumeId: volume.id })
    await volumes.ensureVolume(sourced('copy', pool, { kind: 'snapshot', id: snapshot.id }))
    const { host, dataset } = pools.get(pool) ?? { host: { name: '' }, dataset: '' }
    const name = `${dataset}/${snapshot.id.slice(pool.length + 1)}`
    expect(await world.host(host.name).perform(['zfs', 'destroy', '-d', name], '')).toMatchObject({
      answer: { exitStatus: 0 },
    })
    expect(await snapshots.listSnapshots({})).toEqual([])
    expect(await snapshots.listSnapshots({ volumeId: volume.id })).toEqual([])
    await expect(snapshots.getSnapshot(snapshot.id)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(
      volumes.ensureVolume(sourced('late', pool, { kind: 'snapshot', id: snapshot.id })),
    ).rejects.toMatchObject({
      kind: 'not-found',
    })
  })

  test('of a volume that is not there are not made', async () => {
    const { snapshots, volumes } = scene()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    await volumes.deleteVolume(volume.id)
    await expect(
      snapshots.createSnapshot({ name: 'x', volumeId: volume.id }),
    ).rejects.toMatchObject({ kind: 'not-found' })
  })
})

test('a parameter that the pool cannot have is refused before anything changes', async () => {
  const { driver, world } = install(spec => ({
    ...spec,
    hosts: {
      ...spec.hosts,
      'm1-primary': {
        ...(spec.hosts['m1-primary'] as Host),
        pools: [
          { name: 'mtank', sizeBytes: GiB, dialect: 'solaris-10', datasets: ['mtank/kubernetes'] },
        ],
      },
    },
  }))
  const { volumes, changes } = driver()
  const volume = await volumes.ensureVolume(volumeSpec())
  const before = world.timeline.commands.length
  await expect(
    changes.modifyVolume(volume.id, { compression: 'lzjb', sync: 'always' }),
  ).rejects.toMatchObject({ kind: 'invalid-argument' })
  expect(world.timeline.commands.slice(before).filter(({ argv }) => argv[1] === 'set')).toEqual([])
})

describe('group snapshots', () => {
  test('are cut at one moment, and go together', async () => {
    const { volumes, snapshots, groups, world } = scene()
    const one = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    const two = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'pvc-2' }))
    const group = await groups.createGroup({ name: 'both', volumeIds: [two.id, one.id] })
    expect(group.snapshots.map(snapshot => snapshot.volumeId).sort()).toEqual(
      [one.id, two.id].sort(),
    )
    const cuts = group.snapshots.map(({ id }) =>
      createdIn(world, `tank/kubernetes/${id.slice('gold/'.length)}`),
    )
    expect(cuts).toEqual([expect.any(Number), cuts[0]])
    expect(await groups.createGroup({ name: 'both', volumeIds: [one.id, two.id] })).toEqual(group)
    await expect(groups.createGroup({ name: 'both', volumeIds: [one.id] })).rejects.toMatchObject({
      kind: 'already-exists',
    })
    const ids = group.snapshots.map(snapshot => snapshot.id)
    expect(await groups.getGroup(group.id, ids)).toEqual(group)
    await expect(groups.getGroup(group.id, ids.slice(1))).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await expect(snapshots.deleteSnapshot(ids[0] ?? '')).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await groups.deleteGroup(group.id, ids)
    await groups.deleteGroup(group.id, [])
    await expect(groups.getGroup(group.id, [])).rejects.toMatchObject({ kind: 'not-found' })
  })

  test('are refused where zfs cannot cut several at one moment, and across pools', async () => {
    const { volumes, snapshots, groups } = scene()
    const one = await volumes.ensureVolume(volumeSpec())
    const two = await volumes.ensureVolume(volumeSpec({ name: 'pvc-2' }))
    const other = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'pvc-3' }))
    await expect(
      groups.createGroup({ name: 'both', volumeIds: [one.id, two.id] }),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
    })
    await expect(
      groups.createGroup({ name: 'both', volumeIds: [one.id, other.id] }),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
    })
    expect(await snapshots.listSnapshots({})).toEqual([])
  })
})

describe.each(['silver', 'gold'])('a shared volume in pool %s', pool => {
  test(
    'is given to several guests, each with a record and a disk of its own, and taken away ' +
      'one by one',
    async () => {
      const { volumes, attachments, world, audit } = scene()
      const volume = await volumes.ensureVolume(volumeSpec({ pool, format: { kind: 'block' } }))
      const shared = { sharing: 'shared' as const, format: { kind: 'block' } as const }
      await attachments.attach(attachRequest(volume.id, 'm1/ldg1', shared))
      await attachments.attach(attachRequest(volume.id, 'm1/ldg2', { ...shared, mode: 'ro' }))
      expect(await audit()).toEqual([])
      expect(await attachments.publishedTo(volume)).toHaveLength(2)
      await expect(
        attachments.attach(attachRequest(volume.id, 'm2/ldg1', { format: { kind: 'block' } })),
      ).rejects.toMatchObject({
        kind: pool === 'gold' ? 'in-use' : 'failed-precondition',
      })
      await expect(volumes.deleteVolume(volume.id)).rejects.toMatchObject({ kind: 'in-use' })
      await attachments.detach(volume.id, guest)
      expect(world.machine('m1').guestDisks('ldg1').list()).toEqual([])
      expect(world.machine('m1').guestDisks('ldg2').list()[0]?.read(0, 512)).toHaveLength(512)
      await attachments.detach(volume.id, undefined)
      expect(await audit()).toEqual([])
      await attachments.attach(attachRequest(volume.id, 'm1/ldg1', { format: { kind: 'block' } }))
      await attachments.detach(volume.id, guest)
      await volumes.deleteVolume(volume.id)
      expect(left(world)).toEqual([])
    },
  )
})

test('a group of a pool that is not configured is neither gone nor deleted', async () => {
  const { groups } = install().driver()
  const id = 'bronze/g-aaaaaaaaaaaaaaaaaaaa'
  await expect(groups.getGroup(id, [])).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(groups.deleteGroup(id, [])).rejects.toMatchObject({ kind: 'unavailable' })
})
