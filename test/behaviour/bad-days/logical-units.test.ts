// Logical units that are not what they were, or lead to other bytes.

import { logicalUnitGuid } from '../../../src/storage/names.ts'
import { lie, noLies } from './lies.ts'
import {
  attached,
  type BadDay,
  created,
  Day,
  device,
  expectRefusal,
  known,
  testBadDays,
} from './scene.ts'

const guid = (day: Day) => logicalUnitGuid('test', day.volume.id)

const units = (day: Day) => day.world.comstar('storage1').state

describe('a logical unit', () => {
  testBadDays([
    {
      name: 'whose GUID is taken by other data',
      pool: 'gold',
      before: known,
      trouble: async day => {
        await day.type('storage1', 'zfs create -V 16m tank/other')
        await day.type(
          'storage1',
          `stmfadm create-lu -p guid=${guid(day)} /dev/zvol/rdsk/tank/other`,
        )
      },
      act: created,
      kind: 'failed-precondition',
      says: [
        'gold/v-',
        '/dev/zvol/rdsk/tank/other',
        'other data uses its GUID',
        'delete that unit',
      ],
      leaves: ['volume'],
      over: async day => {
        await day.type('storage1', `stmfadm delete-lu ${guid(day)}`)
        await day.type('storage1', 'zfs destroy tank/other')
      },
    },
    {
      name: 'of another GUID on our volume',
      pool: 'gold',
      before: created,
      trouble: async day => {
        await day.type('storage1', `stmfadm delete-lu ${guid(day)}`)
        await day.type(
          'storage1',
          `stmfadm create-lu -p guid=600144F0${'A'.repeat(24)} ${device(day)}`,
        )
      },
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['gold/v-', 'another GUID', 'stmfadm delete-lu'],
      leaves: ['record'],
      over: day => day.type('storage1', `stmfadm delete-lu 600144F0${'A'.repeat(24)}`),
    },
    {
      name: 'with its write cache on',
      pool: 'gold',
      before: created,
      trouble: async day => {
        await day.type('storage1', `stmfadm delete-lu ${guid(day)}`)
        await day.type('storage1', `stmfadm create-lu -p guid=${guid(day)} ${device(day)}`)
      },
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['gold/v-', 'write cache', 'stmfadm modify-lu -p wcd=true'],
      leaves: ['record'],
      over: async day => {
        await day.type('storage1', `stmfadm delete-lu ${guid(day)}`)
        await day.type(
          'storage1',
          `stmfadm create-lu -p guid=${guid(day)} -p wcd=true ${device(day)}`,
        )
      },
    },
    {
      name: 'that is offline',
      pool: 'gold',
      before: created,
      trouble: day => day.type('storage1', `stmfadm offline-lu ${guid(day)}`),
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['gold/v-', 'Offline', 'stmfadm online-lu'],
      leaves: ['record'],
      over: day => day.type('storage1', `stmfadm online-lu ${guid(day)}`),
    },
    {
      name: 'of another size than its volume',
      pool: 'gold',
      before: created,
      trouble: day => day.type('storage1', `stmfadm modify-lu -s 33554432 ${guid(day)}`),
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['gold/v-', '33554432 bytes', 'stmfadm modify-lu -s 16777216'],
      leaves: ['record'],
      over: day => day.type('storage1', `stmfadm modify-lu -s 16777216 ${guid(day)}`),
    },
    {
      name: 'that a host group sees under another number than recorded',
      pool: 'gold',
      before: created,
      trouble: day =>
        day.type('storage1', `stmfadm add-view -h csi-m1 -t csi-tg -n 16000 ${guid(day)}`),
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['gold/v-', 'host group csi-m1', 'LUN 16000', 'stmfadm remove-view'],
      leaves: ['record'],
      over: day => day.type('storage1', `stmfadm remove-view -l ${guid(day)} 0`),
    },
  ])

  /** The storage host started while its pool was not there. */
  function loseRegistrations(day: Day): void {
    day.zpool().imported = false
    day.world.comstar('storage1').restart()
    day.zpool().imported = true
    expect(units(day).find(guid(day))).toBeUndefined()
  }

  const losses: readonly {
    readonly name: string
    readonly lose: (day: Day) => unknown
    readonly found: string
  }[] = [
    { name: 'lost its registration', lose: loseRegistrations, found: 'not registered' },
    {
      name: 'lost its view',
      lose: day => day.type('storage1', `stmfadm remove-view -l ${guid(day)} 0`),
      found: 'not visible to',
    },
    {
      name: 'was deleted',
      lose: day => day.type('storage1', `stmfadm delete-lu ${guid(day)}`),
      found: 'no logical unit',
    },
  ]

  describe.each(losses)('that $name', ({ lose, found }) => {
    test(
      'while it is attached: audit tells and what to do, publishing it again mends it, and ' +
        'the guest reads its bytes',
      async () => {
        const day = new Day('gold')
        await attached(day)
        day.mark('kept')
        await lose(day)
        expect(() => day.world.machine('m1').guestDisks('ldg1').list()[0]?.read(0, 16)).toThrow()
        const [finding, ...others] = await day.driver.audit()
        expect(others).toEqual([])
        expect(finding).toMatchObject({ object: day.volume.id })
        expect(finding?.detail).toContain(found)
        expect(finding?.detail).toContain('publi')
        const before = day.attachment
        expect(await day.attach()).toEqual(before)
        expect(await day.driver.audit()).toEqual([])
        expect(day.markIn('m1/ldg1')).toBe('kept')
        await day.end()
      },
    )

    test('while it is attached: it is detached and attached elsewhere all the same', async () => {
      const day = new Day('gold')
      await attached(day)
      day.mark('kept')
      await lose(day)
      await day.detach()
      await day.attach('m2/ldg2')
      expect(day.guestsWithDisks()).toEqual(['m2/ldg2'])
      expect(day.markIn('m2/ldg2')).toBe('kept')
      await day.end()
    })

    test('while it is attached: it is detached and deleted all the same', async () => {
      const day = new Day('gold')
      await attached(day)
      await lose(day)
      await day.end()
    })

    test('while it is attached: it grows after it was published again', async () => {
      const day = new Day('gold')
      await attached(day)
      await lose(day)
      const grow = () =>
        day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 32 << 20, limitBytes: 0 })
      await grow().catch(error =>
        expect(error).toMatchObject({
          kind: expect.stringMatching(/^(failed-precondition|unavailable)$/),
        }),
      )
      await day.attach()
      expect(await grow()).toMatchObject({ sizeBytes: 32 << 20 })
      expect(day.world.machine('m1').guestDisks('ldg1').list()[0]?.sizeBytes()).toBe(32 << 20)
      await day.end()
    })
  })
})

