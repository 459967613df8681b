// What is refused before an attachment changes anything, and what is not.

import { LDOM_TRAITS } from '../../src/hypervisors/ldoms/traits.ts'
import { TiB } from '../../src/model/volumes.ts'
import {
  checkAttach,
  checkDiskSize,
  type GuestRule,
  refuseFrozen,
} from '../../src/storage/attachments/rules.ts'
import {
  attached,
  attachment,
  guest,
  other,
  request,
  seen,
  solaris,
  state,
  volume,
} from '../support/attachment.ts'

describe('what is refused before anything is changed', () => {
  const other = { ...attachment, guest: { machine: 'm2', guest: 'ldg1' } }
  test.each([
    {
      name: 'an unknown guest',
      kind: 'not-found',
      text: 'm1/ldg1',
      given: { ...seen, state: state({ guests: [] }) },
    },
    {
      name: 'a guest of the same name on another machine',
      kind: 'in-use',
      text: 'm2/ldg1',
      given: { ...seen, records: [other], sharing: 'exclusive' as const, owner: other.guest },
    },
    {
      name: 'another mode',
      kind: 'already-exists',
      text: 'ro',
      given: {
        ...seen,
        records: [{ ...attachment, mode: 'ro' as const }],
        sharing: 'exclusive' as const,
        owner: guest,
      },
    },
    {
      name: 'a guest that is not started',
      kind: 'unavailable',
      text: 'ldm start',
      given: { ...seen, state: state({}, { kind: 'off' }) },
    },
    {
      name: 'a guest at the firmware prompt',
      kind: 'unavailable',
      text: 'no operating system',
      given: { ...seen, state: state({}, { kind: 'no-os' }) },
    },
    {
      name: 'a guest that migrates',
      kind: 'unavailable',
      text: 'migrating',
      given: { ...seen, state: state({}, { kind: 'changing', reason: 'migrating' }) },
    },
    {
      name: 'a guest that no rule of the configuration matches',
      kind: 'failed-precondition',
      text: 'guests:',
      given: { ...seen, rule: undefined },
    },
    {
      name: 'the control domain',
      kind: 'failed-precondition',
      text: 'control domain',
      given: {
        ...seen,
        state: state({
          guests: [{ name: 'ldg1', readiness: { kind: 'running' }, isControl: true }],
        }),
      },
    },
    {
      name: 'a volume of a file system as a raw device',
      kind: 'invalid-argument',
      text: 'created as a file system',
      given: {
        ...seen,
        volume: { ...volume, format: { kind: 'filesystem' as const, type: 'any' as const } },
      },
    },
    {
      name: 'two tebibytes on Linux',
      kind: 'out-of-range',
      text: '2 TiB',
      given: {
        ...seen,
        volume: { ...volume, sizeBytes: 2 * TiB },
        rule: { platform: 'linux' as const, attachLimit: undefined },
      },
    },
  ])('$name', ({ kind, text, given }) => {
    expect(() => checkAttach(request, given)).toThrow(
      expect.objectContaining({ kind, message: expect.stringContaining(text) }),
    )
  })

  test('nothing is refused for a running guest and a free volume, nor on a replay', () => {
    checkAttach(request, seen)
    checkAttach(request, {
      ...seen,
      records: [attachment],
      sharing: 'exclusive',
      owner: guest,
      state: attached,
    })
  })

  test('a shared volume for one guest alone, and the other way round', () => {
    const shared = {
      ...attachment,
      sharing: 'shared' as const,
      guest: { machine: 'm1', guest: 'ldg9' },
    }
    expect(() => checkAttach(request, { ...seen, records: [shared], sharing: 'shared' })).toThrow(
      expect.objectContaining({ kind: 'in-use' }),
    )
    expect(() =>
      checkAttach(
        { ...request, sharing: 'shared' },
        { ...seen, records: [attachment], sharing: 'exclusive', owner: guest },
      ),
    ).toThrow(expect.objectContaining({ kind: 'already-exists' }))
    checkAttach(
      { ...request, sharing: 'shared' },
      { ...seen, records: [shared], sharing: 'shared' },
    )
  })

  test('not a boot disk: a raw one that is asked for by number may come before its guest runs', () => {
    const off = { ...seen, state: state({}, { kind: 'off' }) }
    checkAttach({ ...request, format: { kind: 'block' }, slot: 0 }, off)
    const mounted = { ...volume, format: { kind: 'filesystem', type: 'any' } } as const
    expect(() =>
      checkAttach({ ...request, format: mounted.format, slot: 0 }, { ...off, volume: mounted }),
    ).toThrow(expect.objectContaining({ kind: 'unavailable' }))
  })

  test('another disk number than the recorded one', () => {
    expect(() =>
      checkAttach(
        { ...request, slot: 200 },
        { ...seen, records: [attachment], sharing: 'exclusive', owner: guest },
      ),
    ).toThrow(expect.objectContaining({ kind: 'already-exists' }))
  })
})

