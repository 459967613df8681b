// Labels of whole disks on a Solaris guest: reading one, proving that there is none, writing the
// first one with a single slice 0, extending that one when the disk has grown. An answer that is
// not exactly that of an unlabelled disk is an error, never a reason to write.

import { StorageError } from '../../errors.ts'
import { expectSuccess, type FailureRow } from '../../shell/failures.ts'
import type { Command, Shell } from '../../shell/shell.ts'
import { findSliceZero, isDefaultTable, type Label, parseLabel, planExtension } from './tables.ts'

const PRTVTOC = '/usr/sbin/prtvtoc'
const FORMAT = '/usr/sbin/format'
const FMTHARD = '/usr/sbin/fmthard'

/** EINVAL, and nothing else: EIO is a disk that does not answer. */
const NO_GEOMETRY = /Unable to read Disk geometry errno = 0x16\b/
const GONE = /No such file or directory|No such device/

const FAILURES: readonly FailureRow[] = [
  // Before the rows of disks that do not answer: both programs say why they could not open one.
  {
    text: /[Pp]ermission denied|[Nn]ot owner|Insufficient privileges/,
    kind: 'permission-denied',
    evidence: 'documented',
    source:
      'prtvtoc.c ("failed to open device: %s"), fmthard.c ("Cannot open device %s - %s"): ' +
      'strerror of EACCES and EPERM',
    hint:
      "the plugin's account may not open disks of the guest: put pfexec or sudo before its " +
      'commands (prefix in its configuration)',
  },
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
    source: 'format(1M)',
  },
  {
    text: /Cannot (open device|stat device|write EFI)|efi_alloc_and_init failed/,
    status: 1,
    kind: 'unavailable',
    evidence: 'documented',
    source: 'fmthard.c',
    hint: 'the disk does not answer; see whether its service domain is up',
  },
  {
    text: /does not fit|overlaps partition|expected one reserved partition/,
    status: 1,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'fmthard.c',
    hint: 'extend the label by hand with format, slice 0 to the end of the disk',
  },
]

// the name is left over, the disk is not there
export type LabelState =
  | { readonly kind: 'labelled'; readonly label: Label }
  | { readonly kind: 'unlabelled' }
  | { readonly kind: 'gone' }

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

  /**
   * Writes the first label; the caller has proved that there is none. Always EFI: its default table
   * is one slice 0 over everything, so one command does it. The table of a VTOC label is made for
   * installing a system, and a second command would have to change it: a cut between the two leaves
   * a slice 0 that shows the label itself, and looks used.
   */
  async write(name: string, mark: string, signal?: AbortSignal): Promise<void> {
    // Solaris 11 labels without questions (recalled); its exit status says nothing, so the label is
    // read back.
    await this.#shell.run([FORMAT, '-L', 'efi', '-d', name], { effect: 'write', signal })
    if ((await this.read(name, signal)).kind === 'unlabelled') {
      // Older releases ask: which label, whether to go on, and whether to keep a warning in mind
      // (recalled).
      await this.#shell.run([FORMAT, '-e', '-d', name], {
        effect: 'write',
        signal,
        input: 'label\n1\ny\ny\nquit\n',
      })
    }
    const labelled = await this.read(name, signal)
    if (labelled.kind !== 'labelled' || findSliceZero(labelled.label) === undefined) {
      throw this.#unfinished(name)
    }
    // The name is one more proof of whose the disk is, and not needed: a label whose making was cut
    // here has none, nor has one of a release that cannot name it. What it must not do is change
    // the table.
    await this.#shell.run([FMTHARD, '-n', mark, `/dev/rdsk/${name}s2`], { effect: 'write', signal })
    const after = await this.read(name, signal)
    if (
      after.kind !== 'labelled' ||
      findSliceZero(after.label)?.count !== findSliceZero(labelled.label)?.count
    ) {
      throw this.#unfinished(name)
    }
  }

  /**
   * Makes slice 0 reach the end of the disk, also while it is mounted; done already is success. A
   * label that the driver did not write stays as it is: the reason is returned.
   *
   * `expand` of format only moves the reserved slice, its other questions differ from release to
   * release, and older releases refuse to label a disk of which anything is mounted
   * (menu_partition.c, checkdev.c). fmthard writes a whole table in one command, sized by the disk
   * as it is now (fmthard.c): cut anywhere, it was written or it was not.
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
    // A whole table comes without a name: the one that is there is given again.
    const kept = state.label.name === undefined ? [] : ['-n', state.label.name]
    const command: Command = [FMTHARD, ...kept, '-s', '-', `/dev/rdsk/${name}s2`]
    expectSuccess(
      command,
      await this.#shell.run(command, { effect: 'write', signal, input }),
      FAILURES,
      name,
    )
    const after = await this.read(name, signal)
    const made = after.kind === 'labelled' ? findSliceZero(after.label) : undefined
    const [wanted] = plan.slices
    if (made?.first === wanted.first && made.count === wanted.count) return undefined
    throw new StorageError(
      'failed-precondition',
      `${name}: slice 0 should have ${wanted.count} sectors from ${wanted.first} after its ` +
        `label was extended; look at the disk by hand`,
    )
  }

  #unfinished(name: string): StorageError {
    return new StorageError(
      'failed-precondition',
      `${name} could not be labelled; label it by hand with format, one slice 0 over everything`,
    )
  }
}
