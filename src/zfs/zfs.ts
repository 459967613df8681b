// The commands zfs and zpool: builds argument lists, parses answers, classifies failures. It knows
// no volume, attachment or policy. Every command works in all dialects (Solaris 10 to OpenZFS 2.3)
// unless its method says otherwise.

import { StorageError } from '../errors.ts'
import type { Command, Shell } from '../shell/shell.ts'
import { Tool } from '../shell/tool.ts'
import { destroyDataset, destroySnapshot, destroySnapshotDeferred } from './destruction.ts'
import { ZFS_FAILURES } from './failures.ts'
import { COLUMNS, type Properties, parseNames, parseProperties, parseValues } from './listing.ts'
import { checkName, splitMissing, ZFS } from './names.ts'
import { readPoolHealth } from './zpool.ts'

export type { Properties, PropertySource } from './listing.ts'

export interface VolumeCreation {
  readonly dataset: string
  // A multiple of the block size: zfs silently rounds other sizes up (recorded).
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
   * A size larger than the snapshot's. OpenZFS sets it in the same command (recorded); other
   * dialects need setProperty.
   */
  readonly sizeBytes?: number
}

/**
 * Time limit for commands that list every dataset of a pool: minutes on a busy pool with many
 * snapshots. Callers have their own deadlines.
 */
const WHOLE_POOL_MS = 300_000

