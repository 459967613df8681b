// Labels of whole disks on a Solaris guest: reading one, proving that there is none, writing the first one with a single slice 0.
// An answer that is not exactly that of an unlabelled disk is an error, never a reason to write.

import { StorageError } from '../errors.ts'
import { expectSuccess, type FailureRow } from '../shell/failures.ts'
import type { Command, CommandResult, Shell } from '../shell/shell.ts'
import { findSliceZero, isDefaultTable, type Label, parseLabel } from './solaris-tables.ts'

const PRTVTOC = '/usr/sbin/prtvtoc'
const FORMAT = '/usr/sbin/format'
const FMTHARD = '/usr/sbin/fmthard'

// From here on only EFI labels describe the whole disk on every release.
const EFI_FROM_BYTES = 1024 ** 4

/** EINVAL, and nothing else: EIO is a disk that does not answer. */
const NO_GEOMETRY = /Unable to read Disk geometry errno = 0x16\b/
const GONE = /No such file or directory|No such device/

const FAILURES: readonly FailureRow[] = [
  {
    text: /Unable to read (Disk geometry|VTOC)|I\/O error/,
    kind: 'unavailable',
    evidence: 'documented',
    source: 'prtvtoc.c: errno other than EINVAL, or VT_EIO',
    hint: 'the disk does not answer; see whether its service domain is up',
  },
  {
    text: /Invalid VTOC|Unknown problem reading VTOC/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'prtvtoc.c',
    hint: 'the label is damaged; look at the disk by hand',
  },
  {
    text: /[Dd]evice busy|is currently being used|currently mounted/,
    kind: 'busy',
    evidence: 'recalled',
    source: 'format(1M), fmthard(1M)',
  },
]

export type LabelState = { readonly kind: 'labelled'; readonly label: Label } | { readonly kind: 'unlabelled' } | { readonly kind: 'gone' } // the name is left over, the disk is not there

export class SolarisLabels {
  readonly #shell: Shell

  constructor(shell: Shell) {
    this.#shell = shell
  }

  /** `name` is cXdN. Slice 2 is the node that exists under every kind of label. */
  async read(name: string, signal?: AbortSignal): Promise<LabelState> {
    const command: Command = [PRTVTOC, `/dev/rdsk/${name}s2`]
    const result = await this.#shell.run(command, { effect: 'read', signal })
    if (result.exitStatus !== 0 && GONE.test(result.stderr)) return { kind: 'gone' }
    if (result.exitStatus !== 0 && NO_GEOMETRY.test(result.stderr)) return { kind: 'unlabelled' }
    const label = parseLabel(expectSuccess(command, result, FAILURES, name).stdout)
    return isDefaultTable(label) ? { kind: 'unlabelled' } : { kind: 'labelled', label }
  }

  /** Writes the first label; the caller has proved that there is none. */
  async write(name: string, sizeBytes: number, signal?: AbortSignal): Promise<void> {
    const kind = sizeBytes >= EFI_FROM_BYTES ? 'efi' : 'vtoc'
    // Solaris 11 labels without questions (recalled); its exit status says nothing, so the label is read back.
    await this.#run([FORMAT, '-L', kind, '-d', name], name, signal)
    if ((await this.read(name, signal)).kind === 'unlabelled') {
      // Older releases ask: which label, whether to go on, and whether to keep a warning in mind (recalled).
      await this.#run([FORMAT, '-e', '-d', name], name, signal, `label\n${kind === 'efi' ? '1' : '0'}\ny\ny\nquit\n`)
    }
    const state = await this.read(name, signal)
    if (state.kind !== 'labelled') throw this.#unfinished(name)
    if (state.label.sectorsPerCylinder !== undefined) await this.#spanSliceZero(name, state.label, signal)
    const after = await this.read(name, signal)
    if (after.kind !== 'labelled' || findSliceZero(after.label) === undefined) throw this.#unfinished(name)
  }

  // The table that format writes is made for installing a system; a volume is one slice over everything behind the first
  // cylinder, which holds the label. Tag 0 unassigned, tag 5 backup (fmthard(1M)).
  async #spanSliceZero(name: string, label: Label, signal: AbortSignal | undefined): Promise<void> {
    const cylinder = label.sectorsPerCylinder ?? 0
    const all = cylinder * (label.accessibleCylinders ?? 0)
    if (all <= cylinder) throw this.#unfinished(name)
    const table = `0 0 00 ${cylinder} ${all - cylinder}\n2 5 00 0 ${all}\n`
    const command: Command = [FMTHARD, '-s', '-', `/dev/rdsk/${name}s2`]
    expectSuccess(command, await this.#run(command, name, signal, table), FAILURES, name)
  }

  #run(command: Command, _name: string, signal: AbortSignal | undefined, input?: string): Promise<CommandResult> {
    return this.#shell.run(command, { effect: 'write', signal, ...(input === undefined ? {} : { input }) })
  }

  #unfinished(name: string): StorageError {
    return new StorageError(
      'failed-precondition',
      `${name} could not be labelled; label it by hand with format, one slice 0 over everything`,
    )
  }
}
