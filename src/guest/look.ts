// What a guest shows of all volumes that the driver staged or published there, for who looks often:
// three commands, however many volumes there are. It reads only, and asks no disk. What it cannot
// read is an error of the whole look, never an absent mount.

import { describeError, isStorageError } from '../errors.ts'
import { ShellError } from '../shell/shell.ts'
import type { Glance, Paths } from './paths.ts'
import { isOfVolume } from './places.ts'
import { describeFailure, type Platform, type Use, type UseTable } from './platform.ts'
import type { NotesRead, VolumeNotes } from './volume-notes.ts'

export interface SeenVolume {
  readonly volumeId: string
  /** The disk by its note, as the guest calls it; undefined if only a target is noted. */
  readonly device: string | undefined
  readonly slot: number | undefined
  /**
   * A file system is mounted somewhere besides the targets. A raw volume leaves no sign of its own:
   * it counts as staged while a target shows it.
   */
  readonly staged: 'there' | 'gone'
  /** Why what is there does not work, for a person; undefined while nothing shows a failure. */
  readonly failure: string | undefined
  readonly targets: readonly SeenTarget[]
}

export interface SeenTarget {
  readonly path: string
  readonly state: 'there' | 'gone'
}

/** A volume as notes and mount table show it. */
interface Sketch {
  readonly volumeId: string
  readonly device: string | undefined
  readonly broken: string | undefined
  readonly targets: readonly string[]
  /** The mounts of its file system, the first of which is its own. */
  readonly mounts: readonly Use[]
  /** Targets that the mount table shows. */
  readonly shown: ReadonlySet<string>
}

// Every server reads ssh packets of 35,000 bytes (RFC 4253, 6.1), and a command line is one packet.
const COMMAND_BYTES = 28_000

export class Look {
  readonly #platform: Pick<Platform, 'mounts' | 'disks'>
  readonly #paths: Pick<Paths, 'glance'>
  readonly #notes: Pick<VolumeNotes, 'read'>

  constructor(options: {
    readonly platform: Pick<Platform, 'mounts' | 'disks'>
    readonly paths: Pick<Paths, 'glance'>
    readonly notes: Pick<VolumeNotes, 'read'>
  }) {
    this.#platform = options.platform
    this.#paths = options.paths
    this.#notes = options.notes
  }

  async look(signal?: AbortSignal): Promise<readonly SeenVolume[]> {
    const notes = await this.#notes.read(signal)
    const uses = await this.#platform.mounts.readUses(signal)
    const sketches = notes.volumes().map(volumeId => sketch(volumeId, notes, uses))
    const glances = await this.#glance(sketches.flatMap(namesToAsk), signal)
    return sketches.map(each => this.#conclude(each, { notes, glances }))
  }

  #conclude(
    { volumeId, device, broken, targets, mounts, shown }: Sketch,
    { notes, glances }: { readonly notes: NotesRead; readonly glances: Glances },
  ): SeenVolume {
    const { disks } = this.#platform
    const isLinked = (path: string) => {
      const entry = glances.get(path)
      if (entry?.kind !== 'link') return false
      const source = entry.target
      return isOwn({ path, source, slot: disks.slotOf(source) }, { volumeId, device }, notes)
    }
    const seen = targets.map(
      (path): SeenTarget => ({ path, state: shown.has(path) || isLinked(path) ? 'there' : 'gone' }),
    )
    const isStaged =
      mounts.length === 0
        ? seen.some(({ state }) => state === 'there')
        : mounts.some(({ path }) => !targets.includes(path))
    return {
      volumeId,
      device,
      slot: device === undefined ? undefined : disks.slotOf(device),
      staged: isStaged ? 'there' : 'gone',
      failure: broken ?? failureOf(mounts, glances) ?? failureAt(targets, glances),
      targets: seen,
    }
  }

  async #glance(names: readonly string[], signal?: AbortSignal): Promise<Glances> {
    const all = new Map<string, Glance>()
    for (const part of parted(names)) {
      for (const each of await this.#glancePart(part, signal)) all.set(...each)
    }
    return all
  }

