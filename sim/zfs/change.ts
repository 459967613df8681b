// Simulated `zfs set`, `zfs inherit` and `zfs rename`. Texts and exit statuses are recorded, also
// where the versions differ.

import type { SimAnswer } from '../host.ts'
import { parseOptions } from '../options.ts'
import { notSimulated, Refusal, success } from './answers.ts'
import { parseOption } from './create.ts'
import { permissionToSet, refuseToUnmount, requirePermissions } from './delegation.ts'
import { SimDataset, type SimSnapshot } from './model.ts'
import { datasetOf, typeOf } from './properties.ts'
import { isUserProperty, propertiesOf } from './property-definitions.ts'
import { checkProperty, type Given, setProperty } from './property-values.ts'
import { commandUsage } from './usage.ts'
import {
  checkPlace,
  createAncestors,
  openTarget,
  poolOf,
  READ_ONLY,
  usageRefusal,
  type ZfsWorld,
} from './world.ts'

export function set(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, '')
  if (parsed.kind !== 'parsed') {
    throw usageRefusal(world, 'set', `invalid option '${parsed.letter}'`)
  }
  const words = parsed.operands
  // Recorded: the old line accepts one property, and takes every further word for a dataset.
  const firstName = words.findIndex(word => !word.includes('='))
  const count =
    world.dialect.line === 'old'
      ? Math.min(1, words.length)
      : firstName < 0
        ? words.length
        : firstName
  if (words.length === 0) {
    throw usageRefusal(
      world,
      'set',
      world.dialect.line === 'old' ? 'missing property=value argument' : 'missing arguments',
    )
  }
  const given = words.slice(0, count).map(word => parseOption(world, 'set', word))
  const names = words.slice(count)
  if (given.length === 0) throw usageRefusal(world, 'set', 'missing property=value argument(s)')
  if (names.length === 0) throw usageRefusal(world, 'set', 'missing dataset name(s)')
  return forEach(names, name => setOn(world, name, given))
}

function setOn(world: ZfsWorld, name: string, given: readonly Given[]): void {
  const target = openTarget(world, name)
  const complaint = `cannot set property for '${name}'`
  const status = world.dialect.setFailure
  const volumeBytes = target instanceof SimDataset ? target.volume?.store.sizeBytes : undefined
  const context = {
    dialect: world.dialect,
    type: typeOf(target),
    moment: 'set',
    complaint,
    status,
    volumeBytes,
  } as const
  const checked = given.map(property => checkProperty(property, context))
  const refuse = (text: string) => new Refusal(`${complaint}: ${text}`, status)
  if ((target instanceof SimDataset ? target : target.dataset).pool.readOnly) {
    throw refuse(READ_ONLY)
  }
  const permissions = checked.map(property => permissionToSet(property.name))
  // A thick volume's reservation is set with its size (source: zfs_add_synthetic_resv).
  if (permissions.includes('volsize') && datasetOf(target).local.has('refreservation')) {
    permissions.push('refreservation')
  }
  const at = datasetOf(target)
  requirePermissions(world, { at }, { permissions, refusal: refuse('permission denied') })
  for (const property of checked) setProperty(target, property, refuse)
}

export function inherit(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, 'rS')
  if (parsed.kind !== 'parsed') {
    throw usageRefusal(world, 'inherit', `invalid option '${parsed.letter}'`)
  }
  if (parsed.options.length > 0) throw notSimulated('zfs inherit -r and -S')
  const [property, ...names] = parsed.operands
  if (property === undefined) throw usageRefusal(world, 'inherit', 'missing property argument')
  if (names.length === 0) throw usageRefusal(world, 'inherit', 'missing dataset argument')
  const definition = propertiesOf(world.dialect).get(property)
  if (!isUserProperty(property)) {
    if (definition === undefined) {
      throw new Refusal(
        `invalid property '${property}'\n${commandUsage(world.dialect, 'inherit', 'properties')}`,
        2,
      )
    }
    if (!definition.inherited || !definition.editable) {
      throw new Refusal(notInherited(world, property, definition.editable))
    }
  }
  return forEach(names, name => {
    const target = openTarget(world, name)
    if ((target instanceof SimDataset ? target : target.dataset).pool.readOnly) {
      throw new Refusal(`cannot inherit ${property} for '${name}': ${READ_ONLY}`)
    }
    requirePermissions(
      world,
      { at: datasetOf(target) },
      {
        permissions: [permissionToSet(property)],
        refusal: new Refusal(`cannot inherit ${property} for '${name}': permission denied`),
      },
    )
    target.local.delete(property)
    target.received.delete(property)
  })
}

