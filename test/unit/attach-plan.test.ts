import type { GuestReadiness, MachineView } from '../../src/hypervisors/hypervisor.ts'
import { missingFromLive, planExport, planRemoval } from '../../src/hypervisors/ldoms/plan.ts'
import type { ExportedBackend, LdomState } from '../../src/hypervisors/ldoms/state.ts'
import { LDOM_TRAITS, LDOM_WORDS } from '../../src/hypervisors/ldoms/traits.ts'
import { viewOf } from '../../src/hypervisors/ldoms/view.ts'
import { volumeLeaf } from '../../src/model/ids.ts'
import { type Attachment, GiB, MiB, TiB, type Volume } from '../../src/model/volumes.ts'
import { planAttachment, planNewSlot } from '../../src/storage/attachments/numbers.ts'
import { checkAttach } from '../../src/storage/attachments/rules.ts'
import { attachmentName, preferredSlot } from '../../src/storage/names.ts'
import type { Design, Pool, PoolMachine, PoolPath } from '../../src/storage/pool.ts'
import { findStrangers, usesOf, wantedDisk } from '../../src/storage/uses.ts'
import { volumeParameters } from '../support/parameters.ts'

const guest = { machine: 'm1', guest: 'ldg1' }
const leaf = volumeLeaf('prod', 'gold', 'pvc-1')
const name = attachmentName(leaf, guest)
const slots = { first: 100, count: 601, others: new Map<string, number>() }
const device = (of: string) => `/dev/dsk/${of}`

const paths: readonly PoolPath[] = [
  { serviceDomain: 'primary', service: 'primary-vds0', host: undefined as never },
  { serviceDomain: 'alternate', service: 'alternate-vds0', host: undefined as never },
]
const machine: PoolMachine = { hypervisor: undefined as never, paths }
const design = {
  isDeviceOf: (place: { leaf: string }, path: string) => path === device(place.leaf),
} as Partial<Design> as Design
const place = {
  pool: { name: 'gold', design } as Pool,
  leaf,
  volumeId: `gold/${leaf}`,
  dataset: `tank/k/${leaf}`,
  record: `tank/k/a-${leaf}`,
}
const volume: Volume = {
  id: place.volumeId,
  name: 'pvc-1',
  pool: 'gold',
  leaf,
  sizeBytes: 64 * MiB,
  createdSizeBytes: 64 * MiB,
  reservedBytes: 0,
  origin: undefined,
  format: { kind: 'block' },
  parameters: volumeParameters(),
  source: { kind: 'empty' },
  machines: ['m1'],
  referencedBytes: 12_288,
  blankBytes: 65_536,
}
const attachment: Attachment = {
  volumeId: volume.id,
  guest,
  sharing: 'exclusive',
  mode: 'rw',
  slot: 150,
  lun: 7,
  sizeBytes: volume.sizeBytes,
  written: false,
}
const request = {
  volumeId: volume.id,
  guest,
  mode: 'rw',
  sharing: 'exclusive',
  format: volume.format,
} as const

function backend(service: string, change: Partial<ExportedBackend> = {}): ExportedBackend {
  return {
    name,
    service,
    serviceDomain: service.split('-')[0] ?? '',
    device: device(leaf),
    mode: 'rw',
    shape: 'full',
    group: name,
    ...change,
  }
}

function disk(change: Partial<LdomState['disks'][number]> = {}): LdomState['disks'][number] {
  const backends = paths.map(path => ({
    name,
    service: path.service,
    serviceDomain: path.serviceDomain,
    state: 'standby' as const,
  }))
  return { name, guest: 'ldg1', slot: 150, timeoutSeconds: 0, backends, ...change }
}

/** What the machine lists, and what the port says of it. */
function state(
  change: Partial<LdomState> = {},
  readiness: GuestReadiness = { kind: 'running' },
): LdomState & MachineView {
  const listed = {
    guests: [{ name: 'ldg1', readiness, isControl: false }],
    backends: [],
    disks: [],
    frozen: undefined,
    ...change,
  }
  return { ...listed, ...viewOf('m1', listed) }
}

const attached = state({
  backends: [backend('primary-vds0'), backend('alternate-vds0')],
  disks: [disk()],
})
const solaris = { platform: 'solaris', attachLimit: undefined } as const
const seen = {
  volume,
  records: [],
  sharing: undefined,
  owner: undefined,
  state: state(),
  rule: solaris,
  hypervisor: { traits: LDOM_TRAITS, words: LDOM_WORDS },
}

function exporting(seen: LdomState, to: PoolMachine = machine) {
  const wanted = wantedDisk(place, { volume, attachment }, to)
  const exposed = wanted.paths.map(path => ({ ...path, device: device(leaf) }))
  return planExport({ ...wanted, paths: exposed }, 'm1', seen)
}

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

describe('the numbers of a new attachment', () => {
  const given = { volume, records: [], state: state(), rule: undefined, slots, number: 7 }

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
    const other = attachmentName(volumeLeaf('prod', 'gold', 'pvc-2'), guest)
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

  test('a volume that refers to more than an empty one counts as written', () => {
    expect(planAttachment(request, given).written).toBe(false)
    expect(
      planAttachment(request, { ...given, volume: { ...volume, referencedBytes: GiB } }).written,
    ).toBe(true)
  })
})