  /** What the listing does not tell is asked for alone, so that no name hides the others. */
  async #glancePart(names: readonly string[], signal?: AbortSignal): Promise<Glances> {
    const together = await this.#ask(names, signal)
    const glances = new Map(together instanceof ShellError ? [] : together)
    const untold = names.filter(name => !glances.has(name))
    const alone = await Promise.all(
      untold.map(async name => [name, await this.#ask([name], signal)] as const),
    )
    if (alone.some(([, answer]) => answer instanceof ShellError)) {
      // Either a name does not answer, or the guest. Then this throws.
      await this.#platform.mounts.readUses(signal)
    }
    for (const [name, answer] of alone) {
      const reason = answer instanceof ShellError ? describeError(answer) : 'cannot be looked at'
      const told = answer instanceof ShellError ? undefined : answer.get(name)
      glances.set(name, told ?? { kind: 'failed', reason })
    }
    return glances
  }

  async #ask(names: readonly string[], signal?: AbortSignal): Promise<Glances | ShellError> {
    try {
      return await this.#paths.glance(names, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ShellError) || error.fate === 'not-started') throw error
      return error
    }
  }
}

type Glances = ReadonlyMap<string, Glance>

function sketch(volumeId: string, notes: NotesRead, uses: UseTable): Sketch {
  const { device, broken } = readNote(volumeId, notes)
  const targets = [...new Set(notes.targetsOf(volumeId))].sort()
  const mounts = device === undefined ? [] : uses.from(device).filter(isWhole)
  const address = { identity: '', blockPath: device ?? '' }
  const shown = targets.filter(path => {
    const use = uses.at(path, address)
    // A bound node is recognised by the disk of the note.
    if (use === undefined || use.kind === 'device') return use !== undefined
    return isWhole(use) && isOwn({ ...use, path }, { volumeId, device }, notes)
  })
  return { volumeId, device, broken, targets, mounts, shown: new Set(shown) }
}

/** A note that cannot be read concerns its volume only. */
function readNote(volumeId: string, notes: NotesRead) {
  try {
    return { device: notes.stagedOf(volumeId)?.blockPath, broken: undefined }
  } catch (error) {
    if (!isStorageError(error)) throw error
    return { device: undefined, broken: describeError(error) }
  }
}

function isWhole({ kind }: Use): boolean {
  return kind === 'filesystem'
}

/** What is found must come from the noted disk. Without its note, ownership decides. */
function isOwn(
  found: { readonly path: string; readonly source: string; readonly slot: number | undefined },
  { volumeId, device }: Pick<Sketch, 'volumeId' | 'device'>,
  notes: NotesRead,
): boolean {
  return device === undefined ? isOfVolume(volumeId, found, notes) : found.source === device
}

/**
 * Names whose listing tells what the mount table does not: whether a file system still answers, and
 * whether a link shows a raw disk.
 */
function namesToAsk({ mounts, targets, shown }: Sketch): readonly string[] {
  const [own] = mounts
  return own === undefined ? targets.filter(path => !shown.has(path)) : [own.path]
}

function failureOf(mounts: readonly Use[], glances: Glances): string | undefined {
  const [own] = mounts
  if (own === undefined) return undefined
  const told = mounts.map(describeFailure).find(each => each !== undefined)
  const glance = glances.get(own.path)
  const failure = told ?? (glance?.kind === 'failed' ? glance.reason : undefined)
  return failure === undefined ? undefined : `the file system at ${own.path} ${failure}`
}

function failureAt(targets: readonly string[], glances: Glances): string | undefined {
  for (const path of targets) {
    const glance = glances.get(path)
    if (glance?.kind === 'failed') return `${path} ${glance.reason}`
  }
  return undefined
}

function parted(names: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = []
  let bytes = COMMAND_BYTES
  for (const name of names) {
    bytes += Buffer.byteLength(name) + 1
    if (bytes >= COMMAND_BYTES) {
      parts.push([])
      bytes = Buffer.byteLength(name)
    }
    parts.at(-1)?.push(name)
  }
  return parts
}
