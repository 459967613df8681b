// Who has a volume is what the records say: whatever other controllers, lost records and left views
// do, it has one writer, and what no record explains is refused or taken away.

import { parseGuestId } from '../../../src/model/ids.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { recordLeaf } from '../../../src/storage/names.ts'
import {
  attachRequest,
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { byHand, justBefore, meetOnce, onMachine, reaches, watch } from '../../support/meddling.ts'
import { block, gold, kindOf, records } from './attachment-scene.ts'

const GOLD = 'tank/kubernetes'

const GUESTS = ['m1/ldg1', 'm1/ldg2', 'm2/ldg1', 'm2/ldg2']

const reaching = (installation: TestInstallation) =>
  GUESTS.filter(guest => reaches(installation, guest))

/** A controller that knows of no earlier command of its own: it asks what is at work only once. */
async function awake(installation: TestInstallation, id: string): Promise<Driver> {
  const driver = installation.driver()
  for (const guest of GUESTS) await driver.attachments.detach(id, parseGuestId(guest))
  return driver
}

describe('two controllers', () => {
  test(
    'one gives a volume to a guest alone and one to several: one of them is refused, and ' +
      'nothing of it is left',
    async () => {
      const installation = install()
      const { id } = await gold(installation.driver())
      const [one, two] = [await awake(installation, id), await awake(installation, id)]
      let exclusive: string | undefined
      justBefore(installation, '/usr/sbin/zfs create -o canmount=off', async () => {
        exclusive = await kindOf(
          one.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block })),
        )
      })
      const shared = await kindOf(
        two.attachments.attach(attachRequest(id, 'm2/ldg1', { format: block, sharing: 'shared' })),
      )
      expect([exclusive, shared]).toEqual(['OK', 'unavailable'])
      expect(reaching(installation)).toEqual(['m1/ldg1'])
      expect(await one.audit()).toEqual([])
      await one.attachments.detach(id, parseGuestId('m1/ldg1'))
      expect(records(installation)).toEqual([])
    },
  )

  test('a slow detachment does not release what was recorded meanwhile', async () => {
    const installation = install()
    const { id } = await gold(installation.driver())
    const [slow, quick] = [await awake(installation, id), await awake(installation, id)]
    await slow.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))
    justBefore(installation, '/usr/sbin/zfs destroy', async () => {
      await quick.attachments.detach(id, parseGuestId('m1/ldg1'))
      await quick.attachments.attach(attachRequest(id, 'm1/ldg2', { format: block }))
    })
    await kindOf(slow.attachments.detach(id, parseGuestId('m1/ldg1')))
    expect(
      await kindOf(slow.attachments.attach(attachRequest(id, 'm2/ldg1', { format: block }))),
    ).toBe('in-use')
    expect(reaching(installation)).toEqual(['m1/ldg2'])
  })

  test.each([
    '/usr/sbin/zfs rename',
    '/usr/sbin/ldm rm-vdisk',
    '/usr/sbin/stmfadm remove-view',
    '/usr/sbin/zfs destroy',
  ])(
    'the same guest gets the volume again just before %s of its detachment: what is said of ' +
      'either is so',
    async words => {
      const installation = install()
      const [one, two] = [installation.driver(), installation.driver()]
      const { id } = await gold(one)
      const request = attachRequest(id, 'm1/ldg1', { format: block })
      await one.attachments.attach(request)
      let again: string | undefined
      justBefore(installation, words, async () => {
        again = await kindOf(two.attachments.attach(request))
      })
      const detached = await kindOf(one.attachments.detach(id, parseGuestId('m1/ldg1')))
      // Whoever came second has the last word; whoever was overtaken says so.
      const has = reaches(installation, 'm1/ldg1')
      expect(again).toBeDefined()
      if (detached === 'OK' && again !== 'OK') expect(has).toBe(false)
      if (detached !== 'OK' && again === 'OK') expect(has).toBe(true)
      expect(records(installation).length > 0).toBe(has)
      const elsewhere = await kindOf(
        two.attachments.attach(attachRequest(id, 'm2/ldg1', { format: block })),
      )
      expect(elsewhere).toBe(has ? 'in-use' : 'OK')
      expect(reaching(installation)).toHaveLength(1)
    },
  )

  test(
    'an attachment whose record was released meanwhile takes its disk away and does not say ' +
      'OK',
    async () => {
      const installation = install()
      const { id, leaf } = await gold(installation.driver())
      const [one, two] = [await awake(installation, id), await awake(installation, id)]
      let stolen: string | undefined
      justBefore(installation, '/usr/sbin/ldm add-vdisk', async () => {
        await byHand(
          installation,
          'storage1',
          `/usr/sbin/zfs destroy -r ${GOLD}/${recordLeaf(leaf)}`,
        )
        stolen = await kindOf(
          two.attachments.attach(attachRequest(id, 'm2/ldg1', { format: block })),
        )
      })
      const first = await kindOf(
        one.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block })),
      )
      expect(first).not.toBe('OK')
      // The one that came later saw the view that no record explained any more.
      expect(stolen).not.toBe('OK')
      expect(
        await kindOf(two.attachments.attach(attachRequest(id, 'm2/ldg1', { format: block }))),
      ).toBe('OK')
      expect(reaching(installation)).toEqual(['m2/ldg1'])
    },
  )
})

