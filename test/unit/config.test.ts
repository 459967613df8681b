// The configuration files: what is accepted, what each mistake is called, and that all mistakes are
// reported together.

import { parse, stringify } from 'yaml'
import {
  ConfigError,
  findGuestRule,
  matchesGlob,
  parseControllerConfig,
  parseNodeConfig,
} from '../../src/config/config.ts'

const CONTROLLER = `
driverName: vdisk.ldom-csi.io
cluster: prod-1
hosts:
  m1-primary:   { ssh: { address: 10.0.0.1, user: csi, privateKeyFile: /etc/ldom-csi/ssh/id, knownHostsFile: /etc/ldom-csi/ssh/known_hosts } }
  m1-alternate: { ssh: { address: 10.0.0.2, port: 2222, user: csi, privateKeyFile: /etc/ldom-csi/ssh/id, knownHostsFile: /etc/ldom-csi/ssh/known_hosts } }
  storage1:     { local: true, prefix: [pfexec] }
machines:
  m1: { controlDomain: m1-primary, serviceDomains: { primary: m1-primary, alternate: m1-alternate }, saveConfiguration: false }
guests:
  - { machine: m1, match: 'ldg*', platform: solaris }
  - { machine: m1, match: 'tux?', platform: linux, attachLimit: 10 }
pools:
  silver:
    design: local
    host: m1-primary
    dataset: tank/kubernetes
    paths: [ { machine: m1, serviceDomain: primary, vds: primary-vds0, device: '/dev/zvol/dsk/{dataset}/{volume}' } ]
  gold:
    design: lun
    host: storage1
    dataset: tank/kubernetes
    export: { target: 'iqn.2026-11.io.ldom-csi:gold', targetGroup: csi-tg }
    paths:
      - { machine: m1, serviceDomain: primary,   vds: primary-vds0,   hostGroup: csi-m1 }
      - { machine: m1, serviceDomain: alternate, vds: alternate-vds0, hostGroup: csi-m1 }
`

const NODE = `
driverName: vdisk.ldom-csi.io
node: { machine: m1, guest: ldg1, platform: solaris, shell: { local: true }, prefix: [pfexec] }
`

/** The file with one value replaced; undefined removes the key. */
function changed(text: string, path: string, value: unknown): string {
  const root: unknown = parse(text)
  const keys = path.split('/')
  const last = keys.pop() ?? ''
  let at = root as Record<string, unknown>
  for (const key of keys) at = at[key] as Record<string, unknown>
  if (value === undefined) delete at[last]
  else at[last] = value
  return stringify(root)
}

