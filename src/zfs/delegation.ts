// What `zfs allow` delegates: the permissions that the driver needs, and those that a listing gives
// to an account. The permissions of each command are in zfs_ioctl.c (secpolicy functions). It reads
// only; nothing here grants anything.

import { StorageError } from '../errors.ts'
import type { Account } from '../shell/account.ts'
import type { Command } from '../shell/shell.ts'

/**
 * Needed on the pool's parent dataset and on everything below it. ZFS asks for `mount` whenever a
 * dataset is created, renamed or destroyed, also of volumes, and mounts nothing.
 */
export const PERMISSIONS_EVERYWHERE: readonly string[] = ['create', 'mount']
/** Needed below the parent dataset only: the parent itself cannot be changed or destroyed. */
export const PERMISSIONS_BELOW: readonly string[] = [
  'canmount',
  'clone',
  'compression',
  'destroy',
  'logbias',
  'refreservation',
  'rename',
  'snapshot',
  'sync',
  'userprop',
  'volsize',
]

/** Permissions with the name of a property. A zfs without the property has no such permission. */
const OF_PROPERTIES: readonly string[] = [
  'canmount',
  'compression',
  'logbias',
  'refreservation',
  'sync',
  'volsize',
]

const OF_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  create: ['create', 'mount'],
  clone: ['clone', 'create', 'mount'],
  destroy: ['destroy', 'mount'],
  rename: ['create', 'mount', 'rename'],
  snapshot: ['snapshot'],
  set: [],
  inherit: [],
}

/** The permissions that a command of the driver needs, sorted; none for a read. */
export function permissionsOf([, verb = '', ...words]: Command): readonly string[] {
  const own = OF_COMMANDS[verb]
  if (own === undefined) return []
  const set = words.flatMap((word, at) =>
    words[at - 1] === '-o' || (at === 0 && (verb === 'set' || verb === 'inherit'))
      ? [word.split('=')[0] ?? '']
      : [],
  )
  // For a thick volume zfs itself sets the reservation, at creation and with every new size.
  const isThick = words.includes('-V') && !words.includes('-s')
  const reserves = isThick || set.includes('volsize') ? ['refreservation'] : []
  const ofProperties = set.map(name => (name.includes(':') ? 'userprop' : name))
  return [...new Set([...own, ...ofProperties, ...reserves])].sort()
}

export interface Grant {
  readonly dataset: string
  readonly who: string // as listed: `user NAME`, `group NAME` or `everyone`
  readonly where: 'here' | 'below' | 'everywhere'
  readonly permissions: readonly string[] // names, and sets with their @
}

export interface Delegation {
  readonly grants: readonly Grant[]
  /** Permissions of each set, by dataset and name. */
  readonly sets: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>
}

// OpenZFS and illumos put the dataset into a line of its own (recorded: transcripts of OpenZFS 2.1
// to 2.3; documented for Solaris 11.1). Solaris 10 and 11.3 put it behind every heading, and spell
// "descendant" in two ways (documented: "Displaying ZFS Delegated Permissions").
const DATASET = /^---- Permissions on (.+?) -+$/
const HEADING = /^(permission sets|[a-z+ ]* permissions)(?: on \((.+)\))?:?$/i
const HEADINGS: Readonly<Record<string, Grant['where'] | 'sets' | 'nowhere'>> = {
  'permission sets': 'sets',
  // Those of whoever creates a dataset do not count: datasets of other accounts lack them.
  'create time permissions': 'nowhere',
  'local permissions': 'here',
  'descendent permissions': 'below',
  'descendant permissions': 'below',
  'local+descendent permissions': 'everywhere',
  'local+descendant permissions': 'everywhere',
}

