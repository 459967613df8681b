// Limits of machines and guests: how many disks, and how large.

import { KeyedLock } from '../../../src/locks.ts'
import { GiB, TiB } from '../../../src/model/volumes.ts'
import { Attachments } from '../../../src/storage/attachments/attachments.ts'
import { attachRequest, volumeSpec } from '../../support/installation.ts'
import { Day, expectRefusal } from './scene.ts'

describe('limits', () => {
  test.each(['silver', 'xen'] as const)(
    'pool %s: a guest that has as many disks as it takes: the next is refused, and goes in when ' +
      'one is gone',
    async pool => {
      const day = new Day(pool)
      const { driver, guest } = day
      const limited = new Attachments({
        pools: driver.pools,
        lock: new KeyedLock(),
        guestRule: () => ({ platform: 'linux', attachLimit: 2 }),
      })
      const volumes = await Promise.all(
        ['a', 'b', 'c'].map(name => driver.volumes.ensureVolume(volumeSpec({ name, pool }))),
      )
      const [a, b, c] = volumes.map(volume => attachRequest(volume.id, guest))
      if (!a || !b || !c) throw new Error('three volumes were made')
      await limited.attach(a)
      await limited.attach(b)
      await expectRefusal(day, () => limited.attach(c), {
        kind: 'no-space',
        says: [guest, '2 disks', 'limit is 2', 'detach'],
      })
      expect(await limited.attach(a)).toMatchObject({ volumeId: a.volumeId })
      await limited.detach(a.volumeId, undefined)
      await limited.attach(c)
      await day.end()
    },
  )

  const huge = {
    size: { requiredBytes: 2 * TiB, limitBytes: 0 },
    parameters: { reservation: 'thin' },
  } as const
  test(
    '2 TiB are refused for a linux guest before anything is changed, and served to a solaris ' +
      'guest',
    async () => {
      const day = new Day('gold')
      await day.create(huge)
      await expectRefusal(day, () => day.attach('m1/ldg2'), {
        kind: 'out-of-range',
        says: [day.volume.id, 'm1/ldg2', `${2 * TiB} bytes`, 'modulo 2 TiB', 'Solaris guest'],
      })
      await day.attach('m1/ldg1')
      await day.end()
    },
  )

  test('a guest of Xen gets 2 TiB', async () => {
    const day = new Day('xen')
    await day.create(huge)
    await day.attach()
    expect(day.guestDisks(day.guest)[0]?.sizeBytes()).toBe(2 * TiB)
    await day.end()
  })

  test('growth to 2 TiB is refused while a linux guest has the volume', async () => {
    const day = new Day('gold')
    await day.create({ ...huge, size: { requiredBytes: 1 * GiB, limitBytes: 0 } })
    await day.attach('m1/ldg2')
    const grow = () =>
      day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 2 * TiB, limitBytes: 0 })
    await expectRefusal(day, grow, {
      kind: 'out-of-range',
      says: [day.volume.id, 'm1/ldg2', 'modulo 2 TiB', 'Solaris guest'],
    })
    await day.detach('m1/ldg2')
    expect(await grow()).toMatchObject({ sizeBytes: 2 * TiB })
    await day.end()
  })
})
