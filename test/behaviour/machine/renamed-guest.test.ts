// A guest that is not found under its recorded name: its domain was made anew with another one, or
// a migration of it ended half-way. Its volume is neither lost nor given twice, every answer names
// the way out, and the way out works.

import { describeError, isStorageError } from '../../../src/errors.ts'
import { formatGuestId } from '../../../src/model/ids.ts'
import { attachmentName } from '../../../src/storage/names.ts'
import { attachRequest } from '../../support/installation.ts'
import { Day } from '../bad-days/scene.ts'

const RECORDED = { machine: 'm1', guest: 'ldg1' }
const m1 = (day: Day) => day.world.machine('m1')

async function attached(pool: 'gold' | 'silver'): Promise<{ day: Day; name: string }> {
  const day = new Day(pool)
  await day.create()
  await day.attach()
  day.mark('kept')
  return { day, name: attachmentName(day.volume.leaf, RECORDED) }
}

/** Nothing has changed, and the message holds these words. */
async function expectRefused(
  day: Day,
  act: () => Promise<unknown>,
  ...says: readonly string[]
): Promise<void> {
  const machines = () =>
    JSON.stringify(['m1', 'm2'].map(machine => day.world.machine(machine).state()))
  const before = [machines(), day.marked(4)]
  const error = await act().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isStorageError(error)) throw new Error(`not refused: ${error}`)
  for (const words of says) expect(describeError(error)).toContain(words)
  expect([machines(), day.marked(4)]).toEqual(before)
}

const attachTo = (day: Day, guest: string) => () =>
  day.driver.attachments.attach(attachRequest(day.volume.id, guest))
const published = async (day: Day) =>
  (await day.driver.attachments.listPublished()).flatMap(({ publishedTo }) =>
    publishedTo.map(formatGuestId),
  )

describe.each(['gold', 'silver'] as const)(
  'a domain with a volume of pool %s that bears another name',
  pool => {
    async function renamed(): Promise<{ day: Day; name: string }> {
      const scene = await attached(pool)
      m1(scene.day).removeGuest('ldg3')
      m1(scene.day).renameGuest('ldg1', 'ldg3')
      m1(scene.day).setGuest('ldg3', { state: 'active' })
      expect(scene.day.guestDisks('m1/ldg3').map(disk => disk.name)).toEqual([scene.name])
      return scene
    }

    test(
      'keeps its volume: it is attached nowhere else, not detached, not deleted, and listed ' +
        'as published',
      async () => {
        const { day, name } = await renamed()
        const wayOut = [
          day.volume.id,
          `disk ${name} is in guest m1/ldg3`,
          'the record says m1/ldg1',
          `ldm rm-vdisk ${name} ldg3`,
        ]

        for (const guest of ['m1/ldg1', 'm1/ldg2', 'm1/ldg3']) {
          await expectRefused(day, attachTo(day, guest), ...wayOut)
        }
        if (pool === 'gold') {
          await expectRefused(day, attachTo(day, 'm2/ldg1'), 'attached exclusive to guest m1/ldg1')
        }
        await expectRefused(day, () => day.detach(), ...wayOut)
        await expectRefused(
          day,
          () => day.driver.attachments.detachWhileOff(day.volume.id, RECORDED),
          ...wayOut,
        )
        await expectRefused(day, () => day.delete(), 'attached to guest m1/ldg1')

        expect(await published(day)).toEqual(['m1/ldg1'])
        expect(await day.driver.audit()).toEqual([
          {
            kind: 'guest-renamed',
            object: day.volume.id,
            detail: expect.stringContaining(`ldm rm-vdisk ${name} ldg3`),
          },
        ])
      },
    )

    test('keeps its volume when a new domain has the old name', async () => {
      const { day, name } = await renamed()
      m1(day).addGuest({ name: 'ldg1', platform: 'solaris' })

      await expectRefused(day, attachTo(day, 'm1/ldg1'), `disk ${name} is in guest m1/ldg3`)
      await expectRefused(day, () => day.detach(), `disk ${name} is in guest m1/ldg3`)
      await expectRefused(
        day,
        () => day.driver.attachments.detach(day.volume.id, undefined),
        `disk ${name} is in guest m1/ldg3`,
      )

      expect(day.guestDisks('m1/ldg1')).toEqual([])
      expect(await published(day)).toEqual(['m1/ldg1'])
    })

    test('has it as before under its old name', async () => {
      const { day } = await renamed()
      m1(day).setGuest('ldg3', { state: 'inactive' })
      m1(day).renameGuest('ldg3', 'ldg1')
      m1(day).setGuest('ldg1', { state: 'active' })

      expect(await day.attach()).toMatchObject({ guest: RECORDED, mode: 'rw' })

      expect(day.marked(4)).toBe('kept')
      await day.detach()
      await day.end()
    })

    test('gives it up when its disk is removed by hand, and can have it under its new name then', async () => {
      const { day, name } = await renamed()
      await day.type('m1-primary', `ldm rm-vdisk ${name} ldg3`)

      await day.detach()
      await day.attach('m1/ldg3')

      expect(day.guestsWithDisks()).toEqual(['m1/ldg3'])
      expect(day.marked(4)).toBe('kept')
      await day.end()
    })
  },
)

