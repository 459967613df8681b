// What the audit sees of deleted volumes, of records and of exports that nothing explains, and that
// its work grows with what there is, not faster.

import type { Hypervisor } from '../../../src/hypervisors/hypervisor.ts'
import { audit } from '../../../src/storage/audit/audit.ts'
import {
  formatParentProperties,
  formatRecordProperties,
} from '../../../src/storage/catalog/properties.ts'
import {
  guestRecordLeaf,
  logicalUnitGuid,
  releasingRecordLeaf,
} from '../../../src/storage/names.ts'
import type { Pool } from '../../../src/storage/pool.ts'
import {
  attachRequest,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { byHand } from '../../support/meddling.ts'

function scene() {
  const installation = install()
  const driver = installation.driver()
  const make = (name: string, pool = 'gold') =>
    driver.volumes.ensureVolume(volumeSpec({ pool, name }))
  const findings = async () =>
    (await driver.audit()).map(({ kind, object, detail }) => `${kind} ${object}: ${detail}`)
  return { installation, driver, make, findings }
}

/** A volume that was deleted and waits for a snapshot of the driver. */
async function waiting() {
  const found = scene()
  const { installation, driver, make } = found
  const volume = await make('pvc-1')
  const snapshot = await driver.snapshots.createSnapshot({ name: 's', volumeId: volume.id })
  const dataset = `tank/kubernetes/${volume.leaf}`
  const storage = (command: string) => byHand(installation, 'storage1', command)
  return { ...found, volume, snapshot, dataset, storage, guid: logicalUnitGuid('test', volume.id) }
}

describe('a deleted volume', () => {
  test('that waits for a snapshot of the driver is no finding', async () => {
    const { driver, volume, findings } = await waiting()
    await driver.volumes.deleteVolume(volume.id)
    expect(await findings()).toEqual([])
  })

  test('that waits for snapshots of others is told with their names', async () => {
    const { driver, volume, snapshot, dataset, storage, findings } = await waiting()
    for (const day of [1, 2, 3, 4, 5]) await storage(`zfs snapshot ${dataset}@daily-${day}`)
    await driver.volumes.deleteVolume(volume.id)
    await driver.snapshots.deleteSnapshot(snapshot.id)
    expect(await findings()).toEqual([
      `deleted-volume ${volume.id}: was deleted, and waits for ${dataset}@daily-1, ` +
        `${dataset}@daily-2, ${dataset}@daily-3 and 2 more, ` +
        'not created by this driver; destroy those that nobody needs, then the controller destroys it',
    ])
    for (const day of [1, 2, 3, 4, 5]) await storage(`zfs destroy ${dataset}@daily-${day}`)
    await driver.reaper.sweep()
    expect(await findings()).toEqual([])
  })

  test('whose deleted snapshot somebody has cloned is told', async () => {
    const { driver, volume, snapshot, dataset, storage, findings } = await waiting()
    await storage(`zfs clone ${dataset}@${snapshot.id.split('@')[1]} tank/mine`)
    await driver.volumes.deleteVolume(volume.id)
    await driver.snapshots.deleteSnapshot(snapshot.id)
    expect(await findings()).toEqual([
      expect.stringMatching(
        /^deleted-volume gold\/v-.* waits for a clone or a hold .* of .*@d-[a-z2-7]{20}, not created by this driver/,
      ),
    ])
    await storage('zfs destroy tank/mine')
    await driver.reaper.sweep()
    expect(await findings()).toEqual([])
  })

  test('that nothing needs is told until the next round', async () => {
    const { driver, volume, snapshot, dataset, storage, findings } = await waiting()
    await driver.volumes.deleteVolume(volume.id)
    await storage(`zfs destroy ${dataset}@${snapshot.id.split('@')[1]}`)
    expect(await findings()).toEqual([
      expect.stringContaining(
        `deleted-volume ${volume.id}: was deleted, and nothing depends on it`,
      ),
    ])
    await driver.reaper.sweep()
    expect(await findings()).toEqual([])
  })

  test('with a logical unit that a machine sees is told with the host group', async () => {
    const { driver, volume, dataset, storage, guid, findings } = await waiting()
    await driver.volumes.deleteVolume(volume.id)
    await storage(`stmfadm create-lu -p guid=${guid} -p wcd=true /dev/zvol/rdsk/${dataset}`)
    expect(await findings()).toEqual([
      expect.stringMatching(`^logical-unit ${volume.id}: .*${guid}.* .visible to nobody`),
    ])
    await storage(`stmfadm add-view -h csi-m1 -t csi-tg -n 77 ${guid}`)
    expect(await findings()).toEqual([
      expect.stringMatching(`^logical-unit ${volume.id}: .*${guid}.* .visible to csi-m1.$`),
    ])
  })

  test('that a machine exports is told as that volume', async () => {
    const { installation, driver, make, findings } = scene()
    const volume = await make('pvc-1', 'silver')
    await driver.snapshots.createSnapshot({ name: 's', volumeId: volume.id })
    await driver.volumes.deleteVolume(volume.id)
    await byHand(
      installation,
      'm1-primary',
      `ldm add-vdsdev /dev/zvol/dsk/mtank/kubernetes/${volume.leaf} byhand@primary-vds0`,
    )
    const what =
      `exports /dev/zvol/dsk/mtank/kubernetes/${volume.leaf} of deleted volume ` + `${volume.id}`
    expect(await findings()).toEqual([
      `export-without-record byhand@primary-vds0 on m1: ${what}; remove it when nobody uses ` +
        'it: ldm rm-vdsdev byhand@primary-vds0',
    ])
  })
})

describe('a record', () => {
  /** A dataset below the parent of pool silver, with these properties. */
  async function makeRecord(
    installation: TestInstallation,
    leaf: string,
    properties: Readonly<Record<string, string>>,
  ) {
    const set = Object.entries(properties).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    await byHand(
      installation,
      'm1-primary',
      ['zfs', 'create', ...set, `mtank/kubernetes/${leaf}`].join(' '),
    )
  }

  async function attached() {
    const found = scene()
    const volume = await found.make('pvc-1', 'silver')
    const attachment = await found.driver.attachments.attach(attachRequest(volume.id))
    return { ...found, volume, attachment }
  }

  test('of a second guest below that of a volume for one guest is told with both', async () => {
    const { installation, volume, attachment, findings } = await attached()
    const other = { ...attachment, guest: { machine: 'm1', guest: 'ldg1' } }
    await makeRecord(
      installation,
      `a-${volume.leaf}/${guestRecordLeaf(other.guest)}`,
      formatRecordProperties(other, 'test'),
    )
    expect(await findings()).toEqual([
      expect.stringMatching(`^attachment-incomplete ${volume.id}: recorded as attached to m1/ldg1`),
      expect.stringMatching(
        `^recorded-twice ${volume.id}: is exclusive, but recorded for m1/ldg1 and m1/ldg2;`,
      ),
    ])
  })

  test('of a volume that no guest is recorded to have is told, until it is detached', async () => {
    const { installation, driver, make, findings } = scene()
    const guest = { machine: 'm1', guest: 'ldg2' }
    for (const sharing of ['exclusive', 'shared'] as const) {
      const volume = await make(sharing, 'silver')
      await makeRecord(
        installation,
        `a-${volume.leaf}`,
        formatParentProperties({ sharing, guest }, 'test'),
      )
      const kept = sharing === 'shared' ? 'as shared' : 'for m1/ldg2'
      expect(await findings()).toEqual([
        expect.stringMatching(
          `^record-without-guest ${volume.id}: is recorded ${kept}, but no guest`,
        ),
      ])
      await driver.attachments.detach(volume.id, guest)
      expect(await findings()).toEqual([])
    }
  })

  test('whose detachment was begun and not ended is told', async () => {
    const { installation, driver, volume, attachment, findings } = await attached()
    const [held, releasing] = [
      guestRecordLeaf(attachment.guest),
      releasingRecordLeaf(attachment.guest),
    ]
    const record = `mtank/kubernetes/a-${volume.leaf}`
    await byHand(installation, 'm1-primary', `zfs rename ${record}/${held} ${record}/${releasing}`)
    expect(await findings()).toEqual([
      expect.stringMatching(
        `^attachment-incomplete ${volume.id}: its detachment from m1/ldg2 was started but not ` +
          `finished .*${releasing}`,
      ),
    ])
    await driver.attachments.detach(volume.id, attachment.guest)
    expect(await findings()).toEqual([])
  })
})

/**
 * The pools of a driver, seen through what counts how often an export or a disk of a machine is
 * looked at.
 */
function counted(
  pools: ReadonlyMap<string, Pool>,
  looks: { count: number },
): ReadonlyMap<string, Pool> {
  const each = <T extends object>(object: T): T =>
    new Proxy(object, {
      get: (target, key) => {
        looks.count += 1
        return Reflect.get(target, key)
      },
    })
  const watched = (hypervisor: Hypervisor): Hypervisor => ({
    machine: hypervisor.machine,
    traits: hypervisor.traits,
    words: hypervisor.words,
    observe: async signal => {
      const state = await hypervisor.observe(signal)
      return { ...state, uses: state.uses.map(each) }
    },
    attach: (wanted, view, signal) => hypervisor.attach(wanted, view, signal),
    remove: (uses, options, signal) => hypervisor.remove(uses, options, signal),
    settled: (names, signal) => hypervisor.settled(names, signal),
    examine: (questions, signal) => hypervisor.examine(questions, signal),
  })
  return new Map(
    [...pools].map(([name, pool]) => {
      const machines = [...pool.machines].map(
        ([machine, each]) => [machine, { ...each, hypervisor: watched(each.hypervisor) }] as const,
      )
      return [name, { ...pool, machines: new Map(machines) }]
    }),
  )
}

/**
 * How often the audit looks at exports and disks: `each` volumes are attached, and as many exported
 * by hand.
 */
async function looksOf(each: number): Promise<number> {
  const { installation, driver, make } = scene()
  for (let at = 0; at < each; at++) {
    const attached = await make(`a${at}`, 'silver')
    await driver.attachments.attach(attachRequest(attached.id))
    const { leaf } = await make(`b${at}`, 'silver')
    await byHand(
      installation,
      'm1-primary',
      `ldm add-vdsdev /dev/zvol/dsk/mtank/kubernetes/${leaf} byhand${at}@primary-vds0`,
    )
  }
  const looks = { count: 0 }
  expect(await audit(counted(driver.pools, looks))).toHaveLength(each)
  return looks.count
}

test('every export and every disk is looked at the same number of times, however many there are', async () => {
  expect((await looksOf(12)) / 12).toBe((await looksOf(4)) / 4)
})
