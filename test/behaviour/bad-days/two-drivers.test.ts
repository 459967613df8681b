// Two drivers at once, though only one is meant to run: the record decides who has a volume,
// wherever the two meet.

import { attachRequest, volumeSpec } from '../../support/installation.ts'
import { Day, expectRefusal } from './scene.ts'

describe('two drivers on one volume', () => {
  const turns = Array.from({ length: 24 }, (_, lead) => lead)

  /** The second starts when the first has run so many commands. */
  async function race(
    day: Day,
    lead: number,
    works: readonly [() => Promise<unknown>, () => Promise<unknown>],
  ) {
    const { commands } = day.world.timeline
    const before = commands.length
    const first = works[0]().catch((error: unknown) => error)
    while (
      commands.length - before < lead &&
      (await Promise.race([first.then(() => 'done'), tick()])) !== 'done'
    );
    return Promise.all([first, works[1]().catch((error: unknown) => error)])
  }
  const tick = () => new Promise<'tick'>(resolve => setImmediate(() => resolve('tick')))

  describe.each(['silver', 'gold', 'xen'] as const)('pool %s', pool => {
    test.each(turns)(
      'to different guests, the second %d commands behind: exactly one has it',
      async lead => {
        const day = new Day(pool)
        await day.create()
        const other = day.installation.driver()
        const outcomes = await race(day, lead, [
          () => day.driver.attachments.attach(attachRequest(day.volume.id, day.guest)),
          () => other.attachments.attach(attachRequest(day.volume.id, day.other)),
        ])
        const failures = outcomes.filter(outcome => outcome instanceof Error)
        expect(failures).toHaveLength(1)
        expect(failures[0]).toMatchObject({
          kind: expect.stringMatching(/^(in-use|unavailable|failed-precondition)$/),
        })
        expect(day.guestsWithDisks()).toEqual([
          outcomes[0] instanceof Error ? day.other : day.guest,
        ])
        // Asked again, the loser is told who has it.
        const [winner = ''] = day.guestsWithDisks()
        const loser = winner === day.guest ? day.other : day.guest
        await expectRefusal(
          day,
          () => other.attachments.attach(attachRequest(day.volume.id, loser)),
          { kind: 'in-use', says: [winner] },
        )
        expect(await day.driver.audit()).toEqual([])
        await day.end()
      },
    )

    test.each(turns)(
      'to the same guest, the second %d commands behind: one disk, and both succeed in the end',
      async lead => {
        const day = new Day(pool)
        await day.create()
        const other = day.installation.driver()
        const request = attachRequest(day.volume.id, day.guest)
        const outcomes = await race(day, lead, [
          () => day.driver.attachments.attach(request),
          () => other.attachments.attach(request),
        ])
        for (const outcome of outcomes) {
          if (outcome instanceof Error) {
            expect(outcome).toMatchObject({
              kind: expect.stringMatching(/^(unavailable|failed-precondition)$/),
            })
          }
        }
        expect(await other.attachments.attach(request)).toEqual(
          await day.driver.attachments.attach(request),
        )
        expect(day.guestDisks(day.guest)).toHaveLength(1)
        expect(await day.driver.audit()).toEqual([])
        await day.end()
      },
    )

    test.each(turns)(
      'attaching and deleting, the second %d commands behind: attached or gone, and what is ' +
        'both is told and cleaned',
      async lead => {
        const day = new Day(pool)
        await day.create()
        const other = day.installation.driver()
        await race(day, lead, [
          () => day.driver.attachments.attach(attachRequest(day.volume.id, day.guest)),
          () => other.volumes.deleteVolume(day.volume.id),
        ])
        const exists = day.world.zfs(day.place.host).dataset(day.place.dataset) !== undefined
        // Only one controller is meant to run: a deletion that had looked before the record was
        // made takes the bytes from under the disk.
        const kinds = (await day.driver.audit()).map(({ kind }) => kind)
        if (day.guestsWithDisks().length > 0 && !exists) {
          expect(kinds).toContain('record-without-volume')
        } else if (exists) {
          expect(kinds.filter(kind => kind !== 'attachment-incomplete')).toEqual([])
        }
        // Whoever lost takes away what it left.
        await day.driver.attachments.detach(day.volume.id, undefined)
        await other.volumes.deleteVolume(day.volume.id)
        await day.end()
      },
    )

    test.each(turns)('creating the same, the second %d commands behind: one volume', async lead => {
      const day = new Day(pool)
      const other = day.installation.driver()
      const outcomes = await race(day, lead, [
        () => day.create(),
        () => other.volumes.ensureVolume(volumeSpec({ pool })),
      ])
      for (const outcome of outcomes) {
        if (outcome instanceof Error) expect(outcome).toMatchObject({ kind: 'unavailable' })
      }
      expect(await other.volumes.ensureVolume(volumeSpec({ pool }))).toMatchObject({
        id: (await day.create()).id,
      })
      expect(await day.driver.audit()).toEqual([])
      await day.end()
    })
  })
})
