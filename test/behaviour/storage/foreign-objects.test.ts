// Names are computed, so another installation or an administrator can have given one to something
// else. What bears a name of the driver and does not show that it is the driver's is neither
// removed nor changed.

import { volumeLeaf } from '../../../src/model/ids.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { logicalUnitGuid } from '../../../src/storage/names.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { byHand } from '../../support/meddling.ts'

const refused = (...words: readonly string[]) => ({
  kind: 'failed-precondition',
  message: containingAll(words),
})

function containingAll(words: readonly string[]) {
  return expect.stringMatching(
    new RegExp(
      words.map(word => `(?=[^]*${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`).join(''),
    ),
  )
}

/** A volume whose logical unit was deleted by hand, and its GUID given to other data. */
async function withForeignUnit(options: { readonly attached: boolean }) {
  const installation = install()
  const driver = installation.driver()
  const volume = await driver.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  const guid = logicalUnitGuid('test', volume.id)
  if (options.attached) await driver.attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
  await byHand(installation, 'storage1', `stmfadm delete-lu ${guid}`)
  await byHand(installation, 'storage1', 'zfs create -V 16m tank/other')
  await byHand(
    installation,
    'storage1',
    `stmfadm create-lu -p guid=${guid} /dev/zvol/rdsk/tank/other`,
  )
  const unit = () => installation.world.comstar('storage1').state.find(guid)
  const views = () =>
    installation.world.comstar('storage1').state.views.filter(view => view.guid === guid).length
  return { installation, driver, volume, guid, unit, views }
}

describe('a logical unit of the volume’s GUID that offers other data', () => {
  test('is not deleted with the volume', async () => {
    const { installation, driver, volume, guid, unit } = await withForeignUnit({ attached: false })
    const says = refused(volume.id, '/dev/zvol/rdsk/tank/other', 'other data uses its GUID')
    await expect(driver.volumes.deleteVolume(volume.id)).rejects.toMatchObject(says)
    expect(unit()).toMatchObject({ dataFile: '/dev/zvol/rdsk/tank/other' })
    await byHand(installation, 'storage1', `stmfadm delete-lu ${guid}`)
    await driver.volumes.deleteVolume(volume.id)
    expect(await driver.attachments.listPublished()).toEqual([])
  })

  test('is not resized with the volume', async () => {
    const { driver, volume, unit } = await withForeignUnit({ attached: false })
    const grown = driver.changes.expandVolume(volume.id, { requiredBytes: 32 * MiB, limitBytes: 0 })
    await expect(grown).rejects.toMatchObject(refused(volume.id, '/dev/zvol/rdsk/tank/other'))
    expect(unit()).toMatchObject({ sizeBytes: 16 * MiB })
  })

  test('keeps the view that somebody else made of it', async () => {
    const { installation, driver, volume, guid, views } = await withForeignUnit({ attached: true })
    await byHand(installation, 'storage1', `stmfadm add-view -h csi-m1 -t csi-tg -n 77 ${guid}`)
    const detached = driver.attachments.detach(volume.id, { machine: 'm1', guest: 'ldg1' })
    await expect(detached).rejects.toMatchObject(refused(volume.id, '/dev/zvol/rdsk/tank/other'))
    expect(views()).toBe(1)
  })
})

