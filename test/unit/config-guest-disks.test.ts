// The configuration of disks of guests without a kubelet: who may have disks in which guest, and
// how a guest is reached.

import { stringify } from 'yaml'
import { ConfigError } from '../../src/config/config.ts'
import { isGivenTo, parseGuestDisksConfig } from '../../src/config/guest-disks.ts'

const SSH = { address: 'ldg1', user: 'csi', privateKeyFile: '/k/id', knownHostsFile: '/k/hosts' }
const GUEST = { machine: 'm1', guest: 'ldg1', platform: 'solaris' }

const read = (file: unknown) => parseGuestDisksConfig(stringify(file), 'guest-disks.yaml')

function problemsOf(file: unknown) {
  try {
    read(file)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('an entry becomes the configuration of the guest it names', () => {
  const { driverName, guests } = read({
    guests: [{ ...GUEST, namespaces: ['shop'], ssh: SSH, prefix: ['pfexec'] }],
  })

  expect(driverName).toBe('vdisk.ldom-csi.io')
  expect([...guests.keys()]).toEqual(['m1/ldg1'])
  expect(guests.get('m1/ldg1')).toEqual({
    namespaces: ['shop'],
    node: {
      driverName: 'vdisk.ldom-csi.io',
      health: false,
      snapshotTopology: true,
      machine: 'm1',
      guest: 'ldg1',
      hypervisor: 'ldoms',
      platform: 'solaris',
      shell: { kind: 'ssh', ssh: { ...SSH, port: 22, legacyAlgorithms: false } },
      root: '',
      prefix: ['pfexec'],
      attachLimit: 60,
    },
  })
})

test('a guest without a way to log in has no node', () => {
  const { guests } = read({ guests: [GUEST, { ...GUEST, guest: 'ldg2', local: true }] })

  expect(guests.get('m1/ldg1')?.node).toBeUndefined()
  expect(guests.get('m1/ldg2')?.node?.shell).toEqual({ kind: 'local' })
})

test.each([
  { namespaces: undefined, namespace: 'shop', given: false },
  { namespaces: [], namespace: 'shop', given: false },
  { namespaces: ['shop', 'prod'], namespace: 'prod', given: true },
  { namespaces: ['shop'], namespace: 'shop-2', given: false },
  { namespaces: ['*'], namespace: 'anything', given: true },
])('namespaces $namespaces: given to $namespace is $given', ({ namespaces, namespace, given }) => {
  const { guests } = read({ guests: [{ ...GUEST, ...(namespaces && { namespaces }) }] })

  expect([...guests.values()].map(guest => isGivenTo(guest, namespace))).toEqual([given])
})

test.each([
  { with: { ssh: SSH, local: true }, at: 'guests[0]', says: 'keep one' },
  { with: { prefix: ['pfexec'] }, at: 'guests[0].prefix', says: 'remove it' },
  { with: { namespaces: ['Shop'] }, at: 'guests[0].namespaces[0]', says: 'name of a namespace' },
  { with: { namespaces: ['sh*'] }, at: 'guests[0].namespaces[0]', says: 'every namespace' },
  { with: { namespaces: 'shop' }, at: 'guests[0].namespaces', says: 'must be a list' },
  { with: { guest: 'a/b' }, at: 'guests[0].guest', says: 'a name that ldm accepts' },
  { with: { machine: 'm 1' }, at: 'guests[0].machine', says: 'letters, digits' },
  { with: { platform: 'hpux' }, at: 'guests[0].platform', says: 'solaris or linux' },
  { with: { match: '*' }, at: 'guests[0].match', says: 'is not a key' },
  { with: { ssh: { ...SSH, password: 'x' } }, at: 'guests[0].ssh.password', says: 'is not a key' },
])('a guest with $with is refused at $at', ({ with: keys, at, says }) => {
  const problems = problemsOf({ guests: [{ ...GUEST, ...keys }] })

  expect(problems).toContainEqual({ path: at, message: expect.stringContaining(says) })
})

test('a file without guests, or of another process, is refused', () => {
  expect(problemsOf({})).toEqual([{ path: 'guests', message: 'is missing; it is a list' }])
  expect(problemsOf({ guests: [], pools: {} })).toEqual([
    { path: 'pools', message: 'is not a key this file may have' },
  ])
})

test('a guest that stands there twice is refused, with both places', () => {
  const other = { ...GUEST, machine: 'm2' }

  expect(problemsOf({ guests: [GUEST, other, { ...GUEST, namespaces: ['*'] }] })).toEqual([
    { path: 'guests[2]', message: 'is m1/ldg1, as guests[0] is' },
  ])
})

test('what is no YAML is refused with the name of the file', () => {
  expect(() => parseGuestDisksConfig('guests: [', 'guest-disks.yaml')).toThrow(
    /^guest-disks\.yaml: 1 problem/,
  )
})
