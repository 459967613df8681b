// The numbers under which a guest has a volume and a machine sees its unit.

import type { GuestDisk } from '../../src/hypervisors/ldoms/state.ts'
import type { Attachment } from '../../src/model/volumes.ts'
import { isSlotLost, planAttachment, planNewSlot } from '../../src/storage/attachments/numbers.ts'
import { isBootDisk } from '../../src/storage/attachments/rules.ts'
import { attachmentName, preferredLun, preferredSlot } from '../../src/storage/names.ts'
import {
  attached,
  attachment,
  disk,
  guest,
  leaf,
  other,
  request,
  slots,
  state,
  volume,
} from '../support/attachment.ts'

const unnumbered = { volume, records: [] as Attachment[], state: state(), rule: undefined, slots }

/** Numbers that other attachments of the guest have. */
const held = (numbers: readonly number[]) =>
  new Map(numbers.map(number => [`other-${number}`, number] as const))

describe('the numbers of a new attachment', () => {
  const given = { ...unnumbered, number: 7 }

  test('are computed from the volume', () => {
    expect(planAttachment(request, given).slot).toBe(preferredSlot(leaf, slots))
  })

  test('move on from numbers that others of the guest have, and wrap', () => {
    const preferred = preferredSlot(leaf, slots)
    const taken = [preferred, preferred + 1].map(slot => disk({ name: `x${slot}`, slot }))
    expect(planAttachment(request, { ...given, state: state({ disks: taken }) }).slot).toBe(
      preferred + 2,
    )
    const narrow = { ...slots, count: 2 }
    const one = disk({ name: 'x', slot: preferredSlot(leaf, narrow) })
    expect(
      planAttachment(request, { ...given, slots: narrow, state: state({ disks: [one] }) }).slot,
    ).toBe(one.slot === 100 ? 101 : 100)
  })

  test('move on from numbers that attachments beside it have chosen', () => {
    const preferred = preferredSlot(leaf, slots)
    expect(
      planAttachment(request, {
        ...given,
        slots: { ...slots, others: new Map([['x', preferred]]) },
      }).slot,
    ).toBe(preferred + 1)
  })

  test('numbers of other guests are free', () => {
    const preferred = preferredSlot(leaf, slots)
    expect(
      planAttachment(request, {
        ...given,
        state: state({ disks: [disk({ guest: 'ldg2', slot: preferred })] }),
      }).slot,
    ).toBe(preferred)
  })

  test('run out with no-space', () => {
    const full = state({ disks: [disk({ name: 'x', slot: 100 })] })
    expect(() =>
      planAttachment(request, { ...given, slots: { ...slots, count: 1 }, state: full }),
    ).toThrow(expect.objectContaining({ kind: 'no-space' }))
  })

  test('a guest at its limit gets no more', () => {
    const rule = { platform: 'solaris' as const, attachLimit: 1 }
    const other = attachmentName(`v-${'b'.repeat(20)}`, guest)
    const listed = state({ disks: [disk({ name: other })] })
    expect(() => planAttachment(request, { ...given, rule, state: listed })).toThrow(
      expect.objectContaining({ kind: 'no-space' }),
    )
    const chosen = { ...slots, others: new Map([[other, 400]]) }
    expect(() => planAttachment(request, { ...given, rule, slots: chosen })).toThrow(
      expect.objectContaining({ kind: 'no-space' }),
    )
    expect(
      planAttachment(request, {
        ...given,
        rule,
        state: state({ disks: [disk({ name: 'rootdisk', slot: 0 })] }),
      }).volumeId,
    ).toBe(volume.id)
  })

  test('a number that was asked for is given or refused, never changed', () => {
    expect(planAttachment({ ...request, slot: 0 }, given).slot).toBe(0)
    const recorded = { ...given, slots: { ...slots, others: new Map([['x', 150]]) } }
    expect(() => planAttachment({ ...request, slot: 150 }, recorded)).toThrow(
      expect.objectContaining({ kind: 'in-use' }),
    )
    expect(() => planAttachment({ ...request, slot: 150 }, { ...given, state: attached })).toThrow(
      expect.objectContaining({ kind: 'in-use' }),
    )
  })

  test.each([true, false])('whether a volume holds data is recorded: %s', holdsData => {
    expect(planAttachment(request, { ...given, volume: { ...volume, holdsData } }).written).toBe(
      holdsData,
    )
  })
})

