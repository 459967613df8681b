// What does not answer, and what has forgotten or remembers too much: service domains, machines,
// power cycles, guests that are gone.

import { attachmentName } from '../../../src/storage/names.ts'
import { STAGING, stageRequest } from '../../support/node.ts'
import { attached, type BadDay, created, Day, expectRefusal, m1, testBadDays } from './scene.ts'

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
      says: [
        'gold/v-',
        'service domain alternate',
        'm1-alternate',
        'bring the service domain back',
      ],
      leaves: ['record', 'view'],
    },
  ])

  test(
    'an attachment that is there stays, by its other path; a repeated one succeeds; it is ' +
      'detached all the same',
    async () => {
      const day = new Day('gold')
      await attached(day)
      day.mark('kept')
      alternate.trouble(day)
      expect(day.markIn('m1/ldg1')).toBe('kept')
      expect(await day.attach()).toEqual(day.attachment)
      await day.detach()
      expect(day.guestsWithDisks()).toEqual([])
      alternate.over(day)
      await day.end()
    },
  )
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
    {
      name: 'Xen: the volume stays with its guest',
      pool: 'xen',
      before: attached,
      trouble: day => {
        day.world.host('dom0').down = true
      },
      act: day => day.detach(),
      kind: 'unavailable',
      says: ['dom0'],
      over: day => {
        day.world.host('dom0').down = false
      },
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
    expect(day.markIn('m2/ldg1')).toBe('kept')

    // What the machine still lists is told, and harms nobody: not even by a detachment of the guest
    // that had it.
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

  test.each(['m1/ldg1', 'm1/ldg2'])(
    'design lun: what is left is cleaned when the volume is attached there again, to %s',
    async guest => {
      const day = new Day('gold')
      await attached(day)
      day.mark('kept')
      silence(day)
      await day.detach()
      answer(day)
      await day.attach(guest)
      expect(day.guestsWithDisks()).toEqual([guest])
      expect(day.markIn(guest)).toBe('kept')
      expect(await day.driver.audit()).toEqual([])
      await day.end()
    },
  )

  test('design lun: a guest that still has the lost disk mounted is asked to let it go first', async () => {
    const day = new Day('gold')
    await attached(day)
    const node = day.installation.node('m1/ldg1')
    await node.stage(stageRequest(day.volume, day.attachment))
    silence(day)
    await day.detach()
    answer(day)
    await expectRefusal(day, () => day.attach('m1/ldg2'), {
      kind: 'busy',
      says: ['ldg1', 'the guest refuses', STAGING],
    })
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
    const says = [
      day.volume.id,
      name,
      'ldg1',
      'without a record',
      'or detach the volume from that guest',
    ]
    await expectRefusal(day, () => day.attach('m1/ldg2'), { kind: 'failed-precondition', says })
    await expectRefusal(day, () => day.attach('m1/ldg1'), { kind: 'failed-precondition', says })
    await expectRefusal(day, () => day.delete(), {
      kind: 'in-use',
      says: [day.volume.id, 'machine m1', name],
    })
    expect((await day.driver.audit()).map(({ kind }) => kind)).toEqual([
      'disk-without-record',
      'export-without-record',
    ])
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
      expect(day.markIn('m1/ldg1')).toBe('kept')
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
      says: [
        'm1/ldg1',
        'not listed on its machine',
        'machine m2 does not answer',
        'may have moved there',
        day.volume.id,
      ],
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
      says: [
        day.volume.id,
        'ldg1 has moved from machine m1 to m2',
        'move the guest back, or remove disk',
        name,
      ],
    })
    await day.type('m2-primary', `ldm rm-vdisk ${name} ldg1`)
    await day.type('m2-primary', `ldm rm-vdsdev ${name}@primary-vds0`)
    await day.detach()
    await day.end()
  })
})
