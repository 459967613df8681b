// The commands zfs and zpool: argument lists, answers to values, failures to kinds. It knows no
// volume, no attachment and no policy; every command is one that all dialects have (Solaris 10 to
// OpenZFS 2.3) unless its method says otherwise.

import { StorageError } from '../errors.ts'
import { classify, expectSuccess } from '../shell/failures.ts'
import type { Command, CommandResult, Shell } from '../shell/shell.ts'
import { ZFS_FAILURES } from './failures.ts'
import { COLUMNS, type Properties, parseNames, parseProperties, parseValues } from './listing.ts'

export type { Properties, PropertySource, PropertyValue } from './listing.ts'

export const ZFS = '/usr/sbin/zfs'
export const ZPOOL = '/usr/sbin/zpool'

export interface VolumeCreation {
  readonly dataset: string
  // a multiple of the block size: other sizes are rounded up silently (recorded)
  readonly sizeBytes: number
  readonly blockSizeBytes: number
  readonly reservation: 'thick' | 'thin'
  readonly compression: string
  readonly properties: Readonly<Record<string, string>>
}

export interface CloneCreation {
  readonly snapshot: string
  readonly dataset: string
  readonly properties: Readonly<Record<string, string>>
  /**
   * A size larger than the snapshot's; OpenZFS takes it in the same command (recorded), other
   * dialects need setProperty.
   */
  readonly sizeBytes?: number
}

/** A dataset was not destroyed because these others depend on it. */
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

/**
 * What names every dataset of a pool: minutes on a busy pool of many snapshots. Callers have
 * deadlines of their own.
 */
const WHOLE_POOL_MS = 300_000

export class Zfs {
  readonly #shell: Shell

  constructor(shell: Shell) {
    this.#shell = shell
  }

