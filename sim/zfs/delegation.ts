// Simulated `zfs allow` and `zfs unallow`, and what an ordinary account may therefore do. Which
// permissions a command needs is from the source (the secpolicy functions of zfs_ioctl.c).

import type { SimAnswer } from '../host.ts'
import { parseOptions } from '../options.ts'
import { notSimulated, Refusal, success } from './answers.ts'
import type { SimDataset, SimGrant } from './model.ts'
import { readProperty } from './properties.ts'
import { isUserProperty } from './property-definitions.ts'
import { openDataset, usageRefusal, type ZfsWorld } from './world.ts'

type Where = SimGrant['where']

const HEADINGS: readonly (readonly [where: Where, heading: string])[] = [
  ['local', 'Local permissions:'],
  ['descendent', 'Descendent permissions:'],
  ['both', 'Local+Descendent permissions:'],
]

/** `below`: a dataset that is about to be created below this one. */
export interface Place {
  readonly at: SimDataset
  readonly below?: boolean
}

/** Throws the refusal unless the account may do all of that there; root may do everything. */
export function requirePermissions(
  world: ZfsWorld,
  { at, below = false }: Place,
  asked: { readonly permissions: readonly string[]; readonly refusal: Refusal },
): void {
  if (world.account.uid === 0) return
  const isGranted = (permission: string) => {
    for (let dataset: SimDataset | undefined = at; dataset; dataset = dataset.parent) {
      const unfit: Where = dataset === at && !below ? 'descendent' : 'local'
      if (
        dataset.grants.some(
          ({ who, where, permissions }) =>
            where !== unfit && names(world).includes(who) && permissions.has(permission),
        )
      ) {
        return true
      }
    }
    return false
  }
  const { permissions, refusal } = asked
  if (!at.pool.delegation) {
    // Recorded.
    const text = 'delegated administration is disabled on pool'
    throw new Refusal(refusal.stderr.replace('permission denied', text), refusal.status)
  }
  if (!permissions.every(isGranted)) throw refusal
}

/** Recorded: before a mounted file system is destroyed or renamed, zfs tries to unmount it. */
export function refuseToUnmount(world: ZfsWorld, dataset: SimDataset): void {
  if (world.account.uid === 0 || dataset.kind !== 'filesystem') return
  if (dataset.local.get('canmount') === 'off') return
  const mountpoint = readProperty(dataset, 'mountpoint', true).value
  if (mountpoint.startsWith('/')) {
    throw new Refusal(`cannot unmount '${mountpoint}': permission denied`)
  }
}

/** The permission to set a property. The sizes of a new volume need none (source). */
export function permissionToSet(property: string): string {
  return isUserProperty(property) ? 'userprop' : property
}

function names({ account }: ZfsWorld): readonly string[] {
  return ['everyone', `user ${account.name}`, ...account.groups.map(group => `group ${group}`)]
}

export function allow(world: ZfsWorld, args: readonly string[]): SimAnswer {
  if (args.length === 1) return success(print(openDataset(world, args[0] ?? '')))
  const { dataset, who, where, permissions } = parse(world, 'allow', args)
  for (const one of who) {
    const known = dataset.grants.find(grant => grant.who === one && grant.where === where)
    for (const permission of permissions) known?.permissions.add(permission)
    if (known === undefined) {
      dataset.grants.push({ who: one, where, permissions: new Set(permissions) })
    }
  }
  return success()
}

export function unallow(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const { dataset, who, where, permissions } = parse(world, 'unallow', args)
  for (const grant of dataset.grants) {
    if (!who.includes(grant.who) || (where !== 'both' && grant.where !== where)) continue
    for (const permission of permissions) grant.permissions.delete(permission)
  }
  return success()
}

function parse(world: ZfsWorld, command: 'allow' | 'unallow', args: readonly string[]) {
  const parsed = parseOptions(args, 'lduge')
  if (parsed.kind !== 'parsed') throw notSimulated(`zfs ${command} -${parsed.letter}`)
  const has = (letter: string) => parsed.options.some(option => option.letter === letter)
  const words = has('e') ? ['everyone', ...parsed.operands] : parsed.operands
  const [accounts, permissions, name, ...more] = words
  if (accounts === undefined || permissions === undefined || name === undefined) {
    throw usageRefusal(world, command)
  }
  if (more.length > 0) throw usageRefusal(world, command, 'too many arguments')
  if (permissions.includes('@')) throw notSimulated('a permission set')
  const dataset = openDataset(world, name)
  requirePermissions(
    world,
    { at: dataset },
    {
      permissions: ['allow', ...permissions.split(',')],
      refusal: new Refusal(`cannot set permissions on '${name}': permission denied`),
    },
  )
  const where: Where = has('l') === has('d') ? 'both' : has('l') ? 'local' : 'descendent'
  const kind = has('g') ? 'group ' : has('e') ? '' : 'user '
  return {
    dataset,
    who: accounts.split(',').map(account => `${kind}${account}`),
    where,
    permissions: permissions.split(','),
  }
}

/** What the dataset and those above it delegate, the nearest first (recorded). */
function print(dataset: SimDataset): string {
  const lines: string[] = []
  for (let at: SimDataset | undefined = dataset; at !== undefined; at = at.parent) {
    const given = at.grants.filter(({ permissions }) => permissions.size > 0)
    if (given.length > 0) lines.push(`---- Permissions on ${at.name} `.padEnd(70, '-'))
    for (const [where, heading] of HEADINGS) {
      const grants = given.filter(grant => grant.where === where)
      if (grants.length > 0) lines.push(heading)
      for (const { who, permissions } of grants) {
        lines.push(`\t${who} ${[...permissions].sort().join(',')}`)
      }
    }
  }
  return lines.map(line => `${line}\n`).join('')
}
