// Pools that are full, suspended or gone, service domains without what they should have, logical
// units that are not what they were.

import { logicalUnitGuid } from '../../../src/storage/names.ts'
import { attached, type BadDay, created, Day, expectRefusal, testBadDays } from './scene.ts'

const guid = (day: Day) => logicalUnitGuid('test', day.volume.id)
const units = (day: Day) => day.world.comstar('storage1').state
const device = (day: Day) => `/dev/zvol/rdsk/${day.place.dataset}`

/** Of a volume that does not exist yet: it is made to learn its name, and taken away again. */
const known = async (day: Day) => {
  await day.create()
  await day.delete()
}

/** What a program of the host says passes through here. */
function lie(day: Day, host: string, program: string, change: (stdout: string) => string): void {
  const { programs } = day.world.host(host)
  const honest = programs.get(program)
  if (honest === undefined) throw new Error(`${host} has no ${program}`)
  programs.set(program, async (args, context) => {
    const answer = await honest(args, context)
    return { ...answer, stdout: change(answer.stdout) }
  })
  honestAgain.set(day, () => programs.set(program, honest))
}
const honestAgain = new WeakMap<Day, () => void>()
const noLies = (day: Day) => honestAgain.get(day)?.()

describe.each(['silver', 'gold'] as const)('pool %s', pool => {
  const full: Pick<BadDay, 'pool' | 'trouble' | 'over'> = {
    pool,
    trouble: day => {
      day.zpool().full = true
    },
    over: day => {
      day.zpool().full = false
    },
  }
  const suspended: Pick<BadDay, 'pool' | 'trouble' | 'over' | 'kind'> = {
    pool,
    kind: 'unavailable',
    trouble: day => {
      day.zpool().suspended = true
    },
    over: day => {
      day.zpool().suspended = false
    },
  }
  const gone: Pick<BadDay, 'pool' | 'trouble' | 'over' | 'kind'> = {
    pool,
    kind: 'unavailable',
    trouble: day => {
      day.zpool().imported = false
    },
    over: day => {
      day.zpool().imported = true
    },
  }
  const parent = pool === 'silver' ? 'mtank/kubernetes' : 'tank/kubernetes'
  const calls: readonly Pick<BadDay, 'name' | 'before' | 'act'>[] = [
    { name: 'a creation', before: known, act: created },
    { name: 'a deletion', before: created, act: day => day.delete() },
    { name: 'an attachment', before: created, act: day => day.attach() },
    { name: 'a detachment', before: attached, act: day => day.detach() },
    { name: 'a list', before: created, act: day => day.driver.attachments.listPublished() },
    {
      name: 'a look at one volume',
      before: created,
      act: day => day.driver.volumes.getVolume(day.volume.id),
    },
    {
      name: 'an expansion',
      before: created,
      act: day =>
        day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 32 << 20, limitBytes: 0 }),
    },
    {
      name: 'a snapshot',
      before: created,
      act: async day => {
        const { id } = await day.driver.snapshots.createSnapshot({
          name: 'snap',
          volumeId: day.volume.id,
        })
        await day.driver.snapshots.deleteSnapshot(id)
      },
    },
  ]

  testBadDays([
    {
      ...full,
      name: 'full: a creation',
      before: known,
      act: created,
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'reservation: thin', 'free space in'],
    },
    {
      ...full,
      name: 'full: an expansion',
      before: created,
      act: day =>
        day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 32 << 20, limitBytes: 0 }),
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'free space in'],
    },
    {
      name: 'full: an attachment, whose record finds no room',
      pool,
      before: created,
      // The words are recorded of a volume; the simulated pool lets a file system in.
      trouble: ({ world }) =>
        world.timeline.rules.push(argv =>
          argv[1] === 'create'
            ? {
                kind: 'answer',
                answer: {
                  exitStatus: 1,
                  stdout: '',
                  stderr: `cannot create '${argv.at(-1)}': out of space\n`,
                },
              }
            : undefined,
        ),
      act: day => day.attach(),
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'record of its attachment', 'free space in'],
      over: ({ world }) => world.timeline.rules.pop(),
    },
    {
      ...full,
      name: 'full: a snapshot',
      before: created,
      act: async day => {
        const { id } = await day.driver.snapshots.createSnapshot({
          name: 'snap',
          volumeId: day.volume.id,
        })
        await day.driver.snapshots.deleteSnapshot(id)
      },
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'snapshot', 'free space in'],
    },
    {
      ...full,
      name: 'full: a reservation',
      before: day => day.create({ parameters: { reservation: 'thin' } }),
      act: day => day.driver.changes.modifyVolume(day.volume.id, { reservation: 'thick' }),
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'reservation', 'free space in'],
    },
    ...calls.map(call => ({
      ...call,
      ...suspended,
      name: `suspended: ${call.name}`,
      says: [parent, 'suspended', 'zpool status'],
    })),
    ...calls.map(call => ({
      ...call,
      ...gone,
      name: `not imported: ${call.name}`,
      says: [parent, 'imported'],
    })),
  ])

  test('full: a volume that is attached is detached and deleted all the same', async () => {
    const day = new Day(pool)
    await attached(day)
    full.trouble(day)
    await day.end()
  })
})

