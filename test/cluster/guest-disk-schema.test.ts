// GuestDisk on a real API server: what its definition accepts, what it refuses and in which words,
// and that the spec never changes.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CHANGES, DISK_CASES, guestDisk } from '../support/guest-disk-cases.ts'
import { cluster } from './fixture.ts'

const { kubectl } = cluster
const EXAMPLES = join(import.meta.dirname, '../../examples/kubernetes/guest-disks')
const NAME = `schema-${process.pid}`

const DRY = ['--dry-run=server', '--validate=strict']

const create = (spec: object, ...options: readonly string[]) =>
  kubectl.run(['create', '--filename', '-', ...options], {
    input: JSON.stringify(guestDisk(NAME, { ...spec })),
  })

const patch = (change: object, ...options: readonly string[]) => {
  const words = ['patch', 'guestdisk', NAME, '--type=merge', ...options]
  return kubectl.run([...words, '--patch', JSON.stringify(change)])
}

afterEach(() => kubectl.delete('guestdisk', NAME))

test.each(DISK_CASES.filter(({ refused }) => refused === undefined))(
  'accepted: $title',
  async ({ spec }) => {
    expect(await create(spec, ...DRY)).toContain('created')
  },
)

test.each(
  DISK_CASES.flatMap(({ title, spec, refused }) => (refused ? [{ title, spec, refused }] : [])),
)('refused: $title: $refused', async ({ spec, refused }) => {
  await expect(create(spec, ...DRY)).rejects.toThrow(refused)
})

test.each(CHANGES)('$from never becomes $to', async ({ from, to }) => {
  await create(from)
  const gone = Object.fromEntries(Object.keys(from).map(key => [key, null]))

  await expect(patch({ spec: { ...gone, ...to } })).rejects.toThrow('cannot change')
})

test('labels, annotations and finalizers change, and the spec stays', async () => {
  await create({ claimName: 'orders', guest: 'm1/ldg1', vdiskNumber: 0 })

  await patch({ metadata: { annotations: { 'ldom-csi.io/abandon': 'm1/ldg1 is gone' } } })
  await patch({ metadata: { finalizers: ['ldom-csi.io/guest-disk'] } })
  await patch({ metadata: { finalizers: null } })

  expect(await kubectl.value(`guestdisk ${NAME}`, '.spec')).toBe(
    '{"claimName":"orders","guest":"m1/ldg1","readOnly":false,"vdiskNumber":0}',
  )
})

const CONDITION = {
  type: 'Ready',
  status: 'False',
  reason: 'GuestOff',
  message: 'the guest is off',
  lastTransitionTime: '2026-01-01T00:00:00Z',
  observedGeneration: 1,
}
const STATUS = {
  observedGeneration: 1,
  conditions: [CONDITION],
  volume: 'gold/prod-1',
  size: '64Mi',
  vdisk: 100,
  device: '/dev/dsk/c1d100s0',
  paths: [{ serviceDomain: 'primary', service: 'primary-vds0', state: 'active' }],
  pathsWorking: '1/1',
}

// The controller writes the status, too: what a change would make of the disk is asked dry.
test('the status changes by its own subresource only, and the spec never by that', async () => {
  await create({ claimName: 'orders', guest: 'm1/ldg1', mountPath: '/export/orders' })
  const dry = async (change: object, ...options: readonly string[]) =>
    JSON.parse(await patch(change, '--dry-run=server', '--output=json', ...options))

  expect((await dry({ status: STATUS })).status?.volume).not.toBe(STATUS.volume)
  const change = { status: STATUS, spec: { guest: 'm2/ldg1' } }
  expect(await dry(change, '--subresource=status')).toMatchObject({
    status: STATUS,
    spec: { guest: 'm1/ldg1' },
  })
})

test('a short name and the category list disks, with their columns', async () => {
  await create({ claimName: 'orders', guest: 'm1/ldg1', mountPath: '/export/orders' })

  const [head = '', row = ''] = (await kubectl.run(['get', 'gd', NAME])).split('\n')
  expect(head).toMatch(/^NAME +CLAIM +GUEST +DISK +DEVICE +PATHS +READY +AGE$/)
  expect(row).toMatch(new RegExp(`^${NAME} +orders +m1/ldg1 `))
  expect(await kubectl.run(['get', 'ldom-csi'])).toContain(NAME)
})

test.each([
  { what: 'a state', status: { paths: [{ ...STATUS.paths[0], state: 'fine' }] } },
  { what: 'a truth', status: { conditions: [{ ...CONDITION, status: 'Maybe' }] } },
  { what: 'the same condition twice', status: { conditions: [CONDITION, CONDITION] } },
])('a status with $what that cannot be is refused', async ({ status }) => {
  await create({ claimName: 'orders', guest: 'm1/ldg1', vdiskNumber: 0 })

  await expect(patch({ status }, '--subresource=status')).rejects.toThrow(/Unsupported|Duplicate/)
})

test.each(readdirSync(EXAMPLES))('the API server takes the example %s', async file => {
  const said = await kubectl.run(['apply', '--filename', join(EXAMPLES, file), ...DRY])

  expect(
    said
      .trim()
      .split('\n')
      .every(line => / (created|configured|unchanged) /.test(line)),
  ).toBe(true)
})
