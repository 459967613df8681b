// Decisions of attaching at their edges: one byte, one number, one name, one service more or less.

import type { GuestReadiness, MachineView } from '../../src/hypervisors/hypervisor.ts'
import { missingFromLive, planExport, planRemoval } from '../../src/hypervisors/ldoms/plan.ts'
import type { ExportedBackend, GuestDisk, LdomState } from '../../src/hypervisors/ldoms/state.ts'
import { LDOM_TRAITS, LDOM_WORDS } from '../../src/hypervisors/ldoms/traits.ts'
import { viewOf } from '../../src/hypervisors/ldoms/view.ts'
import {
  type Attachment,
  type AttachRequest,
  MiB,
  TiB,
  type Volume,
} from '../../src/model/volumes.ts'
import { isSlotLost, planAttachment, planNewSlot } from '../../src/storage/attachments/numbers.ts'
import {
  checkAttach,
  checkDiskSize,
  type GuestRule,
  isBootDisk,
  refuseFrozen,
} from '../../src/storage/attachments/rules.ts'
import { attachmentName, preferredLun, preferredSlot } from '../../src/storage/names.ts'
import type { Design, Pool, PoolMachine, PoolPath } from '../../src/storage/pool.ts'
import { findStrangers, speaksOf, usesOf, wantedDisk } from '../../src/storage/uses.ts'
import { volumeParameters } from '../support/parameters.ts'

const leaf = `v-${'a'.repeat(20)}`
const guest = { machine: 'm1', guest: 'ldg1' }
const other = { machine: 'm1', guest: 'ldg2' }
const name = attachmentName(leaf, guest)
const theirs = attachmentName(leaf, other)
const pathOf = (domain: string): PoolPath => ({
  serviceDomain: domain,
  service: `${domain}-vds0`,
  host: undefined as never,
})
const [one, two] = [pathOf('primary'), pathOf('alternate')]
const machine: PoolMachine = { hypervisor: undefined as never, paths: [one, two] }
const design = {
  isDeviceOf: (_: unknown, path: string) => path === '/dev/own',
} as Partial<Design> as Design
const place = {
  pool: { name: 'gold', design } as Pool,
  leaf,
  volumeId: `gold/${leaf}`,
  dataset: `t/${leaf}`,
  record: `t/a-${leaf}`,
}
const volume: Volume = {
  ...{
    id: place.volumeId,
    name: 'pvc',
    pool: 'gold',
    leaf,
    sizeBytes: MiB,
    createdSizeBytes: MiB,
    reservedBytes: 0,
    origin: undefined,
  },
  parameters: volumeParameters({ vdiskTimeoutSeconds: 9 }),
  ...{
    format: { kind: 'block' },
    source: { kind: 'empty' },
    machines: ['m1'],
    referencedBytes: 8192,
    blankBytes: 65_536,
  },
}
const attachment: Attachment = {
  ...{
    volumeId: volume.id,
    guest,
    sharing: 'exclusive',
    mode: 'rw',
    slot: 150,
    lun: 7,
    sizeBytes: MiB,
    written: false,
  },
}
const request: AttachRequest = {
  volumeId: volume.id,
  guest,
  mode: 'rw',
  sharing: 'exclusive',
  format: volume.format,
}

const backend = (path: PoolPath, change: Partial<ExportedBackend> = {}): ExportedBackend => ({
  ...{
    name,
    service: path.service,
    serviceDomain: path.serviceDomain,
    device: '/dev/own',
    mode: 'rw',
    shape: 'full',
    group: name,
  },
  ...change,
})
const through = (path: PoolPath, of = name) =>
  ({ name: of, service: path.service, serviceDomain: path.serviceDomain, state: 'active' }) as const
const disk = (change: Partial<GuestDisk> = {}): GuestDisk => ({
  ...{ name, guest: 'ldg1', slot: 150, timeoutSeconds: 0, backends: [through(one), through(two)] },
  ...change,
})
/** What the machine lists, and what the port says of it. */
const state = (
  change: Partial<LdomState> = {},
  readiness: GuestReadiness = { kind: 'running' },
): LdomState & MachineView => {
  const listed = {
    ...{
      guests: [{ name: 'ldg1', readiness, isControl: false }],
      backends: [],
      disks: [],
      frozen: undefined,
    },
    ...change,
  }
  return { ...listed, ...viewOf('m1', listed) }
}
/** Numbers that other attachments of the guest have. */
const held = (numbers: readonly number[]) =>
  new Map(numbers.map(number => [`other-${number}`, number] as const))
const attached = state({ backends: [backend(one), backend(two)], disks: [disk()] })