function problemsOf(parseIt: () => unknown): readonly { path: string; message: string }[] {
  try {
    parseIt()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('a complete controller file becomes hosts, machines, guests and pools with their defaults', () => {
  const config = parseControllerConfig(CONTROLLER, 'controller.yaml')

  expect(config.hosts.get('storage1')).toEqual({
    name: 'storage1',
    shell: { kind: 'local' },
    prefix: ['pfexec'],
  })
  expect(config.hosts.get('m1-primary')?.shell).toEqual({
    kind: 'ssh',
    ssh: {
      address: '10.0.0.1',
      port: 22,
      user: 'csi',
      privateKeyFile: '/etc/ldom-csi/ssh/id',
      knownHostsFile: '/etc/ldom-csi/ssh/known_hosts',
      legacyAlgorithms: false,
    },
  })
  expect(config.machines.get('m1')).toEqual({
    name: 'm1',
    hypervisor: 'ldoms',
    controlDomain: 'm1-primary',
    serviceDomains: new Map([
      ['primary', 'm1-primary'],
      ['alternate', 'm1-alternate'],
    ]),
    saveConfiguration: false,
  })
  expect(config.pools.get('gold')).toMatchObject({
    name: 'gold',
    design: 'lun',
    allowSharedFate: false,
    paths: [{ vds: 'primary-vds0' }, { vds: 'alternate-vds0' }],
  })
  expect(findGuestRule(config.guests, 'm1', 'tux1')?.attachLimit).toBe(10)
  expect(findGuestRule(config.guests, 'm1', 'ldg77')?.attachLimit).toBe(60)
  expect(findGuestRule(config.guests, 'm2', 'ldg77')).toBeUndefined()
})

test('a node file becomes the one guest it serves', () => {
  expect(parseNodeConfig(NODE, 'node.yaml')).toEqual({
    driverName: 'vdisk.ldom-csi.io',
    health: false,
    snapshotTopology: true,
    machine: 'm1',
    guest: 'ldg1',
    hypervisor: 'ldoms',
    platform: 'solaris',
    shell: { kind: 'local' },
    root: '',
    prefix: ['pfexec'],
    attachLimit: 60,
  })
})

const path = (over: object) => ({
  machine: 'm1',
  serviceDomain: 'primary',
  vds: 'primary-vds0',
  ...over,
})
const zvol = '/dev/zvol/dsk/{dataset}/{volume}'

test.each([
  { change: 'clusterr', to: 'x', at: 'clusterr', says: 'is not a key' },
  { change: 'cluster', to: undefined, at: 'cluster', says: 'is missing' },
  { change: 'cluster', to: 'Prod 1', at: 'cluster', says: 'lower-case' },
  { change: 'driverName', to: 'Vdisk', at: 'driverName', says: 'lower-case domain name' },
  {
    change: 'hosts/m1-primary/ssh/port',
    to: 70000,
    at: 'hosts.m1-primary.ssh.port',
    says: '65535',
  },
  {
    change: 'hosts/m1-primary/ssh/password',
    to: 'x',
    at: 'hosts.m1-primary.ssh.password',
    says: 'is not a key',
  },
  {
    change: 'hosts/m1-primary/ssh/privateKeyFile',
    to: '-----BEGIN KEY',
    at: 'hosts.m1-primary.ssh.privateKeyFile',
    says: 'path of a file',
  },
  {
    change: 'hosts/storage1/ssh',
    to: { address: 'a', user: 'u', privateKeyFile: '/a', knownHostsFile: '/b' },
    at: 'hosts.storage1',
    says: 'exactly one',
  },
  {
    change: 'hosts/storage1/prefix',
    to: 'pfexec',
    at: 'hosts.storage1.prefix',
    says: 'must be a list',
  },
  {
    change: 'machines/m1/controlDomain',
    to: 'nobody',
    at: 'machines.m1.controlDomain',
    says: 'no host is named "nobody"',
  },
  {
    change: 'machines/m1/serviceDomains/alternate',
    to: 'nobody',
    at: 'machines.m1.serviceDomains.alternate',
    says: 'no host is named "nobody"',
  },
  {
    change: 'machines/m1/serviceDomains',
    to: {},
    at: 'machines.m1.serviceDomains',
    says: 'at least one',
  },
  {
    change: 'guests/0/machine',
    to: 'm9',
    at: 'guests[0].machine',
    says: 'no machine is named "m9"',
  },
  { change: 'guests/0/match', to: 'a/b', at: 'guests[0].match', says: 'guest name' },
  { change: 'guests/0/attachLimit', to: 0, at: 'guests[0].attachLimit', says: '1' },
  { change: 'guests/0/platform', to: 'hpux', at: 'guests[0].platform', says: 'solaris or linux' },
  {
    change: 'pools/gold/design',
    to: 'takeover',
    at: 'pools.gold.design',
    says: '"local" or "lun"',
  },
  {
    change: 'pools/gold/host',
    to: 'nobody',
    at: 'pools.gold.host',
    says: 'no host is named "nobody"',
  },
  { change: 'pools/gold/dataset', to: 'tank/-x', at: 'pools.gold.dataset', says: 'dataset name' },
  {
    change: 'pools/gold/export/target',
    to: 'gold',
    at: 'pools.gold.export.target',
    says: 'iSCSI name',
  },
  { change: 'pools/gold/paths', to: [], at: 'pools.gold.paths', says: 'at least 1 entry' },
  {
    change: 'pools/gold/paths/0/device',
    to: '/dev/dsk/x',
    at: 'pools.gold.paths[0].device',
    says: 'is not a key',
  },
  {
    change: 'pools/gold/paths/1/serviceDomain',
    to: 'third',
    at: 'pools.gold.paths[1].serviceDomain',
    says: 'no service domain of m1 is named "third"',
  },
  {
    change: 'pools/gold/paths/1/serviceDomain',
    to: 'primary',
    at: 'pools.gold.paths[1]',
    says: 'fail together',
  },
  {
    change: 'pools/gold/paths/1/hostGroup',
    to: 'csi-m2',
    at: 'pools.gold.paths[1].hostGroup',
    says: 'one host group',
  },
  {
    change: 'pools/gold/paths/1/machine',
    to: 'm9',
    at: 'pools.gold.paths[1].machine',
    says: 'no machine is named "m9"',
  },
  { change: 'pools/gold/paths/1/vds', to: 'a|b', at: 'pools.gold.paths[1].vds', says: '"|"' },
  {
    change: 'pools/gold/host',
    to: 'm1-alternate',
    at: 'pools.gold.paths[1]',
    says: 'allowSharedFate',
  },
  {
    change: 'pools/silver/host',
    to: 'storage1',
    at: 'pools.silver.paths[0].serviceDomain',
    says: 'one and the same',
  },
  {
    change: 'pools/silver/paths/0/device',
    to: '/dev/dsk/c0',
    at: 'pools.silver.paths[0].device',
    says: '{volume}',
  },
  {
    change: 'pools/silver/paths/0/device',
    to: '/dev/a=b/{volume}',
    at: 'pools.silver.paths[0].device',
    says: '"="',
  },
  {
    change: 'pools/silver/paths/0/device',
    to: '/dev/a|b/{volume}',
    at: 'pools.silver.paths[0].device',
    says: '"|"',
  },
  {
    change: 'pools/silver/paths/0/device',
    to: 'dev/{volume}',
    at: 'pools.silver.paths[0].device',
    says: 'absolute',
  },
  {
    change: 'pools/silver/paths',
    to: [path({ device: zvol }), path({ serviceDomain: 'alternate', device: zvol })],
    at: 'pools.silver.paths[1]',
    says: 'imported in one domain at a time',
  },
  {
    change: 'pools/silver/paths',
    to: [
      path({ device: '/files/{volume}' }),
      path({ serviceDomain: 'alternate', device: '/files/{volume}' }),
    ],
    at: 'pools.silver.paths[1]',
    says: 'exactly one path',
  },
  {
    change: 'pools/Bad',
    to: { design: 'local', host: 'storage1', dataset: 't', paths: [path({ device: zvol })] },
    at: 'pools.Bad',
    says: 'lower-case',
  },
])('the controller file with $change = $to is refused at $at', ({ change, to, at, says }) => {
  const problems = problemsOf(() =>
    parseControllerConfig(changed(CONTROLLER, change, to), 'controller.yaml'),
  )

  expect(problems).toContainEqual({ path: at, message: expect.stringContaining(says) })
})

// As a person writes it who has not read the reference: each mistake in words of the file, none in
// those of a schema.
test.each([
  { text: 'cluster: test', at: 'pools', says: 'is missing; it is a map of keys' },
  {
    text: 'pools: { p: { design: local, host: h } }',
    at: 'pools.p.paths',
    says: 'is missing; it is a list',
  },
  { text: 'hosts: [h]', at: 'hosts', says: 'is a list and must be a map of keys' },
  { text: 'guests: { ldg1: linux }', at: 'guests', says: 'is a map of keys and must be a list' },
  {
    text: 'machines: { m1: { controlDomain: 7 } }',
    at: 'machines.m1.controlDomain',
    says: 'is a number and must be a text',
  },
  {
    text: 'machines: { m1: { saveConfiguration: maybe } }',
    at: 'machines.m1.saveConfiguration',
    says: 'is a text and must be true or false',
  },
  {
    text: 'hosts: { h: { ssh: { port: 70000 } } }',
    at: 'hosts.h.ssh.port',
    says: 'must be at most 65535',
  },
  {
    text: 'hosts: { h: { ssh: { port: 1.5 } } }',
    at: 'hosts.h.ssh.port',
    says: 'is a number and must be a whole number',
  },
  {
    text: 'pools: { p: { design: local, paths: [] } }',
    at: 'pools.p.paths',
    says: 'must have at least 1 entry',
  },
  {
    text: `pools: { p: { design: local, dataset: ${'a'.repeat(200)} } }`,
    at: 'pools.p.dataset',
    says: 'must have at most 180 characters',
  },
  { text: 'pools:', at: 'pools', says: 'is nothing and must be a map of keys' },
])('$text: $at $says', ({ text, at, says }) => {
  const problems = problemsOf(() => parseControllerConfig(text, 'controller.yaml'))

  expect(problems).toContainEqual({ path: at, message: says })
  for (const { message } of problems) {
    expect(message).not.toMatch(/Invalid|Too (small|big)|expected|record|undefined/)
  }
})

test('two pools in one dataset of one host are refused', () => {
  const pool = {
    design: 'local',
    host: 'm1-primary',
    dataset: 'tank/kubernetes',
    paths: [path({ device: zvol })],
  }

  const problems = problemsOf(() =>
    parseControllerConfig(changed(CONTROLLER, 'pools/bronze', pool), 'controller.yaml'),
  )

  expect(problems).toEqual([
    {
      path: 'pools.bronze.dataset',
      message: 'dataset tank/kubernetes on m1-primary belongs to pool "silver"',
    },
  ])
})

test('the device of a zvol in another dataset is refused', () => {
  const device = '/dev/zvol/dsk/tank/other/{volume}'
  const other = changed(CONTROLLER, 'pools/silver/paths/0/device', device)

  expect(problemsOf(() => parseControllerConfig(other, 'controller.yaml'))).toEqual([
    {
      path: 'pools.silver.paths[0].device',
      message: expect.stringContaining('is no zvol of tank/kubernetes'),
    },
  ])
})

test('two machines with one control domain are refused: they are one machine', () => {
  const copy = { controlDomain: 'm1-primary', serviceDomains: { primary: 'm1-primary' } }
  const twice = changed(CONTROLLER, 'machines/copy', copy)

  expect(problemsOf(() => parseControllerConfig(twice, 'controller.yaml'))).toEqual([
    {
      path: 'machines.copy.controlDomain',
      message: 'host "m1-primary" is that of machine "m1"',
    },
  ])
})

test('a storage host that is also a service domain is accepted where allowSharedFate says so', () => {
  const shared = changed(
    changed(CONTROLLER, 'pools/gold/host', 'm1-alternate'),
    'pools/gold/allowSharedFate',
    true,
  )

  expect(parseControllerConfig(shared, 'controller.yaml').pools.get('gold')?.host).toBe(
    'm1-alternate',
  )
})

test('a file with five mistakes is refused once, with all five, their key paths and the file', () => {
  const file = [
    ['cluster', 'NO'],
    ['hosts/storage1/prefix', 'pfexec'],
    ['machines/m1/controlDomain', 'nobody'],
    ['guests/1/machine', 'm9'],
    ['pools/gold/paths/1/serviceDomain', 'primary'],
  ].reduce((text, [key = '', value]) => changed(text, key, value), CONTROLLER)

  expect(
    problemsOf(() => parseControllerConfig(file, 'controller.yaml')).map(problem => problem.path),
  ).toEqual([
    'cluster',
    'hosts.storage1.prefix',
    'machines.m1.controlDomain',
    'guests[1].machine',
    'pools.gold.paths[1]',
  ])
  expect(() => parseControllerConfig(file, 'controller.yaml')).toThrow(
    /^controller\.yaml: 5 problems\n {2}cluster: /,
  )
})

test.each([
  { change: 'node/shell', to: {}, at: 'node.shell', says: 'exactly one' },
  { change: 'node/platform', to: undefined, at: 'node.platform', says: 'solaris or linux' },
  { change: 'node/root', to: 'var', at: 'node.root', says: 'absolute' },
  { change: 'node/guest', to: 'a b', at: 'node.guest', says: 'ldm' },
  { change: 'hosts', to: {}, at: 'hosts', says: 'is not a key' },
])('the node file with $change = $to is refused at $at', ({ change, to, at, says }) => {
  const problems = problemsOf(() => parseNodeConfig(changed(NODE, change, to), 'node.yaml'))

  expect(problems).toContainEqual({ path: at, message: expect.stringContaining(says) })
})

test.each([
  { text: '', says: 'is not a map' },
  { text: '- a\n', says: 'is not a map' },
  { text: 'a: [', says: 'Flow sequence' },
  { text: 'cluster: a\ncluster: b\n', says: 'unique' },
])('text that is no map of keys is refused: $says', ({ text, says }) => {
  expect(problemsOf(() => parseControllerConfig(text, 'c.yaml'))).toContainEqual({
    path: '',
    message: expect.stringContaining(says),
  })
})

test('a private key pasted into the file does not appear in the message', () => {
  const file = changed(CONTROLLER, 'hosts/m1-primary/ssh/privateKeyFile', 'hunter2')

  expect(() => parseControllerConfig(file, 'c.yaml')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  )
})

test.each([
  ['ldg*', 'ldg1', true],
  ['ldg*', 'xldg1', false],
  ['ldg?', 'ldg', false],
  ['ldg?', 'ldg9', true],
  ['a.b', 'axb', false],
  ['*', 'any-thing', true],
])('the pattern %s against %s says %s', (pattern, guest, expected) => {
  expect(matchesGlob(pattern, guest)).toBe(expected)
})

test.each([
  { text: `cluster: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, says: 'nested too deeply' },
  { text: 'cluster: *nobody', says: 'the alias *nobody has no anchor &nobody above it' },
  { text: 'hosts: &h { a: *h }', says: 'an alias contains itself' },
  { text: 'cluster: a\n---\ncluster: b', says: 'has a second document at line 2, column 1' },
])(
  'a configuration that cannot be read to its end is told by its name: $says',
  ({ text, says }) => {
    expect(() => parseControllerConfig(text, 'controller.yaml')).toThrow(ConfigError)
    expect(() => parseControllerConfig(text, 'controller.yaml')).toThrow(says)
  },
)