describe('what a service domain should have', () => {
  testBadDays([
    {
      name: 'a missing vds',
      before: async day => {
        await day.create()
        await day.type('m1-primary', 'ldm rm-vds primary-vds0')
      },
      trouble: () => {},
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['silver/v-', 'm1', 'primary-vds0', 'ldm add-vds'],
      leaves: ['record'],
      over: day => day.type('m1-primary', 'ldm add-vds primary-vds0 primary'),
    },
    {
      name: 'a missing vds of the second path',
      pool: 'gold',
      before: async day => {
        await day.create()
        await day.type('m1-primary', 'ldm rm-vds alternate-vds0')
      },
      trouble: () => {},
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['gold/v-', 'm1', 'alternate-vds0', 'ldm add-vds'],
      leaves: ['record', 'view', 'export'],
      over: day => day.type('m1-primary', 'ldm add-vds alternate-vds0 alternate'),
    },
    {
      name: 'a missing backend: the volume has no device node',
      before: created,
      trouble: day => lieAboutDevices(day, 'm1-primary', () => undefined),
      act: day => day.attach(),
      kind: 'unavailable',
      says: [
        'silver/v-',
        'service domain primary',
        '/dev/zvol/dsk/mtank/kubernetes/v-',
        'imported',
        'device template',
      ],
      leaves: ['record'],
      over: noLies,
    },
    {
      name: 'a missing backend: the storage network of one service domain is down',
      pool: 'gold',
      before: created,
      trouble: day => {
        day.world.initiator('m1-alternate').connected = false
      },
      act: day => day.attach(),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain alternate', 'no connection', 'iSCSI discovery'],
      leaves: ['record', 'view'],
      over: day => {
        day.world.initiator('m1-alternate').connected = true
      },
    },
    {
      name: 'a missing backend: the target of the storage host is offline',
      pool: 'gold',
      before: created,
      trouble: day => {
        day.world.comstar('storage1').targetOnline = false
      },
      act: day => day.attach(),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain', "the storage host's target"],
      leaves: ['record', 'view'],
      over: day => {
        day.world.comstar('storage1').targetOnline = true
      },
    },
    {
      name: 'the target framework of the storage host is off',
      pool: 'gold',
      before: created,
      trouble: day => {
        day.world.comstar('storage1').serviceOnline = false
      },
      act: day => day.attach(),
      kind: 'unavailable',
      says: ['logical unit', 'svcadm enable stmf', 'in maintenance, run svcadm clear stmf'],
      leaves: ['record'],
      over: day => {
        day.world.comstar('storage1').serviceOnline = true
      },
    },
  ])

  test('a device node that comes a little later is waited for', async () => {
    const day = new Day('gold')
    await day.create()
    day.world.initiator('m1-alternate').slowEnumerations = 3
    await day.attach()
    await day.end()
  })
})

function lieAboutDevices(day: Day, host: string, change: () => undefined): void {
  const { devices } = day.world.host(host)
  const honest = devices.splice(0, devices.length, change)
  honestAgain.set(day, () => devices.splice(0, devices.length, ...honest))
}

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
      says: ['gold/v-', '/dev/zvol/rdsk/tank/other', 'GUID is taken', 'delete that unit'],
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
        lie(day, 'm1-alternate', 'iscsiadm', text => text.replaceAll(guid(day), OTHER)),
      kind: 'failed-precondition',
      says: ['gold/v-', 'service domain alternate', OTHER, 'mpxio', 'same storage host'],
    },
    {
      ...onAlternate,
      name: 'the number leads to a device that is not named by a GUID at all',
      trouble: day =>
        lie(day, 'm1-alternate', 'iscsiadm', text =>
          text.replaceAll(`c0t${guid(day)}d0s2`, 'c4t0d0s2'),
        ),
      kind: 'failed-precondition',
      says: ['gold/v-', 'service domain alternate', '/dev/rdsk/c4t0d0s2', 'mpxio'],
    },
    {
      ...onAlternate,
      name: 'another size',
      trouble: day =>
        lie(day, 'm1-alternate', 'iostat', text => text.replace(/<\d+ bytes>/, '<33554432 bytes>')),
      kind: 'failed-precondition',
      says: ['gold/v-', 'service domain alternate', '33554432 bytes', '16777216', 'refused'],
    },
    {
      ...onAlternate,
      name: 'the right name under another target',
      trouble: day =>
        lie(day, 'm1-alternate', 'iscsiadm', text => text.replaceAll(':gold', ':copper')),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain alternate', 'not logged in', 'iSCSI discovery'],
    },
    {
      ...onAlternate,
      name: 'another device under the right name',
      trouble: day =>
        lie(day, 'm1-alternate', 'iostat', text => text.replace(/c0t\w+d0/, `c0t${OTHER}d0`)),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain alternate', 'iostat'],
    },
  ])

  // Equal name, number and size and other bytes: only writing could tell, which is the canary's
  // (canary.test.ts).
  test('a path that lies about its device is not exported by any service domain', async () => {
    const day = new Day('gold')
    await day.create()
    lie(day, 'm1-alternate', 'iscsiadm', text => text.replaceAll(guid(day), OTHER))
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
