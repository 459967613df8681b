// What the driver records in a guest about its volumes: which disk a volume was staged from, and
// where it was published. Unpublish and unstage receive only a volume and a path. Without a note
// nobody could tell whether a mount there belongs to the volume. Notes are links in one directory:
// one listing reads them all, and each is written whole or not at all. A note never proves that
// something is mounted, only to which volume it belongs. Volumes staged by an older version have no
// note.

import { createHash } from 'node:crypto'
import { StorageError } from '../errors.ts'
import type { Paths } from './paths.ts'

/** `kept`: the directory or file existed before the driver came, and stays. */
export type TargetNote = 'made' | 'kept'

interface StagedNote {
  readonly blockPath: string
  /** Digest of the mount options. */
  readonly options: string
}

interface Target {
  readonly volumeId: string
  readonly path: string
}

export class VolumeNotes {
  readonly #paths: Paths
  readonly #directory: string

  constructor(paths: Paths, stateDirectory: string) {
    this.#paths = paths
    this.#directory = `${stateDirectory}/volumes`
  }

  async read(signal?: AbortSignal): Promise<NotesRead> {
    return new NotesRead(await this.#paths.listLinks(this.#directory, signal))
  }

  /**
   * Records the disk of a volume. An older note of another volume for the same disk is outdated and
   * is removed.
   */
  async noteStaged(
    notes: NotesRead,
    staged: StagedNote & { readonly volumeId: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const { volumeId } = staged
    const text = `${staged.blockPath} ${staged.options}`
    const name = encodeURIComponent(volumeId)
    const written = notes.links.get(name)
    for (const [other, blockPath] of notes.stagedDisks()) {
      if (other !== name && blockPath === staged.blockPath) {
        await this.#paths.remove(`${this.#directory}/${other}`, signal)
      }
    }
    if (written === text) return
    await this.#paths.ensureDirectory(this.#directory, signal)
    if (written !== undefined) await this.#paths.remove(`${this.#directory}/${name}`, signal)
    await this.#paths.createLink(`${this.#directory}/${name}`, text, signal)
  }

  async noteTarget(
    { volumeId, path, note }: Target & { readonly note: TargetNote },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#paths.ensureDirectory(this.#directory, signal)
    await this.#paths.createLink(
      `${this.#directory}/${targetName(volumeId, path, note)}`,
      path,
      signal,
    )
  }

  async forgetTarget(
    notes: NotesRead,
    { volumeId, path }: Target,
    signal?: AbortSignal,
  ): Promise<void> {
    const note = notes.targetOf(volumeId, path)
    if (note) {
      await this.#paths.remove(`${this.#directory}/${targetName(volumeId, path, note)}`, signal)
    }
  }

  async forgetStaged(notes: NotesRead, volumeId: string, signal?: AbortSignal): Promise<void> {
    if (notes.stagedOf(volumeId)) {
      await this.#paths.remove(`${this.#directory}/${encodeURIComponent(volumeId)}`, signal)
    }
  }
}

/** The notes of one reading. */
export class NotesRead {
  readonly links: ReadonlyMap<string, string>

  constructor(links: ReadonlyMap<string, string>) {
    this.links = links
  }

  stagedOf(volumeId: string): StagedNote | undefined {
    const text = this.links.get(encodeURIComponent(volumeId))
    if (text === undefined) return undefined
    const [, blockPath, options] = text.match(/^(\/\S+) ([0-9a-f]+|-)$/) ?? []
    if (blockPath === undefined || options === undefined) {
      throw new StorageError(
        'internal',
        `volume ${volumeId}: its note in the guest cannot be read: ${JSON.stringify(text)}`,
      )
    }
    return { blockPath, options }
  }

  /** The volume for which the disk was staged. */
  ownerOf(blockPath: string): string | undefined {
    const note = this.stagedDisks().find(([, noted]) => noted === blockPath)
    return note && decodeURIComponent(note[0])
  }

  disks(): readonly string[] {
    return this.stagedDisks().map(([, blockPath]) => blockPath)
  }

  /** Every volume of which there is a note, of whatever kind. */
  volumes(): readonly string[] {
    const names = [...this.links.keys()].map(name => name.split('@')[0] ?? '')
    return [...new Set(names)].map(decodeURIComponent).sort()
  }

  /**
   * Names of the notes of staged volumes, each with its disk. Notes of targets have an `@` in their
   * names.
   */
  stagedDisks(): readonly (readonly [name: string, blockPath: string])[] {
    return [...this.links].flatMap(([name, text]) =>
      name.includes('@') ? [] : ([[name, text.split(' ')[0] ?? '']] as const),
    )
  }

  targetOf(volumeId: string, path: string): TargetNote | undefined {
    for (const note of ['made', 'kept'] as const) {
      if (this.links.get(targetName(volumeId, path, note)) === path) return note
    }
    return undefined
  }

  targetsOf(volumeId: string): readonly string[] {
    const prefix = `${encodeURIComponent(volumeId)}@`
    return [...this.links].flatMap(([name, path]) => (name.startsWith(prefix) ? [path] : []))
  }

  /** The volume that was published at a path. */
  targetOwner(path: string): string | undefined {
    for (const [name, target] of this.links) {
      const [volume = '', kind] = name.split('@')
      if (kind !== undefined && target === path) return decodeURIComponent(volume)
    }
    return undefined
  }

  /** Whether a note says that the path is a target of another volume. */
  isTargetOfAnother(volumeId: string, path: string): boolean {
    const prefix = `${encodeURIComponent(volumeId)}@`
    return [...this.links].some(
      ([name, target]) => name.includes('@') && !name.startsWith(prefix) && target === path,
    )
  }
}

/**
 * Digest of the mount options: they are only compared, never shown. Their order counts. `rw` and
 * `ro` are left out: the mount itself shows them.
 */
export function digestOptions(options: readonly string[]): string {
  const own = options.filter(option => option !== 'ro' && option !== 'rw')
  return own.length === 0
    ? '-'
    : createHash('sha256').update(JSON.stringify(own)).digest('hex').slice(0, 32)
}

function targetName(volumeId: string, path: string, note: TargetNote): string {
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return `${encodeURIComponent(volumeId)}@${note}-${digest}`
}
