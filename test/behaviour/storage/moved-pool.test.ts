// A pool that was moved or restored by `zfs send -R` and `zfs receive`: its properties are received
// ones, its logical units have lost their metadata, and everything in it is still this driver's.

import { MiB } from '../../../src/model/volumes.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'

const PLACES = {
  silver: ['m1-primary', 'mtank/kubernetes'],
  gold: ['storage1', 'tank/kubernetes'],
} as const

describe.each(['silver', 'gold'] as const)('after pool %s was moved by send and receive', pool => {
  const [host, dataset] = PLACES[pool]

  test('its volumes and snapshots are listed, found, copied and deleted as before', async () => {
    const { driver, world } = install()
    const before = driver()
    const volume = await before.volumes.ensureVolume(volumeSpec({ pool }))
    const snapshot = await before.snapshots.createSnapshot({ name: 's', volumeId: volume.id })
    world.zfs(host).moveThroughStream(dataset)
    const { volumes, attachments, snapshots } = driver()
    expect((await attachments.listPublished()).map(entry => entry.volume.name)).toEqual(['pvc-1'])
    expect(await snapshots.listSnapshots({})).toEqual([snapshot])
    expect((await volumes.ensureVolume(volumeSpec({ pool }))).id).toBe(volume.id)
    const copy = await volumes.ensureVolume(
      volumeSpec({ pool, name: 'copy', source: { kind: 'snapshot', id: snapshot.id } }),
    )
    await snapshots.deleteSnapshot(snapshot.id)
    await volumes.deleteVolume(volume.id)
    await volumes.deleteVolume(copy.id)
    expect(await snapshots.listSnapshots({})).toEqual([])
    expect(
      world
        .zfs(host)
        .pool(dataset.split('/')[0] ?? '')
        .sorted()
        .map(each => each.name),
    ).toEqual([dataset.split('/')[0], dataset])
  })

  test("a volume that was attached is still nobody else's", async () => {
    const { driver, world } = install()
    const before = driver()
    const volume = await before.volumes.ensureVolume(volumeSpec({ pool }))
    await before.attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
    world.zfs(host).moveThroughStream(dataset)
    const { attachments } = driver()
    await expect(attachments.attach(attachRequest(volume.id, 'm1/ldg2'))).rejects.toMatchObject({
      kind: 'in-use',
    })
    await attachments.detach(volume.id, { machine: 'm1', guest: 'ldg1' })
    await attachments.attach(attachRequest(volume.id, 'm1/ldg2'))
  })

  test('what is set on its volumes from now on is their own again', async () => {
    const { driver, world } = install()
    const volume = await driver().volumes.ensureVolume(volumeSpec({ pool }))
    await driver().snapshots.createSnapshot({ name: 's', volumeId: volume.id })
    world.zfs(host).moveThroughStream(dataset)
    const { volumes, attachments } = driver()
    await volumes.deleteVolume(volume.id)
    expect(await attachments.listPublished()).toEqual([])
  })
})

test('a logical unit whose metadata went with the old pool is made anew under the same name', async () => {
  const { driver, world } = install()
  const volume = await driver().volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  const guids = () =>
    world
      .comstar('storage1')
      .units()
      .map(unit => unit.guid)
  const before = guids()
  await driver().attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
  world.zfs('storage1').moveThroughStream('tank/kubernetes')
  world.comstar('storage1').restart()
  const { attachments, changes, audit } = driver()
  await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
  expect(guids()).toEqual(before)
  await changes.expandVolume(volume.id, { requiredBytes: 32 * MiB, limitBytes: 0 })
  expect(await audit()).toEqual([])
  await attachments.detach(volume.id, undefined)
  await attachments.attach(attachRequest(volume.id, 'm1/ldg2'))
  expect(await audit()).toEqual([])
})