describe('paths that are not the same bytes', () => {
  const OTHER = `600144F0${'B'.repeat(24)}`
  const onAlternate: Pick<BadDay, 'pool' | 'before' | 'act' | 'leaves' | 'over'> = {
    pool: 'gold',
    before: created,
    act: day => day.attach(),
    leaves: ['record', 'view'],
    over: noLies,
  }
  testBadDays([
    {
      ...onAlternate,
      name: 'the number leads to a device of another GUID',
      trouble: day =>
        lie(day, { host: 'm1-alternate', program: 'iscsiadm' }, text =>
          text.replaceAll(guid(day), OTHER),
        ),
      kind: 'failed-precondition',
      says: ['gold/v-', 'service domain alternate', OTHER, 'mpxio', 'same storage host'],
    },
    {
      ...onAlternate,
      name: 'the number leads to a device that is not named by a GUID at all',
      trouble: day =>
        lie(day, { host: 'm1-alternate', program: 'iscsiadm' }, text =>
          text.replaceAll(`c0t${guid(day)}d0s2`, 'c4t0d0s2'),
        ),
      kind: 'failed-precondition',
      says: ['gold/v-', 'service domain alternate', '/dev/rdsk/c4t0d0s2', 'mpxio'],
    },
    {
      ...onAlternate,
      name: 'another size',
      trouble: day =>
        lie(day, { host: 'm1-alternate', program: 'iostat' }, text =>
          text.replace(/<\d+ bytes>/, '<33554432 bytes>'),
        ),
      kind: 'failed-precondition',
      says: [
        'gold/v-',
        'service domain alternate',
        '33554432 bytes',
        '16777216',
        'may lead to other bytes',
      ],
    },
    {
      ...onAlternate,
      name: 'the right name under another target',
      trouble: day =>
        lie(day, { host: 'm1-alternate', program: 'iscsiadm' }, text =>
          text.replaceAll(':gold', ':copper'),
        ),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain alternate', 'not logged in', 'iSCSI discovery'],
    },
    {
      ...onAlternate,
      name: 'another device under the right name',
      trouble: day =>
        lie(day, { host: 'm1-alternate', program: 'iostat' }, text =>
          text.replace(/c0t\w+d0/, `c0t${OTHER}d0`),
        ),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain alternate', 'iostat'],
    },
  ])

  // Equal name, number and size and other bytes: only writing could tell, which is the canary's
  // (canary.test.ts).
  test('a path that lies about its device is not exported by any service domain', async () => {
    const day = new Day('gold')
    await day.create()
    lie(day, { host: 'm1-alternate', program: 'iscsiadm' }, text =>
      text.replaceAll(guid(day), OTHER),
    )
    await expectRefusal(day, () => day.attach(), {
      kind: 'failed-precondition',
      says: [],
      leaves: ['record', 'view'],
    })
    expect(await day.type('m1-primary', 'ldm list-services -p')).not.toContain('vol=v-')
    noLies(day)
    await day.end()
  })
})
