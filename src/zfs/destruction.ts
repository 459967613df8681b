// Destroys datasets and snapshots: one at a time, never recursive, never forced.

import { StorageError } from '../errors.ts'
import type { Command } from '../shell/shell.ts'
import { isNotFound, type Tool } from '../shell/tool.ts'
import { checkName, splitMissing, ZFS } from './names.ts'

/** zfs did not destroy the dataset because these others depend on it. */
export class DependantsError extends StorageError {
  readonly relation: 'children' | 'clones'
  readonly dependants: readonly string[]

  constructor(dataset: string, relation: 'children' | 'clones', dependants: readonly string[]) {
    super('failed-precondition', `dataset ${dataset} has ${relation}: ${dependants.join(', ')}`)
    this.name = 'DependantsError'
    this.relation = relation
    this.dependants = dependants
  }
}

export async function destroyDataset(
  tool: Tool,
  dataset: string,
  signal?: AbortSignal,
): Promise<'destroyed' | 'absent'> {
  // A pool's own dataset, a snapshot or a list of datasets can only be a caller's mistake, and
  // would destroy too much.
  if (!dataset.includes('/') || /[@#%,]/.test(dataset)) {
    throw new Error(`not a dataset below a pool: ${dataset}`)
  }
  const command: Command = [ZFS, 'destroy', checkName(dataset)]
  const result = await tool.ask(command, { effect: 'write', signal })
  if (splitMissing(result.stderr, new Set([dataset])).missing.size > 0 && result.exitStatus !== 0) {
    return 'absent'
  }
  const relation = /has (children|dependent clones)\n/.exec(result.stderr)?.[1]
  if (relation !== undefined && tool.rowOf(result)?.kind === 'failed-precondition') {
    throw new DependantsError(
      dataset,
      relation === 'children' ? 'children' : 'clones',
      parseDependants(result.stderr),
    )
  }
  tool.accept(command, result, { about: dataset })
  return 'destroyed'
}

export async function destroySnapshot(
  tool: Tool,
  snapshot: string,
  signal?: AbortSignal,
): Promise<'destroyed' | 'absent'> {
  checkSnapshot(snapshot)
  const command: Command = [ZFS, 'destroy', checkName(snapshot)]
  const result = await tool.ask(command, { effect: 'write', signal })
  if (result.exitStatus !== 0 && /has dependent clones\n/.test(result.stderr)) {
    throw new DependantsError(snapshot, 'clones', parseDependants(result.stderr))
  }
  if (tool.rowOf(result)?.kind === 'not-found') return 'absent'
  tool.accept(command, result, { about: snapshot })
  return 'destroyed'
}

export async function destroySnapshotDeferred(
  tool: Tool,
  snapshot: string,
  signal?: AbortSignal,
): Promise<'accepted' | 'absent'> {
  checkSnapshot(snapshot)
  const accepted = await tool.attempt([ZFS, 'destroy', '-d', checkName(snapshot)], {
    about: snapshot,
    effect: 'write',
    expected: isNotFound,
    signal,
  })
  return accepted === undefined ? 'absent' : 'accepted'
}

function checkSnapshot(snapshot: string): void {
  if (!/^[^@#%,]+@[^@#%,]+$/.test(snapshot)) throw new Error(`not one snapshot: ${snapshot}`)
}

function parseDependants(stderr: string): readonly string[] {
  const lines = stderr.split('\n')
  const start = lines.findIndex(line =>
    /^use '-[rR]' to destroy the following datasets:$/.test(line),
  )
  // The order differs between runs (recorded).
  return start < 0
    ? []
    : lines
        .slice(start + 1)
        .filter(line => line !== '')
        .sort()
}
