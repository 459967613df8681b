// Every file in examples/ does what it says, on a simulated installation: made, made again without
// a change, taken away. Configuration files are read.

import { readdirSync, readFileSync } from 'node:fs'
import { xenWorld } from '../../../sim/preset.ts'
import {
  findGuestRule,
  parseControllerConfig,
  parseNodeConfig,
} from '../../../src/config/config.ts'
import { parseGuestDisksConfig } from '../../../src/config/guest-disks.ts'
import { type ApplyWorld, applyWorld, example } from './world.ts'

const CLASSES = example('storage-classes.yaml')
const MiB = 1024 ** 2

let world: ApplyWorld
beforeEach(async () => {
  world = await applyWorld(['m1/ldg1', 'm1/ldg2', 'm2/ldg1'])
})
afterEach(() => world.end())

/** Applied twice: the second run must change nothing. */
async function applyTwice(...texts: readonly string[]): Promise<void> {
  expect(await world.apply(CLASSES, ...texts)).toEqual([])
  const before = world.state()
  expect(await world.apply(CLASSES, ...texts)).toEqual([])
  expect(world.state()).toBe(before)
}

async function expectNothingLeft(): Promise<void> {
  expect(world.datasets()).toEqual([])
  expect(await world.driver.audit()).toEqual([])
}

const guest = (id: string) => world.world.guest(id)
const mounts = (id: string) =>
  guest(id)
    .mounts()
    .map(({ path, type }) => `${type} ${path}`)
    .filter(line => !line.includes('/staging/'))
const disks = (machine: string, name: string) =>
  world.world.machine(machine).guestDisks(name).list()

const CONFIGURATIONS = [
  { file: 'configuration/controller.yaml', parse: parseControllerConfig },
  { file: 'configuration/controller-xen.yaml', parse: parseControllerConfig },
  { file: 'configuration/node-linux.yaml', parse: parseNodeConfig },
  { file: 'configuration/node-linux-xen.yaml', parse: parseNodeConfig },
  { file: 'configuration/node-solaris.yaml', parse: parseNodeConfig },
  { file: 'configuration/guest-disks.yaml', parse: parseGuestDisksConfig },
]
const TESTED = [
  ...CONFIGURATIONS.map(({ file }) => file),
  ...[
    'storage-classes.yaml',
    'claim-linux.yaml',
    'claim-solaris.yaml',
    'claim-xen.yaml',
    'snapshot-restore.yaml',
    'claim-solaris-grown.yaml',
  ],
  ...['boot-disk-clone.yaml', 'shared-raw-disk.yaml', 'claim-attributes.yaml'],
  'guest-disks.yaml',
]

test('every example is tried here', () => {
  const folder = new URL('../../../examples', import.meta.url)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })

  // Those for a cluster are tried in one, by test/cluster.
  const here = files.filter(file => file.endsWith('.yaml') && !file.startsWith('kubernetes/'))
  expect(here.sort()).toEqual(TESTED.sort())
})

test.each([
  { folder: 'kubernetes', tests: 'examples' },
  { folder: 'kubernetes/guest-disks', tests: 'guest-disks' },
])('every example in $folder is tried by the tests of the cluster', ({ folder, tests }) => {
  const names = readdirSync(new URL(`../../../examples/${folder}`, import.meta.url))
    .filter(file => file.endsWith('.yaml') && !file.startsWith('values-'))
    .map(file => file.replace('.yaml', ''))

  const text = readFileSync(new URL(`../../cluster/${tests}.test.ts`, import.meta.url), 'utf8')
  expect(names.filter(name => !text.includes(`file('${name}')`))).toEqual([])
})

test.each(CONFIGURATIONS)('$file is a configuration', ({ file, parse }) => {
  expect(() => parse(example(file), file)).not.toThrow()
})

test('the guests of the node examples have the platform that the controller expects', () => {
  const { guests } = parseControllerConfig(example('configuration/controller.yaml'), 'controller')

  for (const file of ['configuration/node-linux.yaml', 'configuration/node-solaris.yaml']) {
    const { machine, guest, platform, attachLimit } = parseNodeConfig(example(file), file)
    expect(findGuestRule(guests, machine, guest)).toMatchObject({ platform, attachLimit })
  }
})