describe('a migration that ended half-way, with the domain on both machines', () => {
  async function halfMigrated(): Promise<{ day: Day; name: string }> {
    const scene = await attached('gold')
    // What a migration needs on its target, made by hand as its manual asks.
    await scene.day.type(
      'm2-primary',
      `ldm add-vdsdev /dev/dsk/c0t0d0s2 ${scene.name}@primary-vds0`,
    )
    await scene.day.type(
      'm2-primary',
      `ldm add-vdisk ${scene.name} ${scene.name}@primary-vds0 ldg1`,
    )
    m1(scene.day).setMigrating('ldg1', 'failed')
    return scene
  }
  const removeFromTarget = async (day: Day, name: string) => {
    await day.type('m2-primary', `ldm rm-vdisk ${name} ldg1`)
    await day.type('m2-primary', `ldm rm-vdsdev ${name}@primary-vds0`)
  }

  test('leaves the volume where it is recorded, and says how the migration is ended', async () => {
    const { day, name } = await halfMigrated()
    const wayOut = ['m1/ldg1', 'its migration failed', 'ldm cancel-operation migration']

    await expectRefused(day, attachTo(day, 'm1/ldg1'), ...wayOut)
    await expectRefused(day, () => day.detach(), ...wayOut)
    await expectRefused(day, attachTo(day, 'm2/ldg1'), 'attached exclusive to guest m1/ldg1')
    await expectRefused(day, () => day.delete(), 'attached to guest m1/ldg1')

    expect(await published(day)).toEqual(['m1/ldg1'])
    expect(
      (await day.driver.audit()).map(finding => `${finding.kind} ${finding.object}`),
    ).toContain(`disk-without-record ${name} of m2/ldg1`)
  })

  test('is over when it is cancelled and the target has nothing more', async () => {
    const { day, name } = await halfMigrated()
    await removeFromTarget(day, name)
    await day.type('m1-primary', 'ldm cancel-operation migration ldg1')

    await day.attach()

    expect(day.marked(4)).toBe('kept')
    await day.end()
  })

  test(
    'is over when the source is destroyed and the target has given up the disk; until then ' +
      'it is published as before',
    async () => {
      const { day, name } = await halfMigrated()
      m1(day).setMigrating('ldg1', false)
      m1(day).removeGuest('ldg1')
      const wayOut = [
        'ldg1 has moved from machine m1 to m2',
        `ldm rm-vdisk ${name} ldg1`,
        'detach the volume again',
      ]

      await expectRefused(day, () => day.detach(), ...wayOut)
      await expectRefused(day, attachTo(day, 'm2/ldg1'), 'attached exclusive to guest m1/ldg1')
      expect(await published(day)).toEqual(['m1/ldg1'])
      await removeFromTarget(day, name)
      await day.detach()
      await day.attach('m2/ldg1')

      expect(day.guestsWithDisks()).toEqual(['m2/ldg1'])
      expect(day.marked(4)).toBe('kept')
      await day.end()
    },
  )
})