/** The answer of `zfs allow` about a dataset. It also lists what its parents delegate. */
export function parseDelegation(stdout: string): Delegation {
  const grants: Grant[] = []
  const sets = new Map<string, Map<string, readonly string[]>>()
  let dataset: string | undefined
  let where: (typeof HEADINGS)[string] | undefined
  for (const line of stdout.split('\n').map(text => text.trim())) {
    const named = DATASET.exec(line)?.[1]
    const [, heading, on] = HEADING.exec(line) ?? []
    if (named !== undefined) dataset = named
    else if (heading !== undefined) {
      where = HEADINGS[heading.toLowerCase()]
      if (where === undefined) throw notUnderstood(line)
      dataset = on ?? dataset
    } else if (where !== undefined && line !== '' && !/^-+$/.test(line)) {
      if (dataset === undefined) throw notUnderstood(line)
      const [who, permissions] = parseEntry(line, where)
      if (where === 'sets') {
        sets.set(dataset, (sets.get(dataset) ?? new Map()).set(who, permissions))
      } else if (where !== 'nowhere') grants.push({ dataset, who, where, permissions })
    }
  }
  return { grants, sets }
}

/** An account or a set, and its permissions; those of whoever creates a dataset have no account. */
function parseEntry(
  line: string,
  where: Grant['where'] | 'sets' | 'nowhere',
): readonly [who: string, permissions: readonly string[]] {
  if (where === 'nowhere') return ['', line.split(',')]
  const form = where === 'sets' ? /^(@\S+) (\S+)$/ : /^((?:user|group) .+|everyone) (\S+)$/
  const [, who, names] = form.exec(line) ?? []
  if (who === undefined || names === undefined) throw notUnderstood(line)
  return [who, names.split(',')]
}

function notUnderstood(line: string): StorageError {
  return new StorageError(
    'internal',
    `zfs allow: line not understood: ${JSON.stringify(line.slice(0, 80))}`,
  )
}

export interface MissingPermissions {
  readonly everywhere: readonly string[]
  readonly below: readonly string[]
}

/**
 * What the account lacks on the dataset. `properties`: those that the host's zfs has; it cannot
 * delegate others.
 */
export function missingPermissions(
  { grants, sets }: Delegation,
  account: Account,
  on: { readonly dataset: string; readonly properties: ReadonlySet<string> },
): MissingPermissions {
  const names = new Set([
    'everyone',
    `user ${account.name}`,
    ...account.groups.map(group => `group ${group}`),
  ])
  const here = new Set<string>()
  const below = new Set<string>()
  for (const { dataset, who, where, permissions } of grants) {
    const isParent = on.dataset.startsWith(`${dataset}/`)
    if (!names.has(who) || !(isParent || dataset === on.dataset)) continue
    const given = permissions.flatMap(name => membersOf(name, dataset, sets))
    if (where !== 'here') for (const name of given) below.add(name)
    if (isParent ? where !== 'here' : where !== 'below') for (const name of given) here.add(name)
  }
  const exists = (name: string) => !OF_PROPERTIES.includes(name) || on.properties.has(name)
  return {
    everywhere: PERMISSIONS_EVERYWHERE.filter(name => !here.has(name) || !below.has(name)),
    below: PERMISSIONS_BELOW.filter(name => exists(name) && !below.has(name)),
  }
}

// A set is looked up on the dataset that uses it, then on its parents; the first definition counts
// (source: dsl_deleg.c).
function membersOf(name: string, dataset: string, sets: Delegation['sets']): readonly string[] {
  if (!name.startsWith('@')) return [name]
  for (let at = dataset; at !== ''; at = at.slice(0, Math.max(at.lastIndexOf('/'), 0))) {
    const members = sets.get(at)?.get(name)
    if (members !== undefined) {
      return members.flatMap(member => (member === name ? [] : membersOf(member, dataset, sets)))
    }
  }
  return []
}

/** The commands that give an account what it lacks, for root on the storage host. */
export function formatAllow(
  { everywhere, below }: MissingPermissions,
  account: string,
  dataset: string,
): readonly string[] {
  return [
    ...(everywhere.length === 0
      ? []
      : [`zfs allow -u ${account} ${everywhere.join(',')} ${dataset}`]),
    ...(below.length === 0 ? [] : [`zfs allow -d -u ${account} ${below.join(',')} ${dataset}`]),
  ]
}