test('the claims of a Linux and of a Solaris guest are mounted where they say', async () => {
  await applyTwice(example('claim-linux.yaml'), example('claim-solaris.yaml'))

  expect(mounts('m1/ldg2')).toEqual(['ext4 /srv/web'])
  expect(mounts('m1/ldg1')).toEqual(['lofs /export/orders'])

  expect(
    await world.remove(CLASSES, example('claim-linux.yaml'), example('claim-solaris.yaml')),
  ).toEqual([])
  await expectNothingLeft()
})

test('the claim of a guest of Xen is mounted where it says', async () => {
  await world.end()
  world = await applyWorld(['x1/web'], () => xenWorld())
  await applyTwice(example('claim-xen.yaml'))

  expect(mounts('x1/web')).toEqual(['ext4 /srv/web'])

  expect(await world.remove(CLASSES, example('claim-xen.yaml'))).toEqual([])
  await expectNothingLeft()
})

describe('snapshot-restore.yaml', () => {
  const FILES = [example('claim-linux.yaml'), example('snapshot-restore.yaml')]

  test('restores what the claim held when it was cut, beside it in the same guest', async () => {
    await world.apply(CLASSES, example('claim-linux.yaml'))
    guest('m1/ldg2').writeFile('/srv/web/index.html', 'before')
    await world.apply(
      CLASSES,
      example('snapshot-restore.yaml').split('---').slice(0, 2).join('---'),
    )
    guest('m1/ldg2').writeFile('/srv/web/index.html', 'after')

    await applyTwice(...FILES)

    expect(mounts('m1/ldg2')).toEqual(['ext4 /srv/web', 'ext4 /srv/web-restored'])
    expect(guest('m1/ldg2').readFile('/srv/web/index.html')).toBe('after')
    expect(guest('m1/ldg2').readFile('/srv/web-restored/index.html')).toBe('before')
    expect(disks('m1', 'ldg2').map(({ id }) => guest('m1/ldg2').formatCount(id))).toEqual([1, 1])

    expect(await world.remove(CLASSES, ...FILES)).toEqual([])
    await expectNothingLeft()
  })

  test('deletes in any order', async () => {
    const [snapshotClass = '', snapshot = '', restored = ''] =
      example('snapshot-restore.yaml').split('---')
    await applyTwice(...FILES)

    for (const part of [example('claim-linux.yaml'), `${snapshotClass}---${snapshot}`, restored]) {
      expect(await world.remove(CLASSES, part)).toEqual([])
    }

    await expectNothingLeft()
  })

  test('comes back after a power cycle, also when the snapshot is gone by then', async () => {
    const [snapshotClass = '', snapshot = '', restored = ''] =
      example('snapshot-restore.yaml').split('---')
    await world.apply(CLASSES, ...FILES)
    guest('m1/ldg2').writeFile('/srv/web-restored/notes', 'kept')
    await world.remove(CLASSES, snapshotClass, snapshot)
    world.world.machine('m1').powerCycle()

    expect(await world.apply(CLASSES, restored)).toEqual([])

    expect(guest('m1/ldg2').readFile('/srv/web-restored/notes')).toBe('kept')
  })
})

test(
  'claim-solaris-grown.yaml grows the mounted file system of claim-solaris.yaml, with its ' +
    'files',
  async () => {
    await world.apply(CLASSES, example('claim-solaris.yaml'))
    guest('m1/ldg1').writeFile('/export/orders/first', 'order')

    await applyTwice(example('claim-solaris-grown.yaml'))

    const [disk] = disks('m1', 'ldg1')
    expect(disk?.sizeBytes()).toBe(128 * MiB)
    expect(guest('m1/ldg1').readFile('/export/orders/first')).toBe('order')
    expect(world.lines).toContain('default/orders: m1/ldg1 has 128MiB at /export/orders')
    expect(await world.apply(CLASSES, example('claim-solaris.yaml'))).toEqual([
      {
        object: 'default/orders',
        message: expect.stringContaining('a volume never shrinks; ask for 128MiB or more'),
      },
    ])

    expect(await world.remove(CLASSES, example('claim-solaris-grown.yaml'))).toEqual([])
    await expectNothingLeft()
  },
)

