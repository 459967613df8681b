// The steps by which a machine exports a volume and gives it to a guest, and when that is done.

import { missingFromLive, planExport } from '../../src/hypervisors/ldoms/plan.ts'
import type { ExportedBackend, LdomState } from '../../src/hypervisors/ldoms/state.ts'
import { wantedDisk } from '../../src/storage/uses.ts'
import {
  attached,
  attachment,
  backend,
  device,
  disk,
  machine,
  name,
  one,
  place,
  state,
  theirs,
  through,
  two,
  volume,
} from '../support/attachment.ts'

function exporting(listed: LdomState, to = machine) {
  const wanted = wantedDisk(place, { volume, attachment }, to)
  const exposed = wanted.paths.map(path => ({ ...path, device }))
  return planExport({ ...wanted, paths: exposed }, 'm1', listed)
}

/** What is missing from a live attachment, where the machine differs from one that has it. */
function check(change: Partial<LdomState>): string | undefined {
  const wanted = wantedDisk(place, { volume, attachment }, machine)
  return missingFromLive(wanted, 'm1', { ...attached, ...change })
}

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
    const plan = exporting(state({ backends: [backend(one)] }))
    expect(plan.attach.map(step => step.kind)).toEqual(['export-backend', 'add-disk'])
  })

  test('a path to another device is made anew while no disk uses it', () => {
    const wrong = state({ backends: [backend(one, { device: '/dev/old' })] })
    expect(exporting(wrong).withdraw).toEqual([
      { kind: 'withdraw-backend', name, service: 'primary-vds0' },
    ])
  })

  test('a running disk that lacks a path is not touched', () => {
    const lame = state({ backends: [backend(one)], disks: [disk()] })
    expect(() => exporting(lame)).toThrow(expect.objectContaining({ kind: 'failed-precondition' }))
  })

  test('a single path has no group', () => {
    const single = { ...machine, paths: machine.paths.slice(0, 1) }
    expect(exporting(state(), single).attach[0]).toMatchObject({
      backend: { group: undefined },
    })
  })

  test('are none where everything is there', () => {
    expect(exporting(attached)).toEqual({ withdraw: [], attach: [] })
  })

  test('make each path with all that belongs to it, and the disk through the first', () => {
    expect(exporting(state())).toEqual({
      withdraw: [],
      attach: [
        { kind: 'export-backend', backend: backend(one), shared: false },
        { kind: 'export-backend', backend: backend(two), shared: false },
        {
          kind: 'add-disk',
          name,
          guest: 'ldg1',
          slot: 150,
          timeoutSeconds: 9,
          backend: { name, service: one.service },
        },
      ],
    })
    expect(exporting(state(), { ...machine, paths: [] })).toEqual({
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
    const { withdraw, attach } = exporting(state({ backends }))
    expect(withdraw).toEqual([{ kind: 'withdraw-backend', name, service: two.service }])
    expect(attach.map(step => step.kind)).toEqual(['export-backend', 'add-disk'])
    const refusal = {
      kind: 'failed-precondition',
      message: expect.stringContaining('path to another device through alternate-vds0'),
    }
    expect(() => exporting(state({ backends, disks: [disk()] }))).toThrow(
      expect.objectContaining(refusal),
    )
  })

  test('are refused where a disk lacks a path, not where another guest has a disk of that name', () => {
    const backends = [backend(one)]
    const refusal = {
      kind: 'failed-precondition',
      message: expect.stringContaining('lacks its path through alternate-vds0'),
    }
    expect(() => exporting(state({ backends, disks: [disk()] }))).toThrow(
      expect.objectContaining(refusal),
    )
    expect(exporting(state({ backends, disks: [disk({ guest: 'ldg2' })] })).attach).toHaveLength(2)
    expect(exporting(state({ backends, disks: [disk({ name: 'x' })] })).attach).toHaveLength(2)
  })

  test(
    'say that a device is exported once more exactly where another export of the same ' +
      'service has it',
    () => {
      const sharedOf = (...backends: ExportedBackend[]) =>
        exporting(state({ backends })).attach.flatMap(step =>
          step.kind === 'export-backend' ? [step.shared] : [],
        )
      expect(sharedOf(backend(one, { name: theirs }))).toEqual([true, false])
      expect(sharedOf(backend(one, { name: theirs, device: '/dev/x' }))).toEqual([false, false])
      expect(sharedOf(backend(one, { mode: 'ro' }))).toEqual([false, false])
    },
  )
})

describe('live', () => {
  test('means this disk under this number on these paths', () => {
    expect(check(attached)).toBeUndefined()
  })

  test.each([
    { name: 'no disk', given: state(), text: 'has no disk' },
    { name: 'another number', given: { ...attached, disks: [disk({ slot: 151 })] }, text: '151' },
    {
      name: 'a missing path',
      given: { ...attached, backends: [backend(one)] },
      text: 'alternate-vds0 does not export',
    },
    {
      name: 'a path to other bytes',
      given: {
        ...attached,
        backends: [backend(one), backend(two, { device: '/dev/x' })],
      },
      text: 'other options or another device',
    },
    {
      name: 'another mode',
      given: {
        ...attached,
        backends: [backend(one, { mode: 'ro' }), backend(two)],
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

describe('an attachment is live', () => {
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
      says: 'number none, the record says 150',
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
