// A request that gives up while it waits for a volume changes nothing for those at work on it and
// those behind it.

import { attachRequest } from '../../support/installation.ts'
import { Day, expectRefusal } from '../bad-days/scene.ts'

const leads = Array.from({ length: 20 }, (_, lead) => lead)
const tick = () => new Promise(resolve => setImmediate(resolve))

describe.each(['silver', 'gold'] as const)('pool %s', pool => {
  test.each(leads)(
    'an attachment asked for %d commands into a detachment, after a third request gave up, is ' +
      'made after it',
    async lead => {
      const day = new Day(pool)
      await day.create()
      const { attachments, changes } = day.driver
      const here = attachRequest(day.volume.id, 'm1/ldg1')
      await attachments.attach(here)
      const { commands } = day.world.timeline
      const before = commands.length
      const detached = attachments.detach(day.volume.id, here.guest)
      const deadline = new AbortController()
      const waiter = changes
        .modifyVolume(day.volume.id, { compression: 'on' }, deadline.signal)
        .catch((error: unknown) => error)
      deadline.abort()
      expect(await waiter).toMatchObject({ kind: 'busy' })
      for (let turn = 0; turn < 200 && commands.length - before < lead; turn++) await tick()
      const attached = attachments.attach(here)
      await Promise.all([detached, attached])
      expect(day.guestsWithDisks()).toEqual(['m1/ldg1'])
      expect(await day.driver.audit()).toEqual([])
      await expectRefusal(day, () => attachments.attach(attachRequest(day.volume.id, 'm1/ldg2')), {
        kind: 'in-use',
        says: ['m1/ldg1'],
      })
      expect(day.guestsWithDisks()).toEqual(['m1/ldg1'])
      await day.end()
    },
  )
})
