// Work that must not grow faster than what it works on. Counted, never timed: how often an element
// is looked at, with n and with twice as many of them.

import { toLdomState } from '../../src/hypervisors/ldoms/state.ts'
import { viewOf } from '../../src/hypervisors/ldoms/view.ts'

/** The same object; `looks` counts every time one of its properties is read. */
function counted<T extends object>(object: T, looks: { count: number }): T {
  return new Proxy(object, {
    get: (target, key) => {
      looks.count += 1
      return Reflect.get(target, key)
    },
  })
}

const flags = {
  system: 'normal',
  control: false,
  service: false,
  delayedReconfiguration: false,
  changing: undefined,
} as const

function looksAtDevices(disks: number): number {
  const looks = { count: 0 }
  const names = Array.from({ length: disks }, (_, index) => `disk-${index}`)
  const vds = (vdsName: string, serviceDomain: string) => {
    const devices = names.map(name =>
      counted(
        { name, vds: vdsName, serviceDomain, device: `/dev/${name}`, options: [], mpgroup: name },
        looks,
      ),
    )
    return { name: vdsName, devices }
  }
  const vdisks = names.map((name, index) => ({
    ...{ name, guest: 'ldg1', volume: { name, vds: 'vds0' }, timeoutSeconds: 0, id: index },
    ...{ server: 'primary', mpgroup: name, paths: [], isVague: false },
  }))
  const common = { state: 'active', unclear: undefined, vdses: [], vdisks: [] } as const
  const state = toLdomState([
    {
      ...common,
      name: 'primary',
      flags: { ...flags, control: true, service: true },
      vdses: [vds('vds0', 'primary')],
    },
    { ...common, name: 'alternate', flags, vdses: [vds('vds1', 'alternate')] },
    { ...common, name: 'ldg1', flags, vdisks },
  ])
  expect(state.disks.every(disk => disk.backends.length === 2)).toBe(true)
  return looks.count
}

test(
  'every exported device of a machine is looked at the same number of times, however many ' +
    'disks there are',
  () => {
    expect(looksAtDevices(400) / 400).toBe(looksAtDevices(100) / 100)
  },
)

function looksAtExports(disks: number): number {
  const looks = { count: 0 }
  const keys = Array.from({ length: disks }, (_, index) => `disk-${index}`)
  const exported = { service: 'vds0', serviceDomain: 'primary', mode: 'rw', shape: 'full' } as const
  const served = { service: 'vds0', serviceDomain: 'primary', state: 'unknown' } as const
  const view = viewOf('m1', {
    guests: [],
    frozen: undefined,
    backends: keys.map(name =>
      counted({ ...exported, name, device: `/dev/${name}`, group: undefined }, looks),
    ),
    disks: keys.map((name, slot) => {
      const disk = { name, guest: 'ldg1', slot, timeoutSeconds: 0, backends: [{ ...served, name }] }
      return counted(disk, looks)
    }),
  })
  keys.forEach((key, slot) => {
    const missing = view.missing({
      ...{ about: '', key, guest: 'ldg1', slot, mode: 'rw', shape: 'full', timeoutSeconds: 0 },
      ...{ paths: [{ domain: 'primary', service: 'vds0' }], isDevice: () => true },
    })
    expect(missing).toBeUndefined()
  })
  return looks.count
}

test('what is missing of every disk of a machine is found without a look at all others', () => {
  expect(looksAtExports(400) / 400).toBe(looksAtExports(100) / 100)
})
