// Guests that cannot take or give a disk now, machines that are silent or forget, disks that others made, and two drivers at once.

import { KeyedLock } from '../../src/locks.ts'
import { Attachments } from '../../src/storage/attachments.ts'
import { GiB, TiB } from '../../src/storage/model.ts'
import { attachmentName } from '../../src/storage/names.ts'
import { attachRequest, install, volumeSpec } from '../support/installation.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../support/node.ts'
import { type BadDay, Day, expectRefusal, testBadDays } from './bad-days-scene.ts'

const created = (day: Day) => day.create()
const attached = async (day: Day) => {
  await day.create()
  await day.attach()
}
const m1 = (day: Day) => day.world.machine('m1')

describe.each(['silver', 'gold'] as const)('pool %s', pool => {
  const attach: Pick<BadDay, 'pool' | 'before' | 'act' | 'kind'> = { pool, before: created, act: day => day.attach(), kind: 'unavailable' }
  const detach: Pick<BadDay, 'pool' | 'before' | 'act' | 'kind'> = { pool, before: attached, act: day => day.detach(), kind: 'unavailable' }

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
    { ...attach, ...inactive, name: 'a guest that is not started: attaching', says: ['m1/ldg1', 'not running', 'ldm start'] },
    { ...attach, ...prompt, name: 'a guest at the firmware prompt: attaching', says: ['m1/ldg1', 'firmware prompt', 'boot it'] },
    { ...attach, ...migrating, name: 'a guest that migrates: attaching', says: ['m1/ldg1', 'in transition', 'migrating'] },
    { ...detach, ...migrating, name: 'a guest that migrates: detaching', says: ['m1/ldg1', 'in transition', 'migrating'] },
    { ...attach, ...stopping, name: 'a guest that is being stopped: attaching', says: ['m1/ldg1', 'in transition', 'stopping'] },
    { ...detach, ...stopping, name: 'a guest that is being stopped: detaching', says: ['m1/ldg1', 'in transition', 'stopping'] },
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
      over: day => day.installation.node('m1/ldg1').unstage({ volumeId: day.volume.id, stagingPath: STAGING }),
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
    await expectRefusal(day, unstage, { kind: 'busy', says: [day.volume.id, TARGET, 'unpublish it there'] })
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
    await expectRefusal(day, () => day.attach('m2/ldg1'), { kind: 'in-use', says: [day.volume.id, 'm1/ldg1', 'detach it there'] })
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
    await foreign(day, ['their-disk', 'ldg2', 'theirs@primary-vds0', 'machine m1', 'ldm rm-vdisk'], 'their-disk ldg2', 'theirs')
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

  test('a disk that others made of other bytes under our own name: it is not taken for the volume', async () => {
    const day = new Day(pool)
    await day.create()
    await day.type('m1-primary', 'zfs create -V 16m mtank/theirs')
    const name = attachmentName(day.volume.leaf, { machine: 'm1', guest: 'ldg1' })
    await day.type('m1-primary', `ldm add-vdsdev /dev/zvol/dsk/mtank/theirs ${name}@primary-vds0`)
    await day.type('m1-primary', `ldm add-vdisk ${name} ${name}@primary-vds0 ldg1`)
    // No view of the volume in design lun: so what is there cannot be the volume, and what has its name is taken away.
    if (pool === 'silver') await foreign(day, [name, 'ldg1', 'machine m1', 'ldm rm-vdisk'], `${name} ldg1`, name)
    else {
      await day.attach()
      expect(await day.type('m1-primary', 'ldm list-bindings -p')).not.toContain('mtank/theirs')
    }
    await day.type('m1-primary', 'zfs destroy mtank/theirs')
    await day.end()
  })
})

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

