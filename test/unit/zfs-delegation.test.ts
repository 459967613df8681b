// The listings of `zfs allow` and `id`, and what a command needs.

import { parseAccount } from '../../src/shell/account.ts'
import type { Command } from '../../src/shell/shell.ts'
import { missingPermissions, parseDelegation, permissionsOf } from '../../src/zfs/delegation.ts'

const ALL = new Set(['canmount', 'compression', 'logbias', 'refreservation', 'sync', 'volsize'])
const BELOW =
  'canmount,clone,compression,destroy,logbias,refreservation,rename,snapshot,sync,userprop,volsize'

// Form of OpenZFS and illumos: recorded. Form of Solaris: documented, "Displaying ZFS Delegated
// Permissions" in the administration guides of Solaris 10 and 11.3.
const LISTINGS = {
  openzfs: `---- Permissions on tank/csi -----------------------------------------
Descendent permissions:
	user csi ${BELOW}
Local+Descendent permissions:
	user csi create,mount
`,
  'openzfs, from a parent and a set': `---- Permissions on tank/csi -----------------------------------------
Local permissions:
	everyone create
---- Permissions on tank ---------------------------------------------
Permission sets:
	@below ${BELOW},@place
	@place create,mount
Create time permissions:
	destroy
Local+Descendent permissions:
	group storage @below
`,
  'solaris 10': `-------------------------------------------------------------
Descendent permissions on (tank/csi)
        user csi ${BELOW}
Local+Descendent permissions on (tank/csi)
        user csi create,mount
-------------------------------------------------------------
`,
  'solaris 11.3': `-------------------------------------------------------------
Local+descendant permissions on (tank/csi)
user csi create,mount,${BELOW}
`,
} as const

const account = { name: 'csi', uid: 1001, groups: ['csi', 'storage'] }
const missing = (listing: string, properties: ReadonlySet<string> = ALL) =>
  missingPermissions(parseDelegation(listing), account, { dataset: 'tank/csi', properties })

test.each(Object.entries(LISTINGS))('%s: nothing is missing', (_, listing) => {
  expect(missing(listing)).toEqual({ everywhere: [], below: [] })
})

const INCOMPLETE: readonly {
  readonly name: string
  readonly listing: string
  readonly lacks: { readonly everywhere: readonly string[]; readonly below: readonly string[] }
}[] = [
  {
    name: 'nothing is delegated',
    listing: '',
    lacks: { everywhere: ['create', 'mount'], below: BELOW.split(',') },
  },
  {
    name: 'to another account',
    listing: LISTINGS.openzfs.replaceAll('user csi', 'user other'),
    lacks: { everywhere: ['create', 'mount'], below: BELOW.split(',') },
  },
  {
    name: 'to a group of the same name as another account',
    listing: LISTINGS.openzfs.replaceAll('user csi', 'group other'),
    lacks: { everywhere: ['create', 'mount'], below: BELOW.split(',') },
  },
  {
    name: 'here only',
    listing: LISTINGS.openzfs.replace('Descendent permissions:', 'Local permissions:'),
    lacks: { everywhere: [], below: BELOW.split(',') },
  },
  {
    name: 'below only',
    listing: LISTINGS.openzfs.replace('Local+Descendent', 'Descendent'),
    lacks: { everywhere: ['create', 'mount'], below: [] },
  },
  {
    name: 'to whoever creates a dataset',
    listing: LISTINGS.openzfs.replace(
      `Descendent permissions:\n\tuser csi ${BELOW}`,
      `Create time permissions:\n\t${BELOW}`,
    ),
    lacks: { everywhere: [], below: BELOW.split(',') },
  },
]

test.each(INCOMPLETE)('$name: that is told', ({ listing, lacks }) => {
  expect(missing(listing)).toEqual(lacks)
})

test('a property that the zfs does not have cannot be delegated and is not missed', () => {
  const listing = LISTINGS.openzfs.replace(',logbias', '').replace(',sync', '')
  const old = new Set([...ALL].filter(name => name !== 'sync' && name !== 'logbias'))

  expect(missing(listing).below).toEqual(['logbias', 'sync'])
  expect(missing(listing, old).below).toEqual([])
})

test.each(['Local permissions:\n\tnobody\n', 'Permission sets:\n\tcreate\n'])(
  'a listing that is not understood is refused: %j',
  text => {
    expect(() => parseDelegation(`---- Permissions on tank ------\n${text}`)).toThrow(
      'not understood',
    )
  },
)

test.each([
  {
    text: 'uid=1001(csi) gid=1001(csi) groups=1001(csi),50(storage host)\n',
    is: { name: 'csi', uid: 1001, groups: ['csi', 'csi', 'storage host'] },
  },
  { text: 'Welcome\nuid=0(root) gid=0(root)\n', is: { name: 'root', uid: 0, groups: ['root'] } },
  { text: 'uid=77 gid=1(other)\n', is: { name: '77', uid: 77, groups: ['other'] } },
])('id: $text', ({ text, is }) => {
  expect(parseAccount(text)).toEqual(is)
})

test('an answer of id without an account is refused', () => {
  expect(() => parseAccount('id: command not found\n')).toThrow('printed no account')
})

const COMMANDS: readonly (readonly [command: Command, needs: string])[] = [
  [['zfs', 'get', '-Hp', 'type', 'tank'], ''],
  [['zfs', 'create', '-s', '-V', '1', '-o', 'a:b=c', 'tank/v'], 'create mount userprop'],
  [['zfs', 'create', '-V', '1', 'tank/v'], 'create mount refreservation'],
  [['zfs', 'create', '-o', 'canmount=off', 'tank/a'], 'canmount create mount'],
  [
    ['zfs', 'clone', '-o', 'volsize=2', 'tank/v@s', 'tank/w'],
    'clone create mount refreservation volsize',
  ],
  [['zfs', 'set', 'volsize=2', 'tank/v'], 'refreservation volsize'],
  [['zfs', 'inherit', 'a:b', 'tank/v'], 'userprop'],
  [['zfs', 'rename', 'tank/a', 'tank/b'], 'create mount rename'],
  [['zfs', 'destroy', '-d', 'tank/v@s'], 'destroy mount'],
]

test.each(COMMANDS)('%j needs %j', (command, needs) => {
  expect(permissionsOf(command).join(' ')).toBe(needs)
})