describe('an attachment is refused', () => {
  const solaris = { platform: 'solaris', attachLimit: undefined } as const
  const seen = {
    volume,
    records: [] as Attachment[],
    sharing: undefined,
    owner: undefined,
    state: state(),
    rule: solaris,
    hypervisor: { traits: LDOM_TRAITS, words: LDOM_WORDS },
  }
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

describe('a planned attachment', () => {
  const slots = { first: 100, count: 601, others: new Map<string, number>() }
  const seen = {
    volume,
    records: [] as Attachment[],
    state: state(),
    rule: undefined,
    slots,
    number: preferredLun(leaf),
  }

  test('is what was asked for, with the numbers of the volume', () => {
    expect(planAttachment({ ...request, mode: 'ro', sharing: 'shared' }, seen)).toEqual({
      ...{
        ...attachment,
        mode: 'ro',
        sharing: 'shared',
        slot: preferredSlot(leaf, slots),
        lun: preferredLun(leaf),
      },
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

  test('counts as written from the first byte above a blank one', () => {
    const written = (referencedBytes: number) =>
      planAttachment(request, { ...seen, volume: { ...volume, referencedBytes } }).written
    expect([65_535, 65_536, 65_537].map(written)).toEqual([false, false, true])
  })

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

test('a recorded number is given up only for another disk of the same guest', () => {
  const slots = {
    first: 100,
    count: 601,
    others: held([preferredSlot(leaf, { first: 100, count: 601 })]),
  }
  const planned = (...disks: GuestDisk[]) =>
    planNewSlot(attachment, { leaf, slots, state: state({ disks }) })
  expect(planned(disk({ name: 'x', guest: 'ldg2' }))).toBeUndefined()
  expect(planned(disk({ name: 'x', slot: 151 }))).toBeUndefined()
  expect(planned(disk({ name: 'x' }), disk({ slot: 99 }))).toBeUndefined()
  expect(planned(disk({ name: 'x' }), disk({ guest: 'ldg2', slot: 99 }))).toBe(
    preferredSlot(leaf, slots) + 1,
  )
})

describe('the steps of exporting', () => {
  const plan = (seen: LdomState, to: PoolMachine = machine) => {
    const wanted = wantedDisk(place, { volume, attachment }, to)
    const paths = wanted.paths.map(path => ({ ...path, device: '/dev/own' }))
    return planExport({ ...wanted, paths }, 'm1', seen)
  }

  test('are none where everything is there', () => {
    expect(plan(attached)).toEqual({ withdraw: [], attach: [] })
  })

  test('make each path with all that belongs to it, and the disk through the first', () => {
    expect(plan(state())).toEqual({
      withdraw: [],
      attach: [
        { kind: 'export-backend', backend: backend(one), shared: false },
        { kind: 'export-backend', backend: backend(two), shared: false },
        {
          ...{ kind: 'add-disk', name, guest: 'ldg1', slot: 150, timeoutSeconds: 9 },
          backend: { name, service: one.service },
        },
      ],
    })
    expect(plan(state(), { ...machine, paths: [] })).toEqual({
      withdraw: [],
      attach: [],
    })
  })

  test.each([
    { what: 'device', change: { device: '/dev/old' } },
    { what: 'mode', change: { mode: 'ro' } },
    { what: 'shape', change: { shape: 'slice' } },
    { what: 'group', change: { group: undefined } },
  ] as const)('make anew what has another $what, while no disk uses it', ({ change }) => {
    const backends = [backend(one), backend(two, change)]
    const { withdraw, attach } = plan(state({ backends }))
    expect(withdraw).toEqual([{ kind: 'withdraw-backend', name, service: two.service }])
    expect(attach.map(step => step.kind)).toEqual(['export-backend', 'add-disk'])
    const refusal = {
      kind: 'failed-precondition',
      message: expect.stringContaining('path to another device through alternate-vds0'),
    }
    expect(() => plan(state({ backends, disks: [disk()] }))).toThrow(
      expect.objectContaining(refusal),
    )
  })

  test('are refused where a disk lacks a path, not where another guest has a disk of that name', () => {
    const backends = [backend(one)]
    const refusal = {
      kind: 'failed-precondition',
      message: expect.stringContaining('lacks its path through alternate-vds0'),
    }
    expect(() => plan(state({ backends, disks: [disk()] }))).toThrow(
      expect.objectContaining(refusal),
    )
    expect(plan(state({ backends, disks: [disk({ guest: 'ldg2' })] })).attach).toHaveLength(2)
    expect(plan(state({ backends, disks: [disk({ name: 'x' })] })).attach).toHaveLength(2)
  })

  test(
    'say that a device is exported once more exactly where another export of the same ' +
      'service has it',
    () => {
      const sharedOf = (...backends: ExportedBackend[]) =>
        plan(state({ backends })).attach.flatMap(step =>
          step.kind === 'export-backend' ? [step.shared] : [],
        )
      expect(sharedOf(backend(one, { name: theirs }))).toEqual([true, false])
      expect(sharedOf(backend(one, { name: theirs, device: '/dev/x' }))).toEqual([false, false])
      expect(sharedOf(backend(one, { mode: 'ro' }))).toEqual([false, false])
    },
  )
})

describe('an attachment is live', () => {
  const check = (change: Partial<LdomState>) =>
    missingFromLive(wantedDisk(place, { volume, attachment }, machine), 'm1', {
      ...attached,
      ...change,
    })

  test('beside whatever else the machine has', () => {
    const backends = [
      backend(one, { name: theirs }),
      ...attached.backends,
      backend(two, { name: 'x', device: '/dev/x' }),
    ]
    expect(
      check({
        backends,
        disks: [disk({ guest: 'ldg2', slot: 3 }), disk({ name: 'x', slot: 4 }), disk()],
      }),
    ).toBeUndefined()
  })

  test.each<{ what: string; change: Partial<LdomState>; says: string }>([
    {
      what: 'another guest has the disk',
      change: { disks: [disk({ guest: 'ldg2' })] },
      says: 'has no disk',
    },
    {
      what: 'the guest has another disk',
      change: { disks: [disk({ name: 'x' })] },
      says: 'has no disk',
    },
    {
      what: 'its number is not told',
      change: { disks: [disk({ slot: undefined })] },
      says: 'number none, recorded is 150',
    },
    {
      what: 'its export has another shape',
      change: { backends: [backend(one), backend(two, { shape: 'slice' })] },
      says: 'other options',
    },
    {
      what: 'its export is in no group',
      change: { backends: [backend(one, { group: undefined }), backend(two)] },
      says: 'other options',
    },
    {
      what: 'its export shows other bytes',
      change: { backends: [backend(one, { device: '/dev/x' }), backend(two)] },
      says: '/dev/x',
    },
    { what: 'nothing serves it', change: { disks: [disk({ backends: [] })] }, says: 'not served' },
    {
      what: 'another export serves it too',
      change: { disks: [disk({ backends: [through(one), through(two, 'x')] })] },
      says: 'not served',
    },
    {
      what: 'a service that is none of its paths serves it',
      change: {
        disks: [disk({ backends: [through(one), through({ ...one, service: 'third-vds0' })] })],
      },
      says: 'not served',
    },
  ])('not where $what', ({ change, says }) => {
    expect(check(change)).toContain(says)
  })
})

describe('strangers', () => {
  test('are told by the name of the volume or by its device', () => {
    expect(speaksOf(place, name, '/dev/x')).toBe(true)
    expect(speaksOf(place, 'byhand', '/dev/own')).toBe(true)
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
    const found = findStrangers(place, state({ backends, disks }), new Set([name]))
    expect(found.map(({ label }) => label)).toEqual([
      ...[theirs, 'a', 'd'],
      ...[`${theirs}@${one.service}`, `byhand@${two.service}`],
    ])
    const own = state({ backends: [backend(one)], disks: [disk()] })
    expect(findStrangers(place, own, new Set([name]))).toEqual([])
  })

  test('are not disks by what serves them and is not exported', () => {
    const vague = disk({ name: 'a', backends: [through(one, theirs)] })
    expect(findStrangers(place, state({ disks: [vague] }), new Set())).toEqual([])
  })

  test('are removed one by one, disks first', () => {
    const seen = state({
      backends: [backend(two, { name: 'byhand' })],
      disks: [disk({ name: 'a', guest: 'ldg2', backends: [through(two, 'byhand')] })],
    })
    expect(planRemoval(findStrangers(place, seen, new Set()))).toEqual([
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
    const found = findStrangers(place, seen, new Set([name]))
    expect(found.map(({ label }) => label)).toEqual(['a', `x@${one.service}`])
    expect(planRemoval(seen.uses)).toHaveLength(2)
  })
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
    const left = (seen: MachineView) => planRemoval(usesOf(place, guest, { machine, state: seen }))
    expect(left(state({ backends, disks }))).toEqual([
      { kind: 'remove-disk', name, guest: 'ldg1' },
      { kind: 'withdraw-backend', name, service: two.service },
      { kind: 'withdraw-backend', name, service: third.service },
    ])
    const others = { backends: [backend(one, { name: theirs })], disks: disks.slice(0, 2) }
    expect(left(state(others))).toEqual([])
  },
)

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

test('a number is lost only to another disk, and never while the own one is there', () => {
  const isLost = (...disks: GuestDisk[]) =>
    isSlotLost(attachment, { leaf, state: state({ disks }) })
  expect([
    isLost(),
    isLost(disk()),
    isLost(disk({ name: 'x' })),
    isLost(disk({ name: 'x' }), disk({ slot: 9 })),
  ]).toEqual([...[false, false, true, false]])
})
