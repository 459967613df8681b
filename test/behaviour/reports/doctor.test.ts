// `doctor` on a simulated installation: silence where all is well, and for each defect one line
// that names it and the way out.

import type { Check } from '../../../src/checks.ts'
import { examine, formatChecks, provePaths } from '../../../src/cli/doctor.ts'
import { LdomMachine } from '../../../src/hypervisors/ldoms/machine.ts'
import { savedPrefix } from '../../../src/hypervisors/ldoms/saved-configurations.ts'
import { install, type TestInstallation } from '../../support/installation.ts'

const failures = (checks: readonly Check[]) =>
  checks.filter(check => check.level === 'FAIL').map(({ object, what }) => `${object}: ${what}`)

test('a sound installation has no failure, and every host, machine, pool and path has its line', async () => {
  const checks = await examine(install().driver())

  expect(failures(checks)).toEqual([])
  const fine = checks.filter(check => check.level === 'ok').map(check => check.object)
  expect(fine).toEqual(
    expect.arrayContaining([
      'host storage1',
      'host m1-alternate',
      'machine m1',
      'vds primary-vds0@primary of m1',
      'vds alternate-vds0@alternate of m2',
      'pool silver',
      'pool gold',
      'COMSTAR on storage1',
      'path gold through alternate of m2',
    ]),
  )
})

test(
  'a Linux guest that a pool with several paths can reach is warned about: it does not fail ' +
    'over',
  async () => {
    const checks = await examine(install().driver())

    expect(checks).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        object: 'guest m1/ldg2',
        what: expect.stringContaining('does not fail over'),
      }),
    )
    expect(checks.filter(check => check.object === 'guest m1/ldg1')).toEqual([])
  },
)

test('every check is told once, the hosts before what needs them to answer', async () => {
  const told: Check[] = []

  const checks = await examine(install().driver(), undefined, part => told.push(...part))

  expect(told).toHaveLength(checks.length)
  expect(new Set(told)).toEqual(new Set(checks))
  const firstOther = told.findIndex(({ object }) => !object.startsWith('host '))
  expect(told.slice(firstOther).filter(({ object }) => object.startsWith('host '))).toEqual([])
})

test('a machine whose changes cannot be saved fails, with what stands in the way', async () => {
  const { world, driver } = install()
  const installation = driver()
  const host = installation.hosts.get('m1-primary')
  if (host === undefined) throw new Error('machine m1 has no control domain')
  const saving = new LdomMachine({ machine: 'm1', host, savedPrefix: savedPrefix('test') })
  const subject = { ...installation, machines: new Map([['m1', saving]]) }
  expect(failures(await examine(subject))).toEqual([])
  world.machine('m1').powerCycle({ boots: 'factory-default' })
  expect(failures(await examine(subject))).toContainEqual(
    expect.stringMatching(
      /^machine m1: .*not saved.*it runs factory-default, but the next power-on loads initial/,
    ),
  )
})

interface Defect {
  readonly name: string
  readonly make: (installation: TestInstallation) => void
  readonly says: readonly RegExp[]
}

const DEFECTS: readonly Defect[] = [
  {
    name: 'a host that does not answer',
    make: ({ world }) => {
      world.host('storage1').down = true
    },
    says: [
      /^host storage1: /,
      ...['primary of m1', 'alternate of m1', 'primary of m2', 'alternate of m2'].map(
        path => new RegExp(`^path gold through ${path}: .*not logged in`),
      ),
    ],
  },
  {
    name: 'a control domain without ldm',
    make: ({ world }) => {
      world.host('m1-primary').programs.delete('ldm')
    },
    says: [/^machine m1: .*ldm/],
  },
  {
    name: 'a storage host without zfs',
    make: ({ world }) => {
      world.host('storage1').programs.delete('zfs')
    },
    says: [/^pool gold: .*zfs/],
  },
  {
    name: 'a storage host without stmfadm',
    make: ({ world }) => {
      world.host('storage1').programs.delete('stmfadm')
    },
    says: [/^COMSTAR on storage1: .*stmfadm/],
  },
  {
    name: 'a service domain without iscsiadm',
    make: ({ world }) => {
      world.host('m1-alternate').programs.delete('iscsiadm')
    },
    says: [/^path gold through alternate of m1: .*iscsiadm/],
  },
  {
    name: 'a machine in delayed reconfiguration',
    make: ({ world }) => world.machine('m1').setDelayedReconfiguration(true),
    says: [/^machine m1: domain primary is in delayed reconfiguration/],
  },
]

test.each(DEFECTS)('$name is found', async ({ make, says }) => {
  const installation = install()
  make(installation)

  const found = failures(await examine(installation.driver()))

  expect(found).toHaveLength(says.length)
  for (const [at, pattern] of says.entries()) expect(found[at]).toMatch(pattern)
})

test('a vds, a dataset and a domain that the configuration names wrongly are found', async () => {
  const { driver } = install(spec => {
    const broken = structuredClone(spec)
    broken.pools = {
      silver: {
        design: 'local',
        host: 'm1-primary',
        dataset: 'mtank/elsewhere',
        paths: [
          {
            machine: 'm1',
            serviceDomain: 'primary',
            vds: 'primary-vds9',
            device: '/dev/zvol/dsk/{dataset}/{volume}',
          },
        ],
      },
    }
    return broken
  })

  expect(failures(await examine(driver())).sort()).toEqual([
    'pool silver: dataset mtank/elsewhere does not exist on m1-primary',
    'vds primary-vds9@primary of m1: there is no such vds',
  ])
})

test('every path of a pool with several is proved through the canary, and only those', async () => {
  const checks = await provePaths(install().driver().pools)

  expect(checks.map(({ level, object }) => [level, object])).toEqual(
    ['m1', 'm2'].flatMap(machine =>
      ['primary', 'alternate'].map(domain => [
        'ok',
        `canary of pool gold, machine ${machine}, service domain ${domain}`,
      ]),
    ),
  )
})

test('a path without the storage network fails alone', async () => {
  const { driver, world } = install()
  world.initiator('m2-alternate').connected = false

  expect(failures(await provePaths(driver().pools))).toEqual([
    expect.stringMatching(/^canary of pool gold, machine m2, service domain alternate: /),
  ])
})

test.each([
  {
    host: 'm1-primary',
    says: ['machine m1, its services and guests', 'path gold through primary of m1', 'pool silver'],
  },
  { host: 'storage1', says: ['pool gold', 'COMSTAR on storage1'] },
])('what cannot be asked while $host is down is said to be not checked', async ({ host, says }) => {
  const { world, driver } = install()
  world.host(host).down = true
  const checks = await examine(driver())

  const skipped = checks.filter(({ level }) => level === 'skip')
  expect(skipped.map(({ object }) => object).sort()).toEqual([...says].sort())
  for (const { what } of skipped) expect(what).toContain(`host ${host} failed`)
})

test('the way out stands below what it is for', () => {
  const text = formatChecks([
    { level: 'ok', object: 'host a', what: 'answers' },
    { level: 'FAIL', object: 'host b', what: 'is silent', wayOut: 'wake it' },
  ])

  expect(text).toBe('ok    host a: answers\nFAIL  host b: is silent\n      -> wake it\n')
})