export class Zfs {
  readonly #tool: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, ZFS_FAILURES)
  }

  /**
   * Always passes block size and compression: their defaults differ by dialect (8K or 16K, off or
   * lz4; recorded).
   */
  async createVolume(volume: VolumeCreation, signal?: AbortSignal): Promise<void> {
    const sparse = volume.reservation === 'thin' ? ['-s'] : []
    const size = ['-b', String(volume.blockSizeBytes), '-V', String(volume.sizeBytes)]
    const properties = options({ compression: volume.compression, ...volume.properties })
    await this.#tool.write(
      [ZFS, 'create', ...sparse, ...size, ...properties, checkName(volume.dataset)],
      { about: volume.dataset, signal },
    )
  }

  /**
   * Creates a dataset that holds properties and is never mounted. Creation is the only
   * compare-and-set of every dialect: `already-exists` means that another caller was first.
   */
  async createFilesystem(
    filesystem: { readonly dataset: string; readonly properties: Readonly<Record<string, string>> },
    signal?: AbortSignal,
  ): Promise<void> {
    // On Linux only root can mount: zfs would create the dataset, and then fail (recorded).
    const properties = options({ canmount: 'off', ...filesystem.properties })
    await this.#tool.write([ZFS, 'create', ...properties, checkName(filesystem.dataset)], {
      about: filesystem.dataset,
      signal,
    })
  }

  /**
   * A dataset that zfs reports as missing is not in the map; every other failure throws. If a pool
   * is not imported, zfs says "does not exist" of each of its datasets. So a caller that concludes
   * absence must ask for the parent in the same call.
   */
  async getProperties(
    names: readonly string[],
    datasets: readonly string[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Properties>> {
    const asked = new Set(datasets)
    if (asked.size === 0) return new Map()
    const what = ['-o', COLUMNS, names.join(',')]
    const command: Command = [ZFS, 'get', '-Hp', ...what, ...[...asked].map(checkName)]
    const result = await this.#tool.ask(command, { effect: 'read', signal })
    const { missing, rest } = splitMissing(result.stderr, asked)
    // Status 1 with only "does not exist" is an answer.
    if (result.exitStatus !== 1 || missing.size === 0 || rest !== '') {
      this.#tool.accept(command, { ...result, stderr: rest }, { about: [...asked].join(', ') })
    }
    const found = parseProperties(result.stdout, names, name => asked.has(name))
    for (const dataset of asked) {
      if (!found.has(dataset) && !missing.has(dataset)) {
        throw new StorageError('internal', `zfs get printed nothing about dataset ${dataset}`)
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
    return withPrefix(await this.#below(names, parent, signal), `${parent}/`)
  }

  /** Names of the properties that are set or received on a dataset itself. None is inherited. */
  async listSetProperties(dataset: string, signal?: AbortSignal): Promise<readonly string[]> {
    const what = ['-s', 'local,received', '-o', 'property', 'all']
    const command: Command = [ZFS, 'get', '-H', ...what, checkName(dataset)]
    const { stdout } = await this.#tool.read(command, { about: dataset, signal })
    return stdout.split('\n').filter(line => line !== '')
  }

  /** The snapshots of one dataset. Treat those with `defer_destroy` on as deleted. */
  async getSnapshots(
    names: readonly string[],
    dataset: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, Properties>> {
    return withPrefix(await this.#below(names, dataset, signal), `${dataset}@`)
  }

  /**
   * Names of the children and grandchildren of a dataset, sorted. For thousands of datasets names
   * are short, properties long.
   */
  async listDescendants(parent: string, signal?: AbortSignal): Promise<readonly string[]> {
    const text = await this.#listNames(['-d', '2', '-t', 'filesystem,volume'], parent, signal)
    return parseNames(text, parent, () => true)
  }

  /**
   * Values of user properties of all file systems down to the grandchildren, by name; `-` means
   * none. Volumes and snapshots are left out: there are many more of them. The answer does not show
   * whether a value is inherited, so ask only for properties that no parent has.
   */
  async listValues(
    properties: readonly string[],
    parent: string,
    options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number },
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const what = ['-t', 'filesystem', '-o', ['name', ...properties].join(',')]
    const { stdout } = await this.#tool.read(
      [ZFS, 'list', '-H', '-r', '-d', '2', ...what, checkName(parent)],
      { about: parent, timeoutMs: WHOLE_POOL_MS, ...options },
    )
    return parseValues(stdout, parent, properties.length)
  }

  /**
   * Names of the snapshots of all direct children of a dataset, sorted; only those after `after`.
   */
  async listGrandchildren(
    parent: string,
    {
      after = '',
      signal,
    }: { readonly after?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly string[]> {
    // File systems are listed to get the parent's own line: without it an empty answer would not
    // prove that there is no snapshot.
    const text = await this.#listNames(['-d', '2', '-t', 'filesystem,snapshot'], parent, signal)
    return parseNames(
      text,
      parent,
      name => name > after && name.startsWith(`${parent}/`) && name.includes('@'),
    )
  }

  // Sorting by name is deliberate: OpenZFS then reads no properties at all (zfs_main.c, recalled).
  async #listNames(what: readonly string[], parent: string, signal?: AbortSignal): Promise<string> {
    const { stdout } = await this.#tool.read(
      [ZFS, 'list', '-H', '-r', ...what, '-o', 'name', '-s', 'name', checkName(parent)],
      { about: parent, signal, timeoutMs: WHOLE_POOL_MS },
    )
    return stdout
  }

  // Solaris has no `get -t` (v23, recorded): depth 1 lists the dataset, its snapshots and its
  // children together.
  async #below(names: readonly string[], dataset: string, signal?: AbortSignal) {
    const { stdout } = await this.#tool.read(
      [ZFS, 'get', '-Hp', '-r', '-d', '1', '-o', COLUMNS, names.join(','), checkName(dataset)],
      { about: dataset, signal, timeoutMs: WHOLE_POOL_MS },
    )
    const isListed = (name: string) =>
      name === dataset || (/^[/@#]/.test(name.slice(dataset.length)) && name.startsWith(dataset))
    const found = parseProperties(stdout, names, isListed)
    if (!found.has(dataset)) {
      throw new StorageError('internal', `zfs get printed nothing about dataset ${dataset}`)
    }
    return found
  }

  /** One property per command: Solaris takes no more (v23, recorded). */
  async setProperty(
    dataset: string,
    [name, value]: readonly [name: string, value: string],
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#tool.write([ZFS, 'set', `${name}=${value}`, checkName(dataset)], {
      about: dataset,
      signal,
    })
  }

  /** Removes a user property; success if it is not set. */
  async inheritProperty(dataset: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.#tool.write([ZFS, 'inherit', name, checkName(dataset)], { about: dataset, signal })
  }

  /**
   * Never recursive, never forced. Throws `busy` while a device is open, DependantsError while
   * snapshots, children or clones exist.
   */
  destroy(dataset: string, signal?: AbortSignal): Promise<'destroyed' | 'absent'> {
    return destroyDataset(this.#tool, dataset, signal)
  }

  /** Destroys one snapshot at once; throws DependantsError while clones need it. */
  destroySnapshot(snapshot: string, signal?: AbortSignal): Promise<'destroyed' | 'absent'> {
    return destroySnapshot(this.#tool, snapshot, signal)
  }

  /**
   * Destroys the snapshot now, or with the last clone or hold that needs it. Until then it stays
   * listed with `defer_destroy` on.
   */
  destroySnapshotDeferred(snapshot: string, signal?: AbortSignal): Promise<'accepted' | 'absent'> {
    return destroySnapshotDeferred(this.#tool, snapshot, signal)
  }

  /**
   * Takes all snapshots at one moment, or none. Several names need a dialect with
   * `multipleSnapshots`; a dataset may occur only once.
   */
  async snapshot(
    names: readonly string[],
    properties: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#tool.write([ZFS, 'snapshot', ...options(properties), ...names.map(checkName)], {
      about: names.join(', '),
      signal,
    })
  }

  /** A clone has no reservation in any dialect, even if its origin has one. */
  async clone(clone: CloneCreation, signal?: AbortSignal): Promise<void> {
    const size: Record<string, string> =
      clone.sizeBytes === undefined ? {} : { volsize: String(clone.sizeBytes) }
    const properties = options({ ...size, ...clone.properties })
    await this.#tool.write(
      [ZFS, 'clone', ...properties, checkName(clone.snapshot), checkName(clone.dataset)],
      { about: clone.dataset, signal },
    )
  }

  async rename(from: string, to: string, signal?: AbortSignal): Promise<void> {
    await this.#tool.write([ZFS, 'rename', checkName(from), checkName(to)], { about: from, signal })
  }

  /**
   * ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL, REMOVED or SUSPENDED. zpool also answers while the
   * pool is suspended (recorded).
   */
  poolHealth(pool: string, signal?: AbortSignal): Promise<string> {
    return readPoolHealth(this.#tool, pool, signal)
  }
}

function options(properties: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(properties).flatMap(([name, value]) => {
    // Old dialects reject an empty value; new ones show it as an empty field (recorded).
    if (value === '') throw new Error(`property ${name} has no value`)
    return ['-o', `${name}=${value}`]
  })
}

function withPrefix(
  datasets: ReadonlyMap<string, Properties>,
  prefix: string,
): ReadonlyMap<string, Properties> {
  return new Map([...datasets].filter(([name]) => name.startsWith(prefix)))
}
