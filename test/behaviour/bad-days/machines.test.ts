// Guests that cannot take or give a disk now, and disks that others made.

import { attachmentName } from '../../../src/storage/names.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../../support/node.ts'
import { attached, type BadDay, created, Day, expectRefusal, m1, testBadDays } from './scene.ts'

/** Where the volume's bytes are in the domain primary of m1. */
async function foreignDevice(day: Day): Promise<string> {
  if (day.pool === 'silver') return `/dev/zvol/dsk/${day.place.dataset}`
  // An administrator who shows the unit to the machine; the view is not ours either.
  await day.attach('m1/ldg1')
  const disks = await day.type('m1-primary', 'ldm list-bindings -p')
  const device = /dev=(\/dev\/dsk\/\S*?)\|/.exec(disks)?.[1] ?? ''
  const { guid, hostGroup, targetGroup, lun } = day.world.comstar('storage1').views()[0] ?? {}
  await day.detach('m1/ldg1')
  await day.type('storage1', `stmfadm add-view -h ${hostGroup} -t ${targetGroup} -n ${lun} ${guid}`)
  await day.type('m1-primary', 'devfsadm -i iscsi')
  return device
}

async function foreign(
  day: Day,
  says: readonly string[],
  vdisk: string,
  device: string,
): Promise<void> {
  await expectRefusal(day, () => day.attach(), {
    kind: 'failed-precondition',
    says: [day.volume.id, 'without a record', ...says],
  })
  await expectRefusal(day, () => day.delete(), {
    kind: 'in-use',
    says: [day.volume.id, 'machine m1', `${device}@primary-vds0`, 'remove it there (ldm rm-vdisk'],
  })
  expect((await day.driver.audit()).map(finding => finding.kind)).toContain('export-without-record')
  await day.type('m1-primary', `ldm rm-vdisk ${vdisk}`)
  await day.type('m1-primary', `ldm rm-vdsdev ${device}@primary-vds0`)
  await day.attach()
  expect(day.guestsWithDisks()).toEqual(['m1/ldg1'])
  await day.end()
}

