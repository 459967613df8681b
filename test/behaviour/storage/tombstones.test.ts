// Deleted volumes that waited: each goes as soon as nothing needs it, whatever was cut and whatever
// another controller did meanwhile, and never while a guest may have it.

import { logicalUnitGuid } from '../../../src/storage/names.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { byHand } from '../../support/meddling.ts'

const PARENTS = {
  gold: ['storage1', 'tank/kubernetes'],
  silver: ['m1-primary', 'mtank/kubernetes'],
} as const

function scene(pool: keyof typeof PARENTS) {
  const installation = install()
  const driver = installation.driver()
  const [host, parent] = PARENTS[pool]
  const volumeNames = () =>
    installation.world
      .zfs(host)
      .datasets()
      .flatMap(({ name }) =>
        name.startsWith(`${parent}/v-`) ? [name.slice(parent.length + 1)] : [],
      )
  const make = (name: string, id?: string) =>
    driver.volumes.ensureVolume(
      volumeSpec({
        pool,
        name,
        size: { requiredBytes: 0, limitBytes: 0 },
        source: id === undefined ? { kind: 'empty' } : { kind: 'volume', id },
      }),
    )
  return { installation, driver, host, parent, volumeNames, make }
}

/**
 * A deleted volume that waits for its snapshot, and whose logical unit another controller made anew
 * meanwhile.
 */
async function withUnit() {
  const found = scene('gold')
  const { installation, driver, make, host, parent } = found
  const volume = await make('pvc-1')
  const snapshot = await driver.snapshots.createSnapshot({ name: 's', volumeId: volume.id })
  await driver.volumes.deleteVolume(volume.id)
  const guid = logicalUnitGuid('test', volume.id)
  await byHand(
    installation,
    host,
    `stmfadm create-lu -p guid=${guid} -p wcd=true /dev/zvol/rdsk/${parent}/${volume.leaf}`,
  )
  return {
    ...found,
    volume,
    snapshot,
    guid,
    unit: () => installation.world.comstar(host).state.find(guid),
  }
}

describe('a deleted volume whose logical unit was made anew', () => {
  test('goes with its last snapshot, and the unit too', async () => {
    const { driver, snapshot, unit, volumeNames } = await withUnit()
    await driver.snapshots.deleteSnapshot(snapshot.id)
    expect(volumeNames()).toEqual([])
    expect(unit()).toBeUndefined()
    expect(await driver.audit()).toEqual([])
  })

  test(
    'waits while somebody sees the unit, keeps no other waiting, and says so when it is ' +
      'deleted again',
    async () => {
      const { installation, driver, host, make, volume, snapshot, guid, unit, volumeNames } =
        await withUnit()
      const other = await make('pvc-2')
      const cut = await driver.snapshots.createSnapshot({ name: 't', volumeId: other.id })
      await driver.volumes.deleteVolume(other.id)
      await byHand(installation, host, `stmfadm add-view -h csi-m1 -t csi-tg -n 77 ${guid}`)
      await driver.snapshots.deleteSnapshot(snapshot.id)
      await byHand(
        installation,
        host,
        `zfs destroy tank/kubernetes/${cut.id.slice('gold/'.length)}`,
      )
      expect(await driver.reaper.sweep()).toBe(1)
      expect(volumeNames()).toEqual([volume.leaf])
      expect(unit()).toBeDefined()
      await expect(driver.volumes.deleteVolume(volume.id)).rejects.toMatchObject({
        kind: 'in-use',
        message: expect.stringContaining('csi-m1'),
      })
      await byHand(installation, host, `stmfadm remove-view -l ${guid} 0`)
      expect(await driver.reaper.sweep()).toBe(1)
      expect(volumeNames()).toEqual([])
      expect(unit()).toBeUndefined()
    },
  )
})

test('a deleted volume that is recorded as attached waits for its detachment', async () => {
  const { installation, driver, host, make, volumeNames } = scene('silver')
  const volume = await make('pvc-1')
  await driver.attachments.attach(attachRequest(volume.id))
  // As another controller leaves it that deleted the volume between two looks of this one; nothing
  // holds it open.
  await byHand(
    installation,
    host,
    `zfs set ldom-csi:state=${Buffer.from('deleted').toString('base64url')} ` +
      `mtank/kubernetes/${volume.leaf}`,
  )
  const machine = installation.world.machine('m1')
  const names = machine.state().domains.flatMap(({ vdisks }) => vdisks.map(({ name }) => name))
  const name = names.find(each => each.startsWith(volume.leaf))
  await byHand(installation, 'm1-primary', `ldm rm-vdisk ${name} ldg2`)
  await byHand(installation, 'm1-primary', `ldm rm-vdsdev ${name}@primary-vds0`)
  expect(await driver.reaper.sweep()).toBe(0)
  expect(volumeNames()).toEqual([volume.leaf])
  await driver.attachments.detach(volume.id, { machine: 'm1', guest: 'ldg2' })
  expect(await driver.reaper.sweep()).toBe(1)
  expect(volumeNames()).toEqual([])
})

describe.each(['silver', 'gold'] as const)('in pool %s', pool => {
  test(
    'a name is made anew at once where its deleted volume waited for nothing, and what that ' +
      'was made from goes too',
    async () => {
      const { installation, driver, host, parent, make, volumeNames } = scene(pool)
      const first = await make('a')
      const second = await make('b', first.id)
      const third = await make('c', second.id)
      for (const { id } of [first, second]) await driver.volumes.deleteVolume(id)
      // As a cut between a copy and what it was made from leaves it.
      if (pool === 'gold') {
        await byHand(installation, host, `stmfadm delete-lu ${logicalUnitGuid('test', third.id)}`)
      }
      await byHand(installation, host, `zfs destroy ${parent}/${third.leaf}`)
      expect(volumeNames().toSorted()).toEqual([first.leaf, second.leaf].toSorted())
      expect((await make('b')).id).toBe(second.id)
      expect(volumeNames()).toEqual([second.leaf])
      expect(await driver.audit()).toEqual([])
    },
  )

  test('a deadline that passes while a copy is destroyed does not keep what it was made from', async () => {
    const { installation, driver, make, volumeNames } = scene(pool)
    const source = await make('a')
    const copy = await make('b', source.id)
    await driver.volumes.deleteVolume(source.id)
    const deadline = new AbortController()
    installation.world.timeline.rules.push(argv => {
      if (
        argv.slice(0, 2).join(' ') === '/usr/sbin/zfs destroy' &&
        argv.at(-1)?.endsWith(copy.leaf)
      ) {
        deadline.abort()
      }
      return undefined
    })
    await driver.volumes.deleteVolume(copy.id, deadline.signal).catch(() => {})
    expect(deadline.signal.aborted).toBe(true)
    expect(volumeNames()).toEqual([])
  })
})
