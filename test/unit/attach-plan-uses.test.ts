// What a machine shows of a volume: what an attachment left, and what no record explains.

import type { MachineView, Use } from '../../src/hypervisors/hypervisor.ts'
import { planRemoval } from '../../src/hypervisors/ldoms/plan.ts'
import { attachmentName } from '../../src/storage/names.ts'
import { findStrangers, speaksOf, usesOf } from '../../src/storage/uses.ts'
import {
  attached,
  backend,
  device,
  disk,
  guest,
  machine,
  name,
  one,
  place,
  state,
  theirs,
  through,
  two,
} from '../support/attachment.ts'

const explained = (_: Use, key: string) => key === name
const unexplained = () => false

describe('strangers', () => {
  test('are exports and disks of the volume under any name but the recorded one', () => {
    const foreign = backend(one, { name: 'byhand' })
    const byHand = disk({
      name: 'handmade',
      guest: 'ldg9',
      backends: [
        { name: 'byhand', service: 'primary-vds0', serviceDomain: 'primary', state: 'active' },
      ],
    })
    const seen = state({
      backends: [...attached.backends, foreign],
      disks: [...attached.disks, byHand],
    })
    expect(findStrangers(place, seen, explained)).toMatchObject([
      { kind: 'disk', key: 'handmade', guest: 'ldg9', removal: 'ldm rm-vdisk handmade ldg9' },
      {
        kind: 'export',
        label: 'byhand@primary-vds0',
        removal: 'ldm rm-vdsdev byhand@primary-vds0',
      },
    ])
    expect(findStrangers(place, attached, explained)).toEqual([])
  })

  test(
    'without a record the volume’s own names are strangers too, and cleaning takes disks ' +
      'before exports',
    () => {
      const strangers = findStrangers(place, attached, unexplained)
      expect(planRemoval(strangers).map(step => step.kind)).toEqual([
        'remove-disk',
        'withdraw-backend',
        'withdraw-backend',
      ])
    },
  )

  test('are told by the name of the volume or by its device', () => {
    expect(speaksOf(place, name, '/dev/x')).toBe(true)
    expect(speaksOf(place, 'byhand', device)).toBe(true)
    expect(speaksOf(place, 'byhand', '/dev/x')).toBe(false)
    expect(speaksOf(place, attachmentName(`v-${'b'.repeat(20)}`, guest), '/dev/x')).toBe(false)
  })

  test('are whatever no record explains: each export and disk by itself', () => {
    const backends = [
      backend(one),
      backend(one, { name: theirs }),
      backend(two, { name: 'byhand' }),
      backend(two, { name: 'x', device: '/dev/x' }),
    ]
    const disks = [
      disk(),
      disk({ name: theirs, guest: 'ldg2', backends: [] }),
      disk({ name: 'a', backends: [through(two, 'byhand')] }),
      disk({ name: 'b', backends: [through(one, 'byhand')] }),
      disk({ name: 'c', backends: [through(one), through(two, 'x')] }),
      disk({ name: 'd', backends: [through(one), through(two, 'byhand')] }),
    ]
    const found = findStrangers(place, state({ backends, disks }), explained)
    expect(found.map(({ label }) => label)).toEqual([
      theirs,
      'a',
      'd',
      `${theirs}@${one.service}`,
      `byhand@${two.service}`,
    ])
    const own = state({ backends: [backend(one)], disks: [disk()] })
    expect(findStrangers(place, own, explained)).toEqual([])
  })

  test('are not disks by what serves them and is not exported', () => {
    const vague = disk({ name: 'a', backends: [through(one, theirs)] })
    expect(findStrangers(place, state({ disks: [vague] }), unexplained)).toEqual([])
  })

  test('are removed one by one, disks first', () => {
    const seen = state({
      backends: [backend(two, { name: 'byhand' })],
      disks: [disk({ name: 'a', guest: 'ldg2', backends: [through(two, 'byhand')] })],
    })
    expect(planRemoval(findStrangers(place, seen, unexplained))).toEqual([
      { kind: 'remove-disk', name: 'a', guest: 'ldg2' },
      { kind: 'withdraw-backend', name: 'byhand', service: two.service },
    ])
    expect(planRemoval([])).toEqual([])
  })

  test('are removed from a guest that is off only, where that is asked for', () => {
    const [use] = state({ disks: [disk()] }).uses
    expect(planRemoval(use === undefined ? [] : [use], 'while-off')).toEqual([
      { kind: 'remove-disk', name, guest: 'ldg1', only: 'while-off' },
    ])
  })

  test('of a service that is listed twice, each export counts, and is removed once', () => {
    const twice = [backend(one, { name: 'x', device: '/dev/x' }), backend(one, { name: 'x' })]
    const seen = state({
      backends: twice,
      disks: [disk({ name: 'a', backends: [through(one, 'x')] })],
    })
    const found = findStrangers(place, seen, explained)
    expect(found.map(({ label }) => label)).toEqual(['a', `x@${one.service}`])
    expect(planRemoval(seen.uses)).toHaveLength(2)
  })
})

test('detaching removes the disk and then every path, and nothing when nothing is there', () => {
  expect(
    planRemoval(usesOf(place, guest, { machine, state: attached, record: undefined })).map(
      step => step.kind,
    ),
  ).toEqual(['remove-disk', 'withdraw-backend', 'withdraw-backend'])
  expect(usesOf(place, guest, { machine, state: state(), record: undefined })).toEqual([])
})

test(
  'detaching takes what the attachment left, on every service of the machine, and nothing of ' +
    'others',
  () => {
    const third = { ...one, service: 'third-vds0' }
    const backends = [
      backend(two),
      backend(third),
      backend(one, { name: theirs }),
      backend(one, { name: 'x' }),
    ]
    const disks = [disk({ guest: 'ldg2' }), disk({ name: theirs }), disk()]
    const left = (seen: MachineView) =>
      planRemoval(usesOf(place, guest, { machine, state: seen, record: undefined }))
    expect(left(state({ backends, disks }))).toEqual([
      { kind: 'remove-disk', name, guest: 'ldg1' },
      { kind: 'withdraw-backend', name, service: two.service },
      { kind: 'withdraw-backend', name, service: third.service },
    ])
    const others = { backends: [backend(one, { name: theirs })], disks: disks.slice(0, 2) }
    expect(left(state(others))).toEqual([])
  },
)