  /**
   * Block size and compression are always passed: their defaults differ by dialect (8K or 16K, off
   * or lz4; recorded).
   */
  async createVolume(volume: VolumeCreation, signal?: AbortSignal): Promise<void> {
    const sparse = volume.reservation === 'thin' ? ['-s'] : []
    const size = ['-b', String(volume.blockSizeBytes), '-V', String(volume.sizeBytes)]
    const properties = options({ compression: volume.compression, ...volume.properties })
    await this.#write(
      [ZFS, 'create', ...sparse, ...size, ...properties, checkName(volume.dataset)],
      volume.dataset,
      signal,
    )
  }

  /**
   * A dataset that is never mounted, to hold properties. The only compare-and-set of every dialect:
   * `already-exists` is the refusal.
   */
  async createFilesystem(
    filesystem: { readonly dataset: string; readonly properties: Readonly<Record<string, string>> },
    signal?: AbortSignal,
  ): Promise<void> {
    const properties = options({ mountpoint: 'none', ...filesystem.properties })
    await this.#write(
      [ZFS, 'create', ...properties, checkName(filesystem.dataset)],
      filesystem.dataset,
      signal,
    )
  }

  /**
   * A dataset that zfs reports as missing is missing from the map; every other failure throws. zfs
   * says "does not exist" of every dataset of a pool that is not imported, so who concludes absence
   * asks for the parent in the same call.
   */
  async getProperties(
    names: readonly string[],
    datasets: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Properties>> {
    const asked = new Set(datasets)
    if (asked.size === 0) return new Map()
    const command: Command = [
      ZFS,
      'get',
      '-Hp',
      '-o',
      COLUMNS,
      names.join(','),
      ...[...asked].map(checkName),
    ]
    const result = await this.#shell.run(command, { effect: 'read', signal })
    const { missing, rest } = splitMissing(result.stderr, asked)
    const object = [...asked].join(', ')
    // Status 1 with nothing but "does not exist" is an answer.
    if (result.exitStatus !== 1 || missing.size === 0 || rest !== '') {
      expectSuccess(command, { ...result, stderr: rest }, ZFS_FAILURES, object)
    }
    const found = parseProperties(result.stdout, names, name => asked.has(name))
    for (const dataset of asked) {
      if (!found.has(dataset) && !missing.has(dataset)) {
        throw new StorageError('internal', `zfs get said nothing of dataset ${dataset}`)
      }
    }
    return found
  }

  /**
   * The direct children of a dataset, without itself and its snapshots. A missing parent throws
   * `not-found`.
   */
  async getChildren(
    names: readonly string[],
    parent: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Properties>> {
    return this.#below(names, parent, name => name.startsWith(`${parent}/`), signal)
  }

  /** The snapshots of one dataset. Those with `defer_destroy` on are as good as gone. */
  async getSnapshots(
    names: readonly string[],
    dataset: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Properties>> {
    return this.#below(names, dataset, name => name.startsWith(`${dataset}@`), signal)
  }

  /**
   * Names of the children of a dataset and of theirs, sorted. Of thousands the names are short
   * where their properties are long.
   */
  async listDescendants(parent: string, signal?: AbortSignal): Promise<readonly string[]> {
    const text = await this.#listNames(['-d', '2', '-t', 'filesystem,volume'], parent, signal)
    return parseNames(text, parent, () => true)
  }

  /**
   * Values of user properties of all file systems down to the second generation, by name; `-` is
   * none. Without volumes and snapshots, of which there are many more. Whose a value is cannot be
   * told: who asks names what no parent has.
   */
  async listValues(
    properties: readonly string[],
    parent: string,
    options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number },
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const columns = ['name', ...properties].join(',')
    const command: Command = [
      ZFS,
      'list',
      '-H',
      '-r',
      '-d',
      '2',
      '-t',
      'filesystem',
      '-o',
      columns,
      checkName(parent),
    ]
    const whole = { effect: 'read', timeoutMs: WHOLE_POOL_MS, ...options } as const
    const { stdout } = expectSuccess(
      command,
      await this.#shell.run(command, whole),
      ZFS_FAILURES,
      parent,
    )
    return parseValues(stdout, parent, properties.length)
  }

  /**
   * Names of the snapshots of all direct children of a dataset, sorted; those up to and with
   * `after` left out.
   */
  async listGrandchildren(
    parent: string,
    {
      after = '',
      signal,
    }: { readonly after?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly string[]> {
    // Filesystems are listed for the parent's sake: without its own line an empty answer would be
    // no proof that there is nothing.
    const text = await this.#listNames(['-d', '2', '-t', 'filesystem,snapshot'], parent, signal)
    return parseNames(
      text,
      parent,
      name => name > after && name.startsWith(`${parent}/`) && name.includes('@'),
    )
  }

  // Sorted by name on purpose: OpenZFS then reads no properties at all (zfs_main.c, recalled).
  async #listNames(what: readonly string[], parent: string, signal?: AbortSignal): Promise<string> {
    const command: Command = [
      ZFS,
      'list',
      '-H',
      '-r',
      ...what,
      '-o',
      'name',
      '-s',
      'name',
      checkName(parent),
    ]
    const options = { effect: 'read', signal, timeoutMs: WHOLE_POOL_MS } as const
    return expectSuccess(command, await this.#shell.run(command, options), ZFS_FAILURES, parent)
      .stdout
  }

  // Solaris has no `get -t` (v23, recorded): the depth of 1 lists the dataset, its snapshots and
  // its children together.
  async #below(
    names: readonly string[],
    dataset: string,
    wanted: (name: string) => boolean,
    signal?: AbortSignal,
  ) {
    const command: Command = [
      ZFS,
      'get',
      '-Hp',
      '-r',
      '-d',
      '1',
      '-o',
      COLUMNS,
      names.join(','),
      checkName(dataset),
    ]
    const options = { effect: 'read', signal, timeoutMs: WHOLE_POOL_MS } as const
    const result = expectSuccess(
      command,
      await this.#shell.run(command, options),
      ZFS_FAILURES,
      dataset,
    )
    const isListed = (name: string) =>
      name === dataset || (/^[/@#]/.test(name.slice(dataset.length)) && name.startsWith(dataset))
    const found = parseProperties(result.stdout, names, isListed)
    if (!found.has(dataset)) {
      throw new StorageError('internal', `zfs get said nothing of dataset ${dataset}`)
    }
    return new Map([...found].filter(([name]) => wanted(name)))
  }

  /** One property a command: Solaris takes no more (v23, recorded). */
  async setProperty(
    dataset: string,
    name: string,
    value: string,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#write([ZFS, 'set', `${name}=${value}`, checkName(dataset)], dataset, signal)
  }

  /** Removes a user property; a property that is not set is success. */
  async inheritProperty(dataset: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.#write([ZFS, 'inherit', name, checkName(dataset)], dataset, signal)
  }

  /**
   * Never recursive, never forced. `busy` while a device is open; DependantsError while snapshots,
   * children or clones exist.
   */
  async destroy(dataset: string, signal?: AbortSignal): Promise<'destroyed' | 'absent'> {
    // A pool's own dataset, a snapshot or a list of them would be a mistake of the caller that
    // destroys too much.
    if (!dataset.includes('/') || /[@#%,]/.test(dataset)) {
      throw new Error(`not a dataset below a pool: ${dataset}`)
    }
    const command: Command = [ZFS, 'destroy', checkName(dataset)]
    const result = await this.#shell.run(command, { effect: 'write', signal })
    if (
      splitMissing(result.stderr, new Set([dataset])).missing.size > 0 &&
      result.exitStatus !== 0
    ) {
      return 'absent'
    }
    const relation = /has (children|dependent clones)\n/.exec(result.stderr)?.[1]
    if (
      result.exitStatus !== 0 &&
      relation !== undefined &&
      classify(result, ZFS_FAILURES)?.kind === 'failed-precondition'
    ) {
      throw new DependantsError(
        dataset,
        relation === 'children' ? 'children' : 'clones',
        parseDependants(result.stderr),
      )
    }
    expectSuccess(command, result, ZFS_FAILURES, dataset)
    return 'destroyed'
  }

  /** One snapshot, at once; DependantsError while clones need it. */
  async destroySnapshot(snapshot: string, signal?: AbortSignal): Promise<'destroyed' | 'absent'> {
    if (!/^[^@#%,]+@[^@#%,]+$/.test(snapshot)) throw new Error(`not one snapshot: ${snapshot}`)
    const command: Command = [ZFS, 'destroy', checkName(snapshot)]
    const result = await this.#shell.run(command, { effect: 'write', signal })
    if (result.exitStatus !== 0 && /has dependent clones\n/.test(result.stderr)) {
      throw new DependantsError(snapshot, 'clones', parseDependants(result.stderr))
    }
    if (result.exitStatus !== 0 && classify(result, ZFS_FAILURES)?.kind === 'not-found') {
      return 'absent'
    }
    expectSuccess(command, result, ZFS_FAILURES, snapshot)
    return 'destroyed'
  }

  /**
   * The snapshot goes now, or with the last clone or hold that needs it; until then it stays listed
   * with `defer_destroy` on.
   */
  async destroySnapshotDeferred(
    snapshot: string,
    signal?: AbortSignal,
  ): Promise<'accepted' | 'absent'> {
    if (!/^[^@#%,]+@[^@#%,]+$/.test(snapshot)) throw new Error(`not one snapshot: ${snapshot}`)
    const command: Command = [ZFS, 'destroy', '-d', checkName(snapshot)]
    const result = await this.#shell.run(command, { effect: 'write', signal })
    if (result.exitStatus !== 0 && classify(result, ZFS_FAILURES)?.kind === 'not-found') {
      return 'absent'
    }
    expectSuccess(command, result, ZFS_FAILURES, snapshot)
    return 'accepted'
  }

  /**
   * All or none, at one moment. More than one name needs a dialect with `multipleSnapshots`; one
   * dataset can be named once.
   */
  async snapshot(
    names: readonly string[],
    properties: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#write(
      [ZFS, 'snapshot', ...options(properties), ...names.map(checkName)],
      names.join(', '),
      signal,
    )
  }

  /** A clone has no reservation in any dialect, whatever its origin has. */
  async clone(clone: CloneCreation, signal?: AbortSignal): Promise<void> {
    const size: Record<string, string> =
      clone.sizeBytes === undefined ? {} : { volsize: String(clone.sizeBytes) }
    const properties = options({ ...size, ...clone.properties })
    await this.#write(
      [ZFS, 'clone', ...properties, checkName(clone.snapshot), checkName(clone.dataset)],
      clone.dataset,
      signal,
    )
  }

  async rename(from: string, to: string, signal?: AbortSignal): Promise<void> {
    await this.#write([ZFS, 'rename', checkName(from), checkName(to)], from, signal)
  }

  /**
   * ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL, REMOVED or SUSPENDED. Answers also while the pool
   * is suspended (recorded).
   */
  async poolHealth(pool: string, signal?: AbortSignal): Promise<string> {
    const command: Command = [ZPOOL, 'list', '-H', '-o', 'name,health', checkName(pool)]
    const result = expectSuccess(
      command,
      await this.#shell.run(command, { effect: 'read', signal }),
      ZFS_FAILURES,
      `pool ${pool}`,
    )
    const health = result.stdout
      .split('\n')
      .map(line => line.split('\t'))
      .find(fields => fields.length === 2 && fields[0] === pool)?.[1]
    if (health === undefined) {
      throw new StorageError(
        'internal',
        `zpool list said nothing of pool ${pool}: ${JSON.stringify(result.stdout)}`,
      )
    }
    return health
  }

  async #write(command: Command, object: string, signal?: AbortSignal): Promise<CommandResult> {
    return expectSuccess(
      command,
      await this.#shell.run(command, { effect: 'write', signal }),
      ZFS_FAILURES,
      object,
    )
  }
}

function options(properties: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(properties).flatMap(([name, value]) => {
    // An empty value is refused by the old dialects and reads as an empty field in the new ones
    // (recorded).
    if (value === '') throw new Error(`property ${name} has no value`)
    return ['-o', `${name}=${value}`]
  })
}

// A name never becomes an option, whatever the layers above let through.
function checkName(name: string): string {
  if (!/^[A-Za-z]/.test(name)) throw new Error(`not a ZFS name: ${JSON.stringify(name)}`)
  return name
}

/** Which of the asked datasets are reported missing, and whatever else was said. */
function splitMissing(
  stderr: string,
  asked: ReadonlySet<string>,
): { missing: ReadonlySet<string>; rest: string } {
  const missing = new Set<string>()
  const rest: string[] = []
  for (const line of stderr.split('\n')) {
    const name = /^cannot open '(.+)': dataset does not exist$/.exec(line)?.[1]
    if (name !== undefined && asked.has(name)) missing.add(name)
    else if (line.trim() !== '') rest.push(line)
  }
  return { missing, rest: rest.join('\n') }
}

function parseDependants(stderr: string): readonly string[] {
  const lines = stderr.split('\n')
  const start = lines.findIndex(line =>
    /^use '-[rR]' to destroy the following datasets:$/.test(line),
  )
  // The order changes between runs (recorded).
  return start < 0
    ? []
    : lines
        .slice(start + 1)
        .filter(line => line !== '')
        .sort()
}