async function foreign(day: Day, says: readonly string[], vdisk: string, device: string): Promise<void> {
  await expectRefusal(day, () => day.attach(), { kind: 'failed-precondition', says: [day.volume.id, 'without a record', ...says] })
  await expectRefusal(day, () => day.delete(), {
    kind: 'in-use',
    says: [day.volume.id, 'machine m1', `${device}@primary-vds0`, 'ldm rm-vdisk'],
  })
  expect((await day.driver.audit()).map(finding => finding.kind)).toContain('export-without-record')
  await day.type('m1-primary', `ldm rm-vdisk ${vdisk}`)
  await day.type('m1-primary', `ldm rm-vdsdev ${device}@primary-vds0`)
  await day.attach()
  expect(day.guestsWithDisks()).toEqual(['m1/ldg1'])
  await day.end()
}

describe('a second service domain that is down', () => {
  const alternate: Pick<BadDay, 'pool' | 'trouble' | 'over'> = {
    pool: 'gold',
    trouble: day => m1(day).setServiceDomain('alternate', 'down'),
    over: day => m1(day).setServiceDomain('alternate', 'up'),
  }
  testBadDays([
    {
      ...alternate,
      name: 'a volume is not attached by one path where it should have two',
      before: created,
      act: day => day.attach(),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain alternate', 'm1-alternate', 'bring it back'],
      leaves: ['record', 'view'],
    },
  ])

  test('an attachment that is there stays, by its other path; a repeated one succeeds; it is detached all the same', async () => {
    const day = new Day('gold')
    await attached(day)
    day.mark('kept')
    alternate.trouble(day)
    const [disk] = m1(day).guestDisks('ldg1').list()
    expect(disk?.read(8 << 20, 4).toString()).toBe('kept')
    expect(await day.attach()).toEqual(day.attachment)
    await day.detach()
    expect(day.guestsWithDisks()).toEqual([])
    alternate.over(day)
    await day.end()
  })
})

describe('a machine that does not answer at a detachment', () => {
  const silence = (day: Day) => {
    day.world.host('m1-primary').down = true
  }
  const answer = (day: Day) => {
    day.world.host('m1-primary').down = false
  }

  testBadDays([
    {
      name: 'design local: the volume stays with its guest',
      before: attached,
      trouble: silence,
      act: day => day.detach(),
      kind: 'unavailable',
      says: ['m1-primary'],
      over: answer,
    },
  ])

  test('design lun: it is fenced and given back, and another machine has it meanwhile', async () => {
    const day = new Day('gold')
    await attached(day)
    day.mark('kept')
    silence(day)
    await day.detach()
    expect(day.world.comstar('storage1').views()).toEqual([])
    expect(() => m1(day).guestDisks('ldg1').list()[0]?.write(0, Buffer.from('late'))).toThrow()
    await day.attach('m2/ldg1')
    expect(
      day.world
        .machine('m2')
        .guestDisks('ldg1')
        .list()[0]
        ?.read(8 << 20, 4)
        .toString(),
    ).toBe('kept')

    // What the machine still lists is told, and harms nobody: not even by a detachment of the guest that had it.
    answer(day)
    expect((await day.driver.audit()).map(({ kind }) => kind)).toEqual([
      'disk-without-record',
      'export-without-record',
      'export-without-record',
    ])
    expect(() => m1(day).guestDisks('ldg1').list()[0]?.write(0, Buffer.from('late'))).toThrow()
    await day.detach('m1/ldg1')
    expect(day.guestsWithDisks()).toEqual(['m2/ldg1'])
    expect(await day.driver.audit()).toEqual([])
    await day.end()
  })

  test.each(['m1/ldg1', 'm1/ldg2'])('design lun: what is left is cleaned when the volume is attached there again, to %s', async guest => {
    const day = new Day('gold')
    await attached(day)
    day.mark('kept')
    silence(day)
    await day.detach()
    answer(day)
    await day.attach(guest)
    expect(day.guestsWithDisks()).toEqual([guest])
    const [disk] = day.world.machine('m1').guestDisks(guest.slice(3)).list()
    expect(disk?.read(8 << 20, 4).toString()).toBe('kept')
    expect(await day.driver.audit()).toEqual([])
    await day.end()
  })

  test('design lun: a guest that still has the lost disk mounted is asked to let it go first', async () => {
    const day = new Day('gold')
    await attached(day)
    const node = day.installation.node('m1/ldg1')
    await node.stage(stageRequest(day.volume, day.attachment))
    silence(day)
    await day.detach()
    answer(day)
    await expectRefusal(day, () => day.attach('m1/ldg2'), { kind: 'busy', says: ['ldg1', 'the guest refuses', STAGING] })
    m1(day).rebootGuest('ldg1')
    await day.attach('m1/ldg2')
    expect(day.guestsWithDisks()).toEqual(['m1/ldg2'])
    await day.end()
  })
})

