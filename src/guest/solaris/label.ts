// Labels of whole disks on a Solaris guest: the driver reads one, proves that there is none, writes
// the first one with a single slice 0, or extends it when the disk has grown. Any answer other than
// that of an unlabelled disk is an error, never a reason to write.

import { StorageError } from '../../errors.ts'
import type { Command, Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import { DISK_GONE, LABEL_FAILURES, NO_GEOMETRY, PRTVTOC_FAILURES } from './failures.ts'
import {
  findSliceZero,
  isDefaultTable,
  type Label,
  parseLabel,
  planExtension,
} from './label-table.ts'

const PRTVTOC = '/usr/sbin/prtvtoc'
const FORMAT = '/usr/sbin/format'
const FMTHARD = '/usr/sbin/fmthard'

// `gone`: the name is left over, the disk is not there
export type LabelState =
  | { readonly kind: 'labelled'; readonly label: Label }
  | { readonly kind: 'unlabelled' }
  | { readonly kind: 'gone' }

export class SolarisLabels {
  readonly #tool: Tool
  readonly #prtvtoc: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, LABEL_FAILURES)
    this.#prtvtoc = new Tool(shell, PRTVTOC_FAILURES)
  }

  /** `name` has the form cXdN. The node of slice 2 exists under every kind of label. */
  async read(name: string, signal?: AbortSignal): Promise<LabelState> {
    const command: Command = [PRTVTOC, `/dev/rdsk/${name}s2`]
    const result = await this.#prtvtoc.ask(command, { effect: 'read', signal })
    const row = this.#prtvtoc.rowOf(result)
    if (row === DISK_GONE) return { kind: 'gone' }
    if (row === NO_GEOMETRY) return { kind: 'unlabelled' }
    const label = parseLabel(this.#prtvtoc.accept(command, result, { about: name }).stdout)
    return isDefaultTable(label) ? { kind: 'unlabelled' } : { kind: 'labelled', label }
  }

  /**
   * Writes the first label; the caller has proved that there is none. It is always an EFI label:
   * its default table is one slice 0 over everything, so one command writes it. The table of a VTOC
   * label is meant for installing a system, so a second command would have to change it. A cut
   * between the two would leave a slice 0 that shows the label itself and looks used.
   */
  async write(name: string, mark: string, signal?: AbortSignal): Promise<void> {
    // Solaris 11 labels without questions (recalled). The exit status says nothing, so the label is
    // read back.
    await this.#tool.ask([FORMAT, '-L', 'efi', '-d', name], { effect: 'write', signal })
    if ((await this.read(name, signal)).kind === 'unlabelled') {
      // Older releases ask which label, whether to continue, and whether to heed a warning
      // (recalled).
      await this.#tool.ask([FORMAT, '-e', '-d', name], {
        effect: 'write',
        signal,
        input: 'label\n1\ny\ny\nquit\n',
      })
    }
    const labelled = await this.read(name, signal)
    if (labelled.kind !== 'labelled' || findSliceZero(labelled.label) === undefined) {
      throw this.#unfinished(name)
    }
    // The name is further evidence of whose disk it is, but not required. A label has no name if
    // the call was cut here, or if the release cannot name it. The command must not change the
    // table.
    await this.#tool.ask([FMTHARD, '-n', mark, `/dev/rdsk/${name}s2`], { effect: 'write', signal })
    const after = await this.read(name, signal)
    if (
      after.kind !== 'labelled' ||
      findSliceZero(after.label)?.count !== findSliceZero(labelled.label)?.count
    ) {
      throw this.#unfinished(name)
    }
  }

  /**
   * Extends slice 0 to the end of the disk, also while it is mounted; already done is success. A
   * label that the driver did not write stays as it is, and the reason is returned.
   *
   * `expand` of format only moves the reserved slice, and its other questions differ between
   * releases. Older releases refuse to label a disk that has anything mounted (menu_partition.c,
   * checkdev.c). fmthard writes a whole table in one command, sized by the disk as it is now
   * (fmthard.c). A cut leaves it either written or not.
   */
  async extend(
    name: string,
    diskSectors: number,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const state = await this.read(name, signal)
    if (state.kind !== 'labelled') return undefined
    const plan = planExtension(state.label, diskSectors)
    if (plan.kind !== 'possible') return plan.kind === 'refused' ? plan.reason : undefined
    const input = plan.slices
      .map(
        ({ number, tag, flags, first, count }) => `${number} ${tag} ${flags} ${first} ${count}\n`,
      )
      .join('')
    // A whole table carries no name, so pass the present one again.
    const kept = state.label.name === undefined ? [] : ['-n', state.label.name]
    const command: Command = [FMTHARD, ...kept, '-s', '-', `/dev/rdsk/${name}s2`]
    await this.#tool.write(command, { about: name, signal, input })
    const after = await this.read(name, signal)
    const made = after.kind === 'labelled' ? findSliceZero(after.label) : undefined
    const [wanted] = plan.slices
    if (made?.first === wanted.first && made.count === wanted.count) return undefined
    throw new StorageError(
      'failed-precondition',
      `${name}: its label was extended, but slice 0 does not have ${wanted.count} sectors from ` +
        `${wanted.first}; look at the disk by hand`,
    )
  }

  #unfinished(name: string): StorageError {
    return new StorageError(
      'failed-precondition',
      `${name} could not be labelled; label it by hand with format, one slice 0 over everything`,
    )
  }
}