// ZFS makes a dataset in one transaction and sets its properties in the next.
describe('a dataset under a name of the driver, without properties', () => {
  const unfinished = (dataset: string) => ({
    kind: 'unavailable',
    message: containingAll([dataset, 'has no owner', `zfs destroy ${dataset}`]),
  })

  test('may become the volume that is asked for, and is neither taken nor removed', async () => {
    const installation = install()
    const driver = installation.driver()
    const spec = volumeSpec({ pool: 'gold', name: 'half' })
    const leaf = volumeLeaf('test', 'gold', 'half')
    const dataset = `tank/kubernetes/${leaf}`
    await byHand(installation, 'storage1', `zfs create -V 16m ${dataset}`)
    const source = { kind: 'volume', id: `gold/${leaf}` } as const

    for (const call of [
      () => driver.volumes.getVolume(`gold/${leaf}`),
      () => driver.volumes.deleteVolume(`gold/${leaf}`),
      () => driver.volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'copy', source })),
      () => driver.attachments.attach(attachRequest(`gold/${leaf}`, 'm1/ldg1')),
    ]) {
      await expect(call()).rejects.toMatchObject(unfinished(dataset))
    }
    expect(await driver.audit()).toMatchObject([{ kind: 'without-owner', object: dataset }])

    expect(await driver.volumes.ensureVolume(spec)).toMatchObject({ leaf })
    expect(await driver.audit()).toEqual([])
  })

  test.each([
    { whose: 'nobody', options: '', audited: ['without-owner'] },
    {
      whose: 'another cluster',
      options: ` -o ldom-csi:cluster=${Buffer.from('other').toString('base64url')}`,
      audited: [],
    },
  ])('of $whose keeps no snapshot that was refused', async ({ options, audited }) => {
    const installation = install()
    const driver = installation.driver()
    const leaf = volumeLeaf('test', 'gold', 'half')
    const dataset = `tank/kubernetes/${leaf}`
    await byHand(installation, 'storage1', `zfs create -V 16m${options} ${dataset}`)

    const cut = driver.snapshots.createSnapshot({ name: 'cut', volumeId: `gold/${leaf}` })
    await expect(cut).rejects.toMatchObject({ message: containingAll([dataset]) })

    expect(installation.world.zfs('storage1').dataset(dataset)?.snapshots).toEqual([])
    expect((await driver.audit()).map(({ kind }) => kind)).toEqual(audited)
  })

  test('may become the record of another guest: the volume is attached to nobody', async () => {
    const installation = install()
    const driver = installation.driver()
    const volume = await driver.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    const record = `tank/kubernetes/a-${volume.leaf}`
    await byHand(installation, 'storage1', `zfs create ${record}`)

    const attach = () => driver.attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
    await expect(attach()).rejects.toMatchObject(unfinished(record))
    await expect(driver.volumes.deleteVolume(volume.id)).rejects.toMatchObject(unfinished(record))
    expect(await driver.attachments.listPublished()).toMatchObject([{ publishedTo: [] }])
    expect(await driver.audit()).toMatchObject([{ kind: 'without-owner', object: record }])

    await byHand(installation, 'storage1', `zfs destroy ${record}`)
    await attach()
  })

  test('with the properties of another cluster it is never the driver’s', async () => {
    const installation = install()
    const driver = installation.driver()
    const dataset = `tank/kubernetes/${volumeLeaf('test', 'gold', 'theirs')}`
    const cluster = Buffer.from('other').toString('base64url')
    const create = `zfs create -V 16m -o ldom-csi:cluster=${cluster} ${dataset}`
    await byHand(installation, 'storage1', create)

    const created = driver.volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'theirs' }))
    await expect(created).rejects.toMatchObject(refused(dataset, 'belongs to cluster "other"'))
  })
})

describe('a snapshot under a name of the driver', () => {
  async function withForeignSnapshot(leaf: string) {
    const installation = install()
    const driver = installation.driver()
    const volume = await driver.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    const name = `tank/kubernetes/${volume.leaf}@${leaf}`
    await byHand(installation, 'storage1', `zfs snapshot ${name}`)
    const snapshots = () =>
      installation.world
        .zfs('storage1')
        .datasets()
        .flatMap(dataset => dataset.snapshots.map(snapshot => snapshot.name))
    return { driver, volume, name, snapshots }
  }

  test('that the driver did not make is not deleted', async () => {
    const leaf = `s-${'a'.repeat(20)}`
    const { driver, volume, name, snapshots } = await withForeignSnapshot(leaf)
    const deleted = driver.snapshots.deleteSnapshot(`${volume.id}@${leaf}`)
    await expect(deleted).rejects.toMatchObject(refused(name, 'was not created by this driver'))
    expect(snapshots()).toEqual([name])
  })

  test('through which a volume would be copied is not replaced', async () => {
    const leaf = `c-${volumeLeaf('test', 'gold', 'copy').slice(2)}`
    const { driver, volume, name, snapshots } = await withForeignSnapshot(leaf)
    const copied = driver.volumes.ensureVolume(
      volumeSpec({ pool: 'gold', name: 'copy', source: { kind: 'volume', id: volume.id } }),
    )
    await expect(copied).rejects.toMatchObject(refused(name, 'was not created by this driver'))
    expect(snapshots()).toEqual([name])
  })
})
