// Machines with Xen in the configuration files: their own keys, and how pools may reach them.

import { parse, stringify } from 'yaml'
import { ConfigError, parseControllerConfig, parseNodeConfig } from '../../src/config/config.ts'
import { parseGuestDisksConfig } from '../../src/config/guest-disks.ts'

const CONTROLLER = `
cluster: prod-1
hosts:
  dom0: { local: true }
  other: { local: true }
machines:
  x1: { hypervisor: xen, controlDomain: dom0 }
  m1: { controlDomain: other, serviceDomains: { primary: other } }
guests:
  - { machine: x1, match: '*', platform: linux }
pools:
  silver:
    design: local
    host: dom0
    dataset: tank/csi
    paths: [ { machine: x1, device: '/dev/zvol/{dataset}/{volume}' } ]
`

type Change = (file: Record<string, Record<string, Record<string, unknown>>>) => void

function problemsOf(change: Change): readonly string[] {
  const file = parse(CONTROLLER)
  change(file)
  try {
    parseControllerConfig(stringify(file), 'controller.yaml')
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map(({ path, message }) => `${path}: ${message}`)
    }
    throw error
  }
  return []
}

const path = { machine: 'x1', device: '/dev/zvol/{dataset}/{volume}' }
const throughVds = { machine: 'm1', serviceDomain: 'primary', vds: 'vds0' }

test('a Xen machine has a control domain, and no service domains', () => {
  const { machines, pools } = parseControllerConfig(CONTROLLER, 'controller.yaml')

  expect(machines.get('x1')).toEqual({
    name: 'x1',
    hypervisor: 'xen',
    controlDomain: 'dom0',
    serviceDomains: new Map(),
  })
  expect(machines.get('m1')?.hypervisor).toBe('ldoms')
  expect(pools.get('silver')?.paths).toEqual([path])
})

test.each<[string, Change, readonly string[]]>([
  [
    'a hypervisor that nobody knows',
    ({ machines }) => Object.assign(machines?.x1 ?? {}, { hypervisor: 'kvm' }),
    ['machines.x1.hypervisor: "ldoms" or "xen"'],
  ],
  [
    'keys of Logical Domains',
    ({ machines }) =>
      Object.assign(machines?.x1 ?? {}, { saveConfiguration: true, serviceDomains: { a: 'dom0' } }),
    [
      'machines.x1.serviceDomains: is not a key this file may have',
      'machines.x1.saveConfiguration: is not a key this file may have',
    ],
  ],
  [
    'a machine of Logical Domains without service domains',
    ({ machines }) => delete machines?.m1?.serviceDomains,
    ['machines.m1.serviceDomains: is missing; it is a map of keys'],
  ],
  [
    'a control domain that is no host',
    ({ machines }) => Object.assign(machines?.x1 ?? {}, { controlDomain: 'nosuch' }),
    [
      'machines.x1.controlDomain: no host is named "nosuch"',
      'pools.silver.paths[0]: dom0 of x1 is host "nosuch", but the pool\'s volumes are made on ' +
        '"dom0": design local needs one and the same',
    ],
  ],
  [
    'a path through a service domain',
    ({ pools }) =>
      Object.assign(pools?.silver ?? {}, { paths: [{ ...path, serviceDomain: 'a', vds: 'b' }] }),
    [
      'pools.silver.paths[0].serviceDomain: is not a key this file may have for a Xen machine',
      'pools.silver.paths[0].vds: is not a key this file may have for a Xen machine',
    ],
  ],
  [
    'a path to a machine of Logical Domains without a service domain',
    ({ pools }) =>
      Object.assign(pools?.silver ?? {}, { host: 'other', paths: [{ ...path, machine: 'm1' }] }),
    [
      'pools.silver.paths[0].serviceDomain: is missing; it is a text',
      'pools.silver.paths[0].vds: is missing; it is a text',
    ],
  ],
  [
    'two paths of one Xen machine',
    ({ pools }) => Object.assign(pools?.silver ?? {}, { paths: [path, path] }),
    ['pools.silver.paths[1]: dom0 serves every disk of a Xen machine: a pool has one path to it'],
  ],
  [
    'a pool on another host',
    ({ pools }) => Object.assign(pools?.silver ?? {}, { host: 'other' }),
    [
      'pools.silver.paths[0]: dom0 of x1 is host "dom0", but the pool\'s volumes are made on ' +
        '"other": design local needs one and the same',
    ],
  ],
  [
    'a device that names the volume only in part of a word',
    ({ pools }) =>
      Object.assign(pools?.silver ?? {}, { paths: [{ ...path, device: '/dev/vg0/csi-{volume}' }] }),
    [
      'pools.silver.paths[0].device: must have {volume} as a whole part of the path, for a Xen ' +
        'machine',
    ],
  ],
  [
    'a pool of units',
    ({ pools }) =>
      Object.assign(pools ?? {}, {
        gold: {
          design: 'lun',
          host: 'other',
          dataset: 'tank/csi',
          export: { target: 'iqn.2026-11.com.example:gold', targetGroup: 'csi-tg' },
          paths: [
            { ...throughVds, hostGroup: 'm1' },
            { ...throughVds, machine: 'x1', hostGroup: 'x1' },
          ],
        },
      }),
    [
      'pools.gold.paths[1].serviceDomain: is not a key this file may have for a Xen machine',
      'pools.gold.paths[1].vds: is not a key this file may have for a Xen machine',
      'pools.gold.paths[0]: the storage host "other" is also service domain primary: losing it ' +
        'loses every path; set allowSharedFate: true to accept that',
      'pools.gold.paths[1]: dom0 serves every disk of a Xen machine: a pool has one path to it; ' +
        'use design local',
    ],
  ],
  [
    'guests with Solaris',
    ({ guests }) => Object.assign(guests?.[0] ?? {}, { platform: 'solaris' }),
    ['guests[0].platform: guests of x1 run linux, as its hypervisor does'],
  ],
])('refused: %s', (_, change, expected) => {
  expect(problemsOf(change).toSorted()).toEqual([...expected].sort())
})

const NODE = (words: string) =>
  `node: { machine: x1, guest: web, shell: { local: true }, ${words} }`

test('a node plugin is told on which hypervisor its guest runs', () => {
  const { hypervisor } = parseNodeConfig(NODE('hypervisor: xen, platform: linux'), 'node.yaml')

  expect(hypervisor).toBe('xen')
})

test('Solaris is refused as a guest of Xen, in both files that name guests', () => {
  const message = 'guests of this hypervisor do not run it'

  expect(() => parseNodeConfig(NODE('hypervisor: xen, platform: solaris'), 'node.yaml')).toThrow(
    `node.platform: ${message}`,
  )
  const guest = '{ machine: x1, guest: web, hypervisor: xen, platform: solaris, local: true }'
  expect(() => parseGuestDisksConfig(`guests: [ ${guest} ]`, 'guests.yaml')).toThrow(
    `guests[0].platform: ${message}`,
  )
})