describe('a record that was lost', () => {
  test(
    'leaves a view: nobody else gets the volume until it is detached, and then it can be ' +
      'attached and deleted',
    async () => {
      const installation = install()
      const driver = installation.driver()
      const { id, leaf } = await gold(driver)
      await driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))
      await byHand(installation, 'storage1', `/usr/sbin/zfs destroy -r ${GOLD}/${recordLeaf(leaf)}`)
      await expect(
        driver.attachments.attach(attachRequest(id, 'm2/ldg1', { format: block })),
      ).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining('host group csi-m1 can reach its bytes without a record'),
      })
      expect(reaching(installation)).toEqual(['m1/ldg1'])
      await driver.attachments.detach(id, parseGuestId('m1/ldg1'))
      expect(reaching(installation)).toEqual([])
      expect(onMachine(installation, 'm1', leaf)).toEqual([])
      await driver.attachments.attach(attachRequest(id, 'm2/ldg1', { format: block }))
      await driver.attachments.detach(id, undefined)
      await driver.volumes.deleteVolume(id)
      expect(records(installation)).toEqual([])
    },
  )

  test(
    'a view that nothing explains goes with a detachment from everybody, where the machine ' +
      'exports nothing',
    async () => {
      const installation = install()
      const driver = installation.driver()
      const { id, leaf } = await gold(driver)
      await driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))
      await byHand(installation, 'storage1', `/usr/sbin/zfs destroy -r ${GOLD}/${recordLeaf(leaf)}`)
      installation.world.machine('m1').powerCycle()
      await driver.attachments.detach(id, undefined)
      await driver.volumes.deleteVolume(id)
      expect(installation.world.zfs('storage1').dataset(`${GOLD}/${leaf}`)).toBeUndefined()
    },
  )

  test('a view for everybody is a view of every machine', async () => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver)
    const guid = installation.world.comstar('storage1').units()[0]?.guid ?? ''
    await byHand(installation, 'storage1', `/usr/sbin/stmfadm add-view ${guid}`)
    await expect(
      driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block })),
    ).rejects.toMatchObject({
      message: expect.stringContaining('All'),
    })
    expect(reaching(installation)).toEqual([])
  })
})

describe('a view that somebody else made', () => {
  async function attached() {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver)
    await driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))
    const guid = installation.world.comstar('storage1').units()[0]?.guid ?? ''
    const stmfadm = (words: string) =>
      byHand(installation, 'storage1', `/usr/sbin/stmfadm ${words}`)
    return { installation, driver, id, guid, stmfadm }
  }

  test('does not stand for the one of the machine', async () => {
    const { installation, driver, id, guid, stmfadm } = await attached()
    await stmfadm(`remove-view -l ${guid} 0`)
    await stmfadm(`add-view -h csi-m2 -t csi-tg ${guid}`)
    await expect(
      driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block })),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('csi-m2'),
    })
    await stmfadm(`remove-view -l ${guid} 0`)
    await driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))
    expect(reaches(installation, 'm1/ldg1')).toBe(true)
  })

  test(
    'for everybody keeps a silent machine from being cut off: its guest is not taken for one ' +
      'that has lost the volume',
    async () => {
      const { installation, driver, id, guid, stmfadm } = await attached()
      await stmfadm(`add-view ${guid}`)
      installation.world.host('m1-primary').down = true
      await expect(driver.attachments.detach(id, parseGuestId('m1/ldg1'))).rejects.toMatchObject({
        kind: 'unavailable',
      })
      expect(records(installation)).not.toEqual([])
    },
  )
})

describe('what is said of an attachment', () => {
  test(
    'is what the volume holds now: one that was blank at first is written when it is ' +
      'published again',
    async () => {
      const installation = install()
      const driver = installation.driver()
      const { id, leaf } = await driver.volumes.ensureVolume(volumeSpec())
      expect((await driver.attachments.attach(attachRequest(id))).written).toBe(false)
      const zfs = installation.world.zfs('m1-primary')
      const dataset = zfs.dataset(`mtank/kubernetes/${leaf}`)
      if (dataset === undefined) throw new Error('no volume')
      zfs.write(dataset, 8 * MiB, Buffer.alloc(MiB, 1))
      expect((await driver.attachments.attach(attachRequest(id))).written).toBe(true)
    },
  )

  test('stays so while the machine waits for a reboot', async () => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver)
    const request = attachRequest(id, 'm1/ldg1', { format: block })
    const first = await driver.attachments.attach(request)
    installation.world.machine('m1').setDelayedReconfiguration(true)
    expect(await driver.attachments.attach(request)).toEqual(first)
    const other = attachRequest(id, 'm1/ldg1', {
      format: block,
      slot: first.slot === 200 ? 201 : 200,
    })
    expect(await kindOf(driver.attachments.attach(other))).toBe('already-exists')
  })
})

test(
  'the record is released before the service domains forget what they saw: a slow one keeps ' +
    'nobody from the volume',
  async () => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver)
    await driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))
    const left: (readonly string[])[] = []
    watch(installation, command => {
      if (command.startsWith('/usr/sbin/devfsadm')) left.push(records(installation))
    })
    meetOnce(installation, '/usr/sbin/devfsadm', { kind: 'cut-before' })
    await driver.attachments.detach(id, parseGuestId('m1/ldg1'))
    expect(left.length).toBeGreaterThan(0)
    expect(left.flat()).toEqual([])
  },
)