describe('the number of a recorded attachment', () => {
  const seen = { leaf, slots }

  test('stays while it is free or its own', () => {
    expect(planNewSlot(attachment, { ...seen, state: state() })).toBeUndefined()
    expect(planNewSlot(attachment, { ...seen, state: attached })).toBeUndefined()
  })

  test('changes when another disk of the guest has taken it, and the attachment is not live', () => {
    const taken = state({ disks: [disk({ name: 'other' })] })
    expect(planNewSlot(attachment, { ...seen, state: taken })).toBe(preferredSlot(leaf, slots))
    const others = new Map([['x', preferredSlot(leaf, slots)]])
    expect(planNewSlot(attachment, { leaf, slots: { ...slots, others }, state: taken })).toBe(
      preferredSlot(leaf, slots) + 1,
    )
    expect(
      planNewSlot(attachment, {
        ...seen,
        state: state({ disks: [disk({ name: 'other' }), disk({ slot: 151 })] }),
      }),
    ).toBeUndefined()
  })
})

describe('the steps of exporting', () => {
  test('on an empty machine: every path, then the disk', () => {
    const plan = exporting(state())
    expect(plan.withdraw).toEqual([])
    expect(plan.attach.map(step => step.kind)).toEqual([
      'export-backend',
      'export-backend',
      'add-disk',
    ])
    expect(plan.attach[0]).toMatchObject({ backend: { service: 'primary-vds0', group: name } })
    expect(plan.attach[2]).toMatchObject({ slot: 150, guest: 'ldg1', name })
  })

  test('after a cut: only what is missing', () => {
    const plan = exporting(state({ backends: [backend('primary-vds0')] }))
    expect(plan.attach.map(step => step.kind)).toEqual(['export-backend', 'add-disk'])
  })

  test('a path to another device is made anew while no disk uses it', () => {
    const wrong = state({ backends: [backend('primary-vds0', { device: device('old') })] })
    expect(exporting(wrong).withdraw).toEqual([
      { kind: 'withdraw-backend', name, service: 'primary-vds0' },
    ])
  })

  test('a running disk that lacks a path is not touched', () => {
    const lame = state({ backends: [backend('primary-vds0')], disks: [disk()] })
    expect(() => exporting(lame)).toThrow(expect.objectContaining({ kind: 'failed-precondition' }))
  })

  test('a single path has no group', () => {
    const single = { ...machine, paths: paths.slice(0, 1) }
    expect(exporting(state(), single).attach[0]).toMatchObject({
      backend: { group: undefined },
    })
  })
})

describe('live', () => {
  const check = (change: LdomState) =>
    missingFromLive(wantedDisk(place, { volume, attachment }, machine), 'm1', change)

  test('means this disk under this number on these paths', () => {
    expect(check(attached)).toBeUndefined()
  })

  test.each([
    { name: 'no disk', given: state(), text: 'has no disk' },
    { name: 'another number', given: { ...attached, disks: [disk({ slot: 151 })] }, text: '151' },
    {
      name: 'a missing path',
      given: { ...attached, backends: [backend('primary-vds0')] },
      text: 'alternate-vds0 does not export',
    },
    {
      name: 'a path to other bytes',
      given: {
        ...attached,
        backends: [backend('primary-vds0'), backend('alternate-vds0', { device: device('x') })],
      },
      text: 'other options or another device',
    },
    {
      name: 'another mode',
      given: {
        ...attached,
        backends: [backend('primary-vds0', { mode: 'ro' }), backend('alternate-vds0')],
      },
      text: 'other options',
    },
    {
      name: 'a disk that another export serves',
      given: {
        ...attached,
        disks: [
          disk({
            backends: [
              { name: 'x', service: 'primary-vds0', serviceDomain: 'primary', state: 'active' },
            ],
          }),
        ],
      },
      text: 'not served',
    },
  ])('is not $name', ({ given, text }) => {
    expect(check(given)).toContain(text)
  })
})

describe('strangers', () => {
  test('are exports and disks of the volume under any name but the recorded one', () => {
    const foreign = backend('primary-vds0', { name: 'byhand' })
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
    expect(findStrangers(place, seen, new Set([name]))).toMatchObject([
      { kind: 'disk', key: 'handmade', guest: 'ldg9', removal: 'ldm rm-vdisk handmade ldg9' },
      {
        kind: 'export',
        label: 'byhand@primary-vds0',
        removal: 'ldm rm-vdsdev byhand@primary-vds0',
      },
    ])
    expect(findStrangers(place, attached, new Set([name]))).toEqual([])
  })

  test(
    'without a record the volume’s own names are strangers too, and cleaning takes disks ' +
      'before exports',
    () => {
      const strangers = findStrangers(place, attached, new Set())
      expect(planRemoval(strangers).map(step => step.kind)).toEqual([
        'remove-disk',
        'withdraw-backend',
        'withdraw-backend',
      ])
    },
  )
})

test('detaching removes the disk and then every path, and nothing when nothing is there', () => {
  expect(
    planRemoval(usesOf(place, guest, { machine, state: attached })).map(step => step.kind),
  ).toEqual(['remove-disk', 'withdraw-backend', 'withdraw-backend'])
  expect(usesOf(place, guest, { machine, state: state() })).toEqual([])
})