describe('a power cycle that brings back a detached disk', () => {
  /** The saved configuration has the disk; the driver has detached it since. */
  async function stale(pool: 'silver' | 'gold'): Promise<Day> {
    const day = new Day(pool)
    await attached(day)
    day.mark('kept')
    await day.type('m1-primary', 'ldm add-spconfig with-disk')
    await day.detach()
    m1(day).powerCycle()
    expect(day.guestsWithDisks()).toEqual(['m1/ldg1'])
    day.driver = day.installation.driver()
    return day
  }

  test('design local: nobody else gets the volume, audit tells, and a detachment cleans it', async () => {
    const day = await stale('silver')
    const name = attachmentName(day.volume.leaf, { machine: 'm1', guest: 'ldg1' })
    const says = [day.volume.id, name, 'ldg1', 'without a record', 'or detach the volume from that guest']
    await expectRefusal(day, () => day.attach('m1/ldg2'), { kind: 'failed-precondition', says })
    await expectRefusal(day, () => day.attach('m1/ldg1'), { kind: 'failed-precondition', says })
    await expectRefusal(day, () => day.delete(), { kind: 'in-use', says: [day.volume.id, 'machine m1', name] })
    expect((await day.driver.audit()).map(({ kind }) => kind)).toEqual(['disk-without-record', 'export-without-record'])
    await day.detach('m1/ldg1')
    expect(await day.driver.audit()).toEqual([])
    await day.attach('m1/ldg2')
    expect(day.guestsWithDisks()).toEqual(['m1/ldg2'])
    await day.end()
  })

  test('design lun: it leads nowhere, and is cleaned when the volume is attached on that machine', async () => {
    const day = await stale('gold')
    expect(() => m1(day).guestDisks('ldg1').list()[0]?.read(0, 16)).toThrow()
    expect((await day.driver.audit()).map(({ kind }) => kind)).toEqual([
      'disk-without-record',
      'export-without-record',
      'export-without-record',
    ])
    await day.attach('m1/ldg2')
    expect(day.guestsWithDisks()).toEqual(['m1/ldg2'])
    expect(await day.driver.audit()).toEqual([])
    await day.end()
  })

  test.each(['silver', 'gold'] as const)(
    'pool %s: a disk that the power cycle lost is told and comes back under its number',
    async pool => {
      const day = new Day(pool)
      await day.create()
      await day.type('m1-primary', 'ldm add-spconfig without-disk')
      const before = await day.attach()
      day.mark('kept')
      m1(day).powerCycle()
      expect(day.guestsWithDisks()).toEqual([])
      expect(await day.driver.attachments.publishedTo(day.volume)).toEqual([])
      expect((await day.driver.audit()).map(({ kind }) => kind)).toEqual(['attachment-incomplete'])
      expect(await day.attach()).toEqual(before)
      expect(
        m1(day)
          .guestDisks('ldg1')
          .list()[0]
          ?.read(8 << 20, 4)
          .toString(),
      ).toBe('kept')
      expect(await day.driver.audit()).toEqual([])
      await day.end()
    },
  )
})