describe('a planned attachment', () => {
  const seen = { ...unnumbered, number: preferredLun(leaf) }

  test('is what was asked for, with the numbers of the volume', () => {
    expect(planAttachment({ ...request, mode: 'ro', sharing: 'shared' }, seen)).toEqual({
      ...attachment,
      mode: 'ro',
      sharing: 'shared',
      slot: preferredSlot(leaf, slots),
      lun: preferredLun(leaf),
    })
  })

  test(
    'has the unit number of the machine where another guest of it has the volume, and none ' +
      'where the design has none',
    () => {
      const records = [{ ...attachment, guest: { machine: 'm2', guest: 'ldg1' }, lun: 3 }]
      expect(planAttachment(request, { ...seen, records }).lun).toBe(preferredLun(leaf))
      expect(
        planAttachment(request, {
          ...seen,
          records: [...records, { ...attachment, guest: other, lun: 4 }],
        }).lun,
      ).toBe(4)
      expect(planAttachment(request, { ...seen, records, number: undefined }).lun).toBeUndefined()
    },
  )

  test('is one of as many as the limit says, of the disks of this driver in this guest', () => {
    const rule = { platform: 'solaris', attachLimit: 2 } as const
    const mine = (at: number) =>
      disk({ name: attachmentName(`v-${'bc'.charAt(at).repeat(20)}`, guest), slot: at })
    const disks = [mine(0), disk({ guest: 'ldg2', slot: 5 }), disk({ name: 'rootdisk', slot: 6 })]
    expect(
      planAttachment(request, { ...seen, rule, state: state({ disks }) }).slot,
    ).toBeGreaterThan(99)
    expect(() =>
      planAttachment(request, { ...seen, rule, state: state({ disks: [...disks, mine(1)] }) }),
    ).toThrow(
      expect.objectContaining({
        kind: 'no-space',
        message: expect.stringContaining('has 2 disks'),
      }),
    )
  })

  test('takes the one free number that there is, wherever it lies', () => {
    for (let free = 100; free < 110; free++) {
      const taken = Array.from({ length: 10 }, (_, at) => 100 + at).filter(slot => slot !== free)
      expect(
        planAttachment(request, { ...seen, slots: { first: 100, count: 10, others: held(taken) } })
          .slot,
      ).toBe(free)
    }
    expect(() =>
      planAttachment(request, {
        ...seen,
        slots: { first: 100, count: 2, others: held([100, 101]) },
      }),
    ).toThrow(
      expect.objectContaining({
        kind: 'no-space',
        message: expect.stringContaining('between 100 and 101'),
      }),
    )
  })

  test(
    'has the number that was asked for though another guest has it, and never one of this ' +
      'guest',
    () => {
      const disks = [disk({ guest: 'ldg2', slot: 3 }), disk({ name: 'rootdisk', slot: 4 })]
      expect(
        planAttachment({ ...request, slot: 3 }, { ...seen, state: state({ disks }) }).slot,
      ).toBe(3)
      expect(() =>
        planAttachment({ ...request, slot: 4 }, { ...seen, state: state({ disks }) }),
      ).toThrow(
        expect.objectContaining({ kind: 'in-use', message: expect.stringContaining('rootdisk') }),
      )
    },
  )
})

describe('the number of a recorded attachment', () => {
  const seen = { leaf, slots, asked: undefined }

  test('stays while it is free or its own', () => {
    expect(planNewSlot(attachment, { ...seen, state: state() })).toBeUndefined()
    expect(planNewSlot(attachment, { ...seen, state: attached })).toBeUndefined()
  })

  test('changes when another disk of the guest has taken it, and the attachment is not live', () => {
    const taken = state({ disks: [disk({ name: 'other' })] })
    expect(planNewSlot(attachment, { ...seen, state: taken })).toBe(preferredSlot(leaf, slots))
    const others = new Map([['x', preferredSlot(leaf, slots)]])
    expect(planNewSlot(attachment, { ...seen, slots: { ...slots, others }, state: taken })).toBe(
      preferredSlot(leaf, slots) + 1,
    )
    expect(
      planNewSlot(attachment, {
        ...seen,
        state: state({ disks: [disk({ name: 'other' }), disk({ slot: 151 })] }),
      }),
    ).toBeUndefined()
  })

  test('that was asked for is refused when another disk has taken it, not replaced', () => {
    const asked = { ...seen, asked: attachment.slot }
    const taken = state({ disks: [disk({ name: 'other' })] })
    expect(() => planNewSlot(attachment, { ...asked, state: taken })).toThrow(
      expect.objectContaining({ kind: 'in-use', message: expect.stringContaining('other') }),
    )
    expect(planNewSlot(attachment, { ...asked, state: state() })).toBeUndefined()
  })
})

test('a recorded number is given up only for another disk of the same guest', () => {
  const slots = {
    first: 100,
    count: 601,
    others: held([preferredSlot(leaf, { first: 100, count: 601 })]),
  }
  const planned = (...disks: GuestDisk[]) =>
    planNewSlot(attachment, { leaf, slots, asked: undefined, state: state({ disks }) })
  expect(planned(disk({ name: 'x', guest: 'ldg2' }))).toBeUndefined()
  expect(planned(disk({ name: 'x', slot: 151 }))).toBeUndefined()
  expect(planned(disk({ name: 'x' }), disk({ slot: 99 }))).toBeUndefined()
  expect(planned(disk({ name: 'x' }), disk({ guest: 'ldg2', slot: 99 }))).toBe(
    preferredSlot(leaf, slots) + 1,
  )
})

test('a number is lost only to another disk, and never while the own one is there', () => {
  const isLost = (...disks: GuestDisk[]) =>
    isSlotLost(attachment, { leaf, state: state({ disks }) })
  expect([
    isLost(),
    isLost(disk()),
    isLost(disk({ name: 'x' })),
    isLost(disk({ name: 'x' }), disk({ slot: 9 })),
  ]).toEqual([false, false, true, false])
})

test.each([
  { slot: 99, format: { kind: 'block' }, boots: true },
  { slot: 100, format: { kind: 'block' }, boots: false },
  { slot: 99, format: { kind: 'filesystem', type: 'any' }, boots: false },
  { slot: 100, format: { kind: 'filesystem', type: 'any' }, boots: false },
] as const)(
  'a guest may run from disk $slot of $format.kind: $boots',
  ({ slot, format, boots }) => {
    expect(isBootDisk({ ...attachment, slot }, { ...volume, format }, 100)).toBe(boots)
  },
)

test('where the volume of a disk is not known its guest may run from it', () => {
  expect([99, 100].map(slot => isBootDisk({ ...attachment, slot }, undefined, 100))).toEqual([
    true,
    false,
  ])
})