describe.each(['silver', 'gold'] as const)('pool %s', pool => {
  const attach: Pick<BadDay, 'pool' | 'before' | 'act' | 'kind'> = {
    pool,
    before: created,
    act: day => day.attach(),
    kind: 'unavailable',
  }
  const detach: Pick<BadDay, 'pool' | 'before' | 'act' | 'kind'> = {
    pool,
    before: attached,
    act: day => day.detach(),
    kind: 'unavailable',
  }

  const inactive: Pick<BadDay, 'trouble' | 'over'> = {
    trouble: day => m1(day).setGuest('ldg1', { state: 'inactive' }),
    over: day => m1(day).setGuest('ldg1', { state: 'active' }),
  }
  const prompt: Pick<BadDay, 'trouble' | 'over'> = {
    trouble: day => m1(day).setGuest('ldg1', { os: false }),
    over: day => m1(day).setGuest('ldg1', { os: true }),
  }
  const migrating: Pick<BadDay, 'trouble' | 'over'> = {
    trouble: day => m1(day).setMigrating('ldg1', true),
    over: day => m1(day).setMigrating('ldg1', false),
  }
  const stopping: Pick<BadDay, 'trouble' | 'over'> = {
    trouble: day => m1(day).setGuest('ldg1', { state: 'stopping', os: true }),
    over: day => m1(day).setGuest('ldg1', { state: 'active', os: true }),
  }
  const delayed: Pick<BadDay, 'trouble' | 'over'> = {
    trouble: day => m1(day).setDelayedReconfiguration(true),
    over: day => m1(day).setDelayedReconfiguration(false),
  }

  testBadDays([
    {
      ...attach,
      ...inactive,
      name: 'a guest that is not started: attaching',
      says: ['m1/ldg1', 'not running', 'ldm start'],
    },
    {
      ...attach,
      ...prompt,
      name: 'a guest at the firmware prompt: attaching',
      says: ['m1/ldg1', 'firmware prompt', 'boot it'],
    },
    {
      ...attach,
      ...migrating,
      name: 'a guest that migrates: attaching',
      says: ['m1/ldg1', 'in transition', 'migrating'],
    },
    {
      ...detach,
      ...migrating,
      name: 'a guest that migrates: detaching',
      says: ['m1/ldg1', 'in transition', 'migrating'],
    },
    {
      ...attach,
      ...stopping,
      name: 'a guest that is being stopped: attaching',
      says: ['m1/ldg1', 'in transition', 'stopping'],
    },
    {
      ...detach,
      ...stopping,
      name: 'a guest that is being stopped: detaching',
      says: ['m1/ldg1', 'in transition', 'stopping'],
    },
    {
      ...attach,
      ...delayed,
      name: 'delayed reconfiguration: attaching',
      says: ['machine m1', 'delayed reconfiguration', 'ldm cancel-reconf primary'],
    },
    {
      ...detach,
      ...delayed,
      name: 'delayed reconfiguration: detaching',
      says: ['machine m1', 'delayed reconfiguration', 'ldm cancel-reconf primary'],
    },
    {
      ...attach,
      name: 'a guest that does not exist',
      kind: 'not-found',
      trouble: day => m1(day).removeGuest('ldg1'),
      says: ['m1/ldg1', 'does not exist', 'machine m1'],
      over: day => m1(day).addGuest({ name: 'ldg1', platform: 'solaris' }),
    },
    {
      ...attach,
      name: 'a machine without channels for one more disk',
      kind: 'no-space',
      trouble: day => {
        m1(day).ldcBudget = 15
      },
      says: ['ldg1', 'LDCs are required', 'channel'],
      leaves: ['record', 'view', 'export'],
      over: day => {
        m1(day).ldcBudget = 4080
      },
    },
    {
      ...detach,
      name: 'a disk that the guest has mounted: the guest says why',
      kind: 'busy',
      before: async day => {
        await attached(day)
        await day.installation.node('m1/ldg1').stage(stageRequest(day.volume, day.attachment))
      },
      trouble: () => {},
      says: ['ldg1', 'the guest refuses', '/dev/dsk/c0d', `mounted filesystem "${STAGING}"`],
      over: day =>
        day.installation.node('m1/ldg1').unstage({ volumeId: day.volume.id, stagingPath: STAGING }),
    },
    {
      ...detach,
      name: 'a disk that a process of the guest has open',
      kind: 'busy',
      before: attached,
      trouble: day => m1(day).guestDisks('ldg1').list()[0]?.holders.set('open 1', undefined),
      says: ['ldg1', 'could not be removed'],
      over: day => m1(day).guestDisks('ldg1').list()[0]?.holders.clear(),
    },
  ])

  test('a linux guest does not object to losing a mounted disk, so its plugin does before', async () => {
    const day = new Day(pool)
    await day.create()
    await day.attach('m1/ldg2')
    const node = day.installation.node('m1/ldg2')
    await node.stage(stageRequest(day.volume, day.attachment))
    await node.publish(publishRequest(day.volume, day.attachment))
    const unstage = () => node.unstage({ volumeId: day.volume.id, stagingPath: STAGING })
    await expectRefusal(day, unstage, {
      kind: 'busy',
      says: [day.volume.id, TARGET, 'unpublish it there'],
    })
    await node.unpublish({ volumeId: day.volume.id, targetPath: TARGET })
    const end = day.world.guest('m1/ldg2').holdOpen(`${STAGING}/file`)
    await expectRefusal(day, unstage, { kind: 'busy', says: [STAGING, 'busy', 'process'] })
    end()
    await unstage()
    await day.end()
  })

  test('a guest that was stopped gives its disk back, and gets it when it is started', async () => {
    const day = new Day(pool)
    await attached(day)
    inactive.trouble(day)
    await day.detach()
    inactive.over(day)
    expect(day.guestsWithDisks()).toEqual([])
    await day.attach()
    expect(day.guestsWithDisks()).toEqual(['m1/ldg1'])
    await day.end()
  })

  test('a guest of the same name on another machine is another guest', async () => {
    const day = new Day('gold')
    await day.create()
    await day.attach('m1/ldg1')
    await expectRefusal(day, () => day.attach('m2/ldg1'), {
      kind: 'in-use',
      says: [day.volume.id, 'm1/ldg1', 'detach it there'],
    })
    await day.detach('m2/ldg1')
    expect(day.guestsWithDisks()).toEqual(['m1/ldg1'])
    await day.detach('m1/ldg1')
    await day.attach('m2/ldg1')
    expect(day.guestsWithDisks()).toEqual(['m2/ldg1'])
    await day.end()
  })

  test('a guest that is gone from every machine gives its volume back', async () => {
    const day = new Day(pool)
    await attached(day)
    m1(day).removeGuest('ldg1')
    await day.detach()
    await day.attach('m1/ldg2')
    expect(day.guestsWithDisks()).toEqual(['m1/ldg2'])
    await day.end()
  })

  test('a disk that others made on the volume: by its device', async () => {
    const day = new Day(pool)
    await day.create()
    const device = await foreignDevice(day)
    await day.type('m1-primary', `ldm add-vdsdev ${device} theirs@primary-vds0`)
    await day.type('m1-primary', 'ldm add-vdisk their-disk theirs@primary-vds0 ldg2')
    await foreign(
      day,
      ['their-disk', 'ldg2', 'theirs@primary-vds0', 'machine m1', 'ldm rm-vdisk'],
      'their-disk ldg2',
      'theirs',
    )
  })

  test('a disk that others made on the volume: by our own name for another guest', async () => {
    const day = new Day(pool)
    await day.create()
    const device = await foreignDevice(day)
    const name = attachmentName(day.volume.leaf, { machine: 'm1', guest: 'ldg2' })
    await day.type('m1-primary', `ldm add-vdsdev ${device} ${name}@primary-vds0`)
    await day.type('m1-primary', `ldm add-vdisk ${name} ${name}@primary-vds0 ldg2`)
    await foreign(day, [name, 'ldg2', 'machine m1', 'ldm rm-vdisk'], `${name} ldg2`, name)
  })

  test(
    'a disk that others made of other bytes under our own name: it is not taken for the ' +
      'volume',
    async () => {
      const day = new Day(pool)
      await day.create()
      await day.type('m1-primary', 'zfs create -V 16m mtank/theirs')
      const name = attachmentName(day.volume.leaf, { machine: 'm1', guest: 'ldg1' })
      await day.type('m1-primary', `ldm add-vdsdev /dev/zvol/dsk/mtank/theirs ${name}@primary-vds0`)
      await day.type('m1-primary', `ldm add-vdisk ${name} ${name}@primary-vds0 ldg1`)
      // No view of the volume in design lun: so what is there cannot be the volume, and what has its
      // name is taken away.
      if (pool === 'silver') {
        await foreign(day, [name, 'ldg1', 'machine m1', 'ldm rm-vdisk'], `${name} ldg1`, name)
      } else {
        await day.attach()
        expect(await day.type('m1-primary', 'ldm list-bindings -p')).not.toContain('mtank/theirs')
      }
      await day.type('m1-primary', 'zfs destroy mtank/theirs')
      await day.end()
    },
  )
})
