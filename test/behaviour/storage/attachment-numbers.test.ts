// The number of a disk: nobody else gets it, and whoever changes it by hand is told so.

import { KeyedLock } from '../../../src/locks.ts'
import { parseGuestId, volumeLeaf } from '../../../src/model/ids.ts'
import { Attachments } from '../../../src/storage/attachments/attachments.ts'
import { preferredSlot } from '../../../src/storage/names.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { byHand, onMachine } from '../../support/meddling.ts'
import { block, gold } from './attachment-scene.ts'

describe('the number of a disk', () => {
  /** Names of two volumes that would like to have the same number. */
  function rivals(): readonly [string, string] {
    const byNumber = new Map<number, string>()
    for (let index = 0; ; index++) {
      const name = `v${index}`
      const number = preferredSlot(volumeLeaf('test', 'silver', name), { first: 100, count: 601 })
      const other = byNumber.get(number)
      if (other !== undefined) return [other, name]
      byNumber.set(number, name)
    }
  }

  test('that a record holds is given to nobody else, also while a power cycle has lost the disk', async () => {
    const installation = install()
    const driver = installation.driver()
    const [lost, later] = await Promise.all(
      rivals().map(name => driver.volumes.ensureVolume(volumeSpec({ name }))),
    )
    if (lost === undefined || later === undefined) throw new Error('two volumes were made')
    const before = await driver.attachments.attach(attachRequest(lost.id, 'm1/ldg1'))
    expect(before.slot).toBe(preferredSlot(later.leaf, { first: 100, count: 601 }))
    installation.world.machine('m1').powerCycle()
    expect((await driver.attachments.attach(attachRequest(later.id, 'm1/ldg1'))).slot).not.toBe(
      before.slot,
    )
    expect((await driver.attachments.attach(attachRequest(lost.id, 'm1/ldg1'))).slot).toBe(
      before.slot,
    )
  })

  test('that somebody has changed is told with the way out, which leads back to it', async () => {
    const installation = install()
    const driver = installation.driver()
    const { id, leaf } = await gold(driver)
    const { slot } = await driver.attachments.attach(
      attachRequest(id, 'm1/ldg1', { format: block }),
    )
    const [name = ''] = onMachine(installation, 'm1', leaf)
    await byHand(installation, 'm1-primary', `/usr/sbin/ldm rm-vdisk ${name} ldg1`)
    await byHand(
      installation,
      'm1-primary',
      `/usr/sbin/ldm add-vdisk id=${slot + 1} ${name} ${name}@primary-vds0 ldg1`,
    )
    await expect(
      driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block })),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringMatching(
        /the record says \d+: somebody has changed it; detach the volume/,
      ),
    })
    await driver.attachments.detach(id, parseGuestId('m1/ldg1'))
    expect(
      (await driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))).slot,
    ).toBe(slot)
  })

  test('is another one for each of many attachments at once, and no more than the guest takes', async () => {
    const installation = install()
    const { pools, volumes } = installation.driver()
    const attachments = new Attachments({
      pools,
      lock: new KeyedLock(),
      guestRule: () => ({ platform: 'solaris', attachLimit: 3 }),
    })
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        volumes.ensureVolume(
          volumeSpec({ pool: index % 2 === 0 ? 'gold' : 'silver', name: `v${index}` }),
        ),
      ),
    )
    const answers = await Promise.allSettled(
      made.map(({ id }) => attachments.attach(attachRequest(id, 'm1/ldg1'))),
    )
    const slots = answers.flatMap(answer =>
      answer.status === 'fulfilled' ? [answer.value.slot] : [],
    )
    expect(new Set(slots).size).toBe(3)
    expect(slots).toHaveLength(3)
    const refused = answers.flatMap(answer =>
      answer.status === 'rejected' ? [answer.reason.kind] : [],
    )
    expect(refused).toEqual(Array.from({ length: 7 }, () => 'no-space'))
    expect(installation.world.machine('m1').guestDisks('ldg1').list()).toHaveLength(3)
  })
})