function notInherited(world: ZfsWorld, property: string, editable: boolean): string {
  const lines = [`'${property}' property cannot be inherited`]
  if (editable) lines.push(`use 'zfs set ${property}=none' to clear`)
  if (editable && world.dialect.line === 'openzfs') {
    lines.push(`use 'zfs inherit -S ${property}' to revert to received value`)
  }
  return lines.join('\n')
}

/** Works on every dataset, also after a failure. The exit status is that of the last failure. */
function forEach(names: readonly string[], work: (name: string) => void): SimAnswer {
  const refusals: Refusal[] = []
  for (const name of names) {
    try {
      work(name)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refusals.push(error)
    }
  }
  const last = refusals.at(-1)
  return last === undefined
    ? success()
    : {
        exitStatus: last.status,
        stdout: '',
        stderr: refusals.map(refusal => `${refusal.stderr}\n`).join(''),
      }
}

export function rename(world: ZfsWorld, args: readonly string[]): SimAnswer {
  const parsed = parseOptions(args, world.dialect.line === 'openzfs' ? 'prfu' : 'pr')
  if (parsed.kind !== 'parsed') {
    throw usageRefusal(world, 'rename', `invalid option '${parsed.letter}'`)
  }
  const has = (letter: string) => parsed.options.some(option => option.letter === letter)
  if (has('r')) throw notSimulated('zfs rename -r')
  const [from, to, ...more] = parsed.operands
  if (from === undefined) throw usageRefusal(world, 'rename', 'missing source dataset argument')
  if (to === undefined) throw usageRefusal(world, 'rename', 'missing target dataset argument')
  if (more.length > 0) throw usageRefusal(world, 'rename', 'too many arguments')
  const target = openTarget(world, from)
  if (to === from) return success() // recorded
  const refusal = new Refusal(`cannot rename '${from}': permission denied`)
  const at = datasetOf(target)
  if (target instanceof SimDataset) refuseToUnmount(world, target)
  requirePermissions(world, { at }, { permissions: ['rename', 'mount'], refusal })
  const above = target instanceof SimDataset ? (at.parent ?? at) : at
  requirePermissions(world, { at: above }, { permissions: ['create', 'mount'], refusal })
  if (target instanceof SimDataset) renameDataset(world, target, to, has('p'))
  else renameSnapshot(target, to)
  return success()
}

function renameDataset(world: ZfsWorld, dataset: SimDataset, to: string, parents: boolean): void {
  const from = dataset.name
  const refuse = (text: string) => new Refusal(`cannot rename '${from}': ${text}`)
  if (parents) createAncestors(world, to)
  const target = poolOf(world, to)
  const refuseTo = (text: string) => new Refusal(`cannot rename to '${to}': ${text}`)
  // Source.
  if (target !== undefined && target !== dataset.pool) {
    throw refuseTo('datasets must be within same pool')
  }
  // Recorded: libzfs looks at the names, and only then the kernel at what exists.
  const parent = to.slice(0, to.lastIndexOf('/'))
  if (to.startsWith(`${from}/`) && target?.datasets.has(parent)) {
    throw refuseTo('New dataset name cannot be a descendant of current dataset name')
  }
  const pool = checkPlace(world, to, 'rename', from)
  // Recorded: Linux renames an open volume. What Solaris does is unknown; the simulator refuses, as
  // the driver must survive that.
  if (world.dialect.nodes === 'solaris' && dataset.volume?.isOpen) throw refuse('dataset is busy')
  pool.rename(dataset, to)
}

function renameSnapshot(snapshot: SimSnapshot, to: string): void {
  const [datasetName, shortName = ''] = to.includes('@')
    ? to.split('@')
    : [snapshot.dataset.name, to]
  // Source.
  if (datasetName !== snapshot.dataset.name) {
    throw new Refusal(`cannot rename to '${to}': snapshots must be part of same dataset`)
  }
  if (snapshot.dataset.snapshotNamed(shortName)) {
    throw new Refusal(`cannot rename '${snapshot.name}': dataset already exists`)
  }
  snapshot.shortName = shortName
}