test(
  'boot-disk-clone.yaml gives the new guest the same bytes under the same number, as a full ' +
    'disk',
  async () => {
    const [bootClass = '', golden = '', clone = ''] = example('boot-disk-clone.yaml').split('---')
    await applyTwice(bootClass, golden)
    const [original] = disks('m1', 'ldg1')
    original?.write(0, Buffer.from('a label, a boot block and a system'))

    await applyTwice(bootClass, golden, clone)

    // It was not running, and boots from the clone.
    const started = await world.world.host('m2-primary').perform(['ldm', 'bind', 'ldg3'], '')
    expect(started).toMatchObject({ answer: { exitStatus: 0 } })
    await world.world.host('m2-primary').perform(['ldm', 'start', 'ldg3'], '')
    const [copy] = disks('m2', 'ldg3')
    expect([original?.id, copy?.id]).toEqual([0, 0])
    expect(copy?.read(0, 34).toString()).toBe('a label, a boot block and a system')
    expect(copy?.sizeBytes()).toBe(256 * MiB)
    const exported = world.world
      .machine('m2')
      .state()
      .domains.flatMap(domain => domain.vds.flatMap(vds => vds.volumes))
    expect(exported.map(({ options }) => options)).toEqual([[], []])

    // The original goes first, and its clone lives on.
    expect(await world.remove(bootClass, golden)).toEqual([])
    expect(copy?.read(0, 7).toString()).toBe('a label')
    expect(await world.remove(bootClass, golden, clone)).toEqual([])
    await expectNothingLeft()
  },
)

test('shared-raw-disk.yaml gives two guests on two machines one disk', async () => {
  await applyTwice(example('shared-raw-disk.yaml'))

  const [one] = disks('m1', 'ldg1')
  const [other] = disks('m2', 'ldg1')
  one?.write(0, Buffer.from('mine'))
  expect(other?.read(0, 4).toString()).toBe('mine')
  expect([one?.id, other?.id]).toEqual([90, 90])

  expect(await world.remove(CLASSES, example('shared-raw-disk.yaml'))).toEqual([])
  await expectNothingLeft()
})

test('claim-attributes.yaml sets its parameters, and follows them when they change', async () => {
  await applyTwice(example('claim-attributes.yaml'))
  const [dataset] = (world.world.zfsHosts.get('storage1')?.datasets() ?? []).filter(({ name }) =>
    name.includes('/v-'),
  )
  expect([dataset?.local.get('logbias'), dataset?.local.get('compression')]).toEqual([
    'throughput',
    'gzip-6',
  ])

  await applyTwice(
    example('claim-attributes.yaml').replace('logbias: throughput', 'logbias: latency'),
  )

  expect([dataset?.local.get('logbias'), dataset?.local.get('compression')]).toEqual([
    'latency',
    'gzip-6',
  ])
  expect(await world.remove(CLASSES, example('claim-attributes.yaml'))).toEqual([])
  await expectNothingLeft()
})

test('guest-disks.yaml gives one claim to a guest, and another to a writer and a reader', async () => {
  await applyTwice(example('guest-disks.yaml'))

  expect(mounts('m1/ldg1')).toContain('lofs /export/orders')
  const at = (machine: string) => disks(machine, 'ldg1').find(({ id }) => id === 90)
  expect([at('m1')?.mode, at('m2')?.mode]).toEqual(['rw', 'ro'])
  at('m1')?.write(0, Buffer.from('mine'))
  expect(at('m2')?.read(0, 4).toString()).toBe('mine')

  expect(await world.remove(CLASSES, example('guest-disks.yaml'))).toEqual([])
  await expectNothingLeft()
})