describe('an attachment is refused', () => {
  const refusal = (kind: string, text = '') =>
    expect.objectContaining({ kind, message: expect.stringContaining(text) })

  test('while an exclusive one is in transition, also to the guest that asks', () => {
    expect(() => checkAttach(request, { ...seen, sharing: 'exclusive' })).toThrow(
      refusal('in-use', 'in transition'),
    )
    expect(() => checkAttach(request, { ...seen, sharing: 'shared' })).toThrow(
      refusal('in-use', 'in transition'),
    )
    checkAttach({ ...request, sharing: 'shared' }, { ...seen, sharing: 'shared' })
  })

  test('with the names of all that have the volume', () => {
    const records = [other, { ...other, guest: 'ldg3' }].map(each => ({
      ...attachment,
      guest: each,
      sharing: 'shared' as const,
    }))
    expect(() => checkAttach(request, { ...seen, records, sharing: 'shared' })).toThrow(
      refusal('in-use', 'm1/ldg2, m1/ldg3'),
    )
  })

  test(
    'in another mode or under another number than its own record has, not than those of ' +
      'others',
    () => {
      const shared = { ...attachment, sharing: 'shared' as const }
      const ask = { ...request, sharing: 'shared' as const, slot: 150 }
      checkAttach(ask, {
        ...seen,
        records: [shared, { ...shared, guest: other, mode: 'ro', slot: 9 }],
        sharing: 'shared',
      })
      checkAttach(
        { ...ask, mode: 'ro', slot: 9 },
        { ...seen, records: [{ ...shared, guest: other }], sharing: 'shared' },
      )
      const own = {
        ...seen,
        records: [{ ...shared, guest: other }, shared],
        sharing: 'shared' as const,
      }
      expect(() => checkAttach({ ...ask, mode: 'ro' }, own)).toThrow(
        refusal('already-exists', 'rw, not ro'),
      )
      expect(() => checkAttach({ ...ask, slot: 0 }, own)).toThrow(
        refusal('already-exists', 'disk 150, not 0'),
      )
    },
  )

  test('to a guest of which the listing is unclear, or one that only another machine has', () => {
    const unclear = state({}, { kind: 'unclear', reason: 'two lines' })
    expect(() => checkAttach(request, { ...seen, state: unclear })).toThrow(
      refusal('unavailable', 'two lines'),
    )
    const named = state({
      guests: [{ name: 'ldg11', readiness: { kind: 'running' }, isControl: false }],
    })
    expect(() => checkAttach(request, { ...seen, state: named })).toThrow(
      refusal('not-found', 'm1/ldg1'),
    )
  })

  test('to a guest that is off, but for a raw disk under a number', () => {
    const off = { ...seen, state: state({}, { kind: 'off' }) }
    expect(() => checkAttach(request, off)).toThrow(refusal('unavailable', 'not running'))
    const format = { kind: 'filesystem', type: 'any' } as const
    const mounted = { ...off, volume: { ...volume, format } }
    expect(() => checkAttach({ ...request, slot: 0, format }, mounted)).toThrow(
      refusal('unavailable'),
    )
    checkAttach({ ...request, slot: 0 }, off)
  })

  test('from the sector on where a Linux guest would see the size modulo 2 TiB', () => {
    const linux = { platform: 'linux', attachLimit: undefined } as const
    const check = (sizeBytes: number, rule: GuestRule | undefined) =>
      checkDiskSize({ volumeId: 'a', guest, sizeBytes }, rule, { traits: LDOM_TRAITS })
    check(2 * TiB - 512, linux)
    expect(() => check(2 * TiB - 511, linux)).toThrow(refusal('out-of-range'))
    check(2 * TiB, solaris)
    check(2 * TiB, undefined)
    const large = { ...seen, volume: { ...volume, sizeBytes: 2 * TiB }, rule: linux }
    expect(() => checkAttach(request, large)).toThrow(refusal('out-of-range'))
  })
})

test('a machine is refused exactly while it is frozen, with the reason', () => {
  refuseFrozen('m1', state())
  const refusal = {
    kind: 'unavailable',
    message: expect.stringContaining('m1 cannot be changed now: it reboots'),
  }
  expect(() => refuseFrozen('m1', state({ frozen: 'it reboots' }))).toThrow(
    expect.objectContaining(refusal),
  )
})