describe('a guest that is gone', () => {
  test('is not believed while a machine of the pool does not answer: it may have moved there', async () => {
    const day = new Day('gold')
    await attached(day)
    m1(day).removeGuest('ldg1')
    day.world.host('m2-primary').down = true
    await expectRefusal(day, () => day.detach(), {
      kind: 'unavailable',
      says: ['m1/ldg1', 'gone', 'machine m2 does not answer', 'may have moved there', day.volume.id],
    })
    day.world.host('m2-primary').down = false
    await day.detach()
    await day.end()
  })

  test('and has its disk on another machine: the volume is not given to anybody else', async () => {
    const day = new Day('gold')
    await attached(day)
    const name = attachmentName(day.volume.leaf, { machine: 'm1', guest: 'ldg1' })
    await day.type('m2-primary', `ldm add-vdsdev /dev/dsk/c0t0d0s2 ${name}@primary-vds0`)
    await day.type('m2-primary', `ldm add-vdisk ${name} ${name}@primary-vds0 ldg1`)
    m1(day).removeGuest('ldg1')
    await expectRefusal(day, () => day.detach(), {
      kind: 'failed-precondition',
      says: [day.volume.id, 'ldg1 has moved from machine m1 to m2', 'move it back or remove disk', name],
    })
    await day.type('m2-primary', `ldm rm-vdisk ${name} ldg1`)
    await day.type('m2-primary', `ldm rm-vdsdev ${name}@primary-vds0`)
    await day.detach()
    await day.end()
  })
})

describe('limits', () => {
  test('a guest that has as many disks as it takes: the next is refused, and goes in when one is gone', async () => {
    const installation = install()
    const driver = installation.driver()
    const limited = new Attachments({
      pools: driver.pools,
      lock: new KeyedLock(),
      guestRule: () => ({ platform: 'solaris', attachLimit: 2 }),
    })
    const volumes = await Promise.all(['a', 'b', 'c'].map(name => driver.volumes.ensureVolume(volumeSpec({ name }))))
    const [a, b, c] = volumes.map(volume => attachRequest(volume.id, 'm1/ldg1'))
    if (!a || !b || !c) throw new Error('three volumes were made')
    await limited.attach(a)
    await limited.attach(b)
    const day = new Day('silver', installation)
    await expectRefusal(day, () => limited.attach(c), { kind: 'no-space', says: ['m1/ldg1', '2 disks', 'limit is 2', 'detach'] })
    expect(await limited.attach(a)).toMatchObject({ volumeId: a.volumeId })
    await limited.detach(a.volumeId, undefined)
    await limited.attach(c)
    await day.end()
  })

  const huge = { size: { requiredBytes: 2 * TiB, limitBytes: 0 }, parameters: { reservation: 'thin' } } as const
  test('2 TiB are refused for a linux guest before anything is changed, and served to a solaris guest', async () => {
    const day = new Day('gold')
    await day.create(huge)
    await expectRefusal(day, () => day.attach('m1/ldg2'), {
      kind: 'out-of-range',
      says: [day.volume.id, 'm1/ldg2', `${2 * TiB} bytes`, 'modulo 2 TiB', 'Solaris guest'],
    })
    await day.attach('m1/ldg1')
    await day.end()
  })

  test('growth to 2 TiB is refused while a linux guest has the volume', async () => {
    const day = new Day('gold')
    await day.create({ ...huge, size: { requiredBytes: 1 * GiB, limitBytes: 0 } })
    await day.attach('m1/ldg2')
    const grow = () => day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 2 * TiB, limitBytes: 0 })
    await expectRefusal(day, grow, { kind: 'out-of-range', says: [day.volume.id, 'm1/ldg2', 'modulo 2 TiB', 'Solaris guest'] })
    await day.detach('m1/ldg2')
    expect(await grow()).toMatchObject({ sizeBytes: 2 * TiB })
    await day.end()
  })
})

describe('two drivers at once on one volume: the record decides', () => {
  const turns = Array.from({ length: 24 }, (_, lead) => lead)

  /** The second starts when the first has run so many commands. */
  async function race(day: Day, lead: number, works: readonly [() => Promise<unknown>, () => Promise<unknown>]) {
    const { commands } = day.world.timeline
    const before = commands.length
    const first = works[0]().catch((error: unknown) => error)
    while (commands.length - before < lead && (await Promise.race([first.then(() => 'done'), tick()])) !== 'done');
    return Promise.all([first, works[1]().catch((error: unknown) => error)])
  }
  const tick = () => new Promise<'tick'>(resolve => setImmediate(() => resolve('tick')))

  describe.each(['silver', 'gold'] as const)('pool %s', pool => {
    test.each(turns)('to different guests, the second %d commands behind: exactly one has it', async lead => {
      const day = new Day(pool)
      await day.create()
      const other = day.installation.driver()
      const outcomes = await race(day, lead, [
        () => day.driver.attachments.attach(attachRequest(day.volume.id, 'm1/ldg1')),
        () => other.attachments.attach(attachRequest(day.volume.id, 'm1/ldg2')),
      ])
      const failures = outcomes.filter(outcome => outcome instanceof Error)
      expect(failures).toHaveLength(1)
      expect(failures[0]).toMatchObject({ kind: expect.stringMatching(/^(in-use|unavailable|failed-precondition)$/) })
      expect(day.guestsWithDisks()).toEqual([outcomes[0] instanceof Error ? 'm1/ldg2' : 'm1/ldg1'])
      // Asked again, the loser is told who has it.
      const [winner = ''] = day.guestsWithDisks()
      const loser = winner === 'm1/ldg1' ? 'm1/ldg2' : 'm1/ldg1'
      await expectRefusal(day, () => other.attachments.attach(attachRequest(day.volume.id, loser)), { kind: 'in-use', says: [winner] })
      expect(await day.driver.audit()).toEqual([])
      await day.end()
    })

    test.each(turns)('to the same guest, the second %d commands behind: one disk, and both succeed in the end', async lead => {
      const day = new Day(pool)
      await day.create()
      const other = day.installation.driver()
      const request = attachRequest(day.volume.id, 'm1/ldg1')
      const outcomes = await race(day, lead, [() => day.driver.attachments.attach(request), () => other.attachments.attach(request)])
      for (const outcome of outcomes) {
        if (outcome instanceof Error) expect(outcome).toMatchObject({ kind: expect.stringMatching(/^(unavailable|failed-precondition)$/) })
      }
      expect(await other.attachments.attach(request)).toEqual(await day.driver.attachments.attach(request))
      expect(day.guestDisks('m1/ldg1')).toHaveLength(1)
      expect(await day.driver.audit()).toEqual([])
      await day.end()
    })

    test.each(turns)(
      'attaching and deleting, the second %d commands behind: attached or gone, and what is both is told and cleaned',
      async lead => {
        const day = new Day(pool)
        await day.create()
        const other = day.installation.driver()
        await race(day, lead, [
          () => day.driver.attachments.attach(attachRequest(day.volume.id, 'm1/ldg1')),
          () => other.volumes.deleteVolume(day.volume.id),
        ])
        const exists = day.world.zfs(day.place.host).dataset(day.place.dataset) !== undefined
        // Only one controller is meant to run: a deletion that had looked before the record was made takes the bytes from under the disk.
        const kinds = (await day.driver.audit()).map(({ kind }) => kind)
        if (day.guestsWithDisks().length > 0 && !exists) expect(kinds).toContain('record-without-volume')
        else if (exists) expect(kinds.filter(kind => kind !== 'attachment-incomplete')).toEqual([])
        // Whoever lost takes away what it left.
        await day.driver.attachments.detach(day.volume.id, undefined)
        await other.volumes.deleteVolume(day.volume.id)
        await day.end()
      },
    )

    test.each(turns)('creating the same, the second %d commands behind: one volume', async lead => {
      const day = new Day(pool)
      const other = day.installation.driver()
      const outcomes = await race(day, lead, [() => day.create(), () => other.volumes.ensureVolume(volumeSpec({ pool }))])
      for (const outcome of outcomes) if (outcome instanceof Error) expect(outcome).toMatchObject({ kind: 'unavailable' })
      expect(await other.volumes.ensureVolume(volumeSpec({ pool }))).toMatchObject({ id: (await day.create()).id })
      expect(await day.driver.audit()).toEqual([])
      await day.end()
    })
  })
})
