// Defects of the controller of GuestDisks: what it decides for one disk, who gives way, how a disk
// leaves, what a look is worth. Data only.

import type { Defect } from './table.ts'

const DECISION = 'src/guest-disks/decision.ts'
const SITUATION = 'src/guest-disks/situation.ts'
const CONTROLLER = 'src/guest-disks/controller.ts'
const RECONCILER = 'src/guest-disks/reconciler.ts'
const REMOVAL = 'src/guest-disks/removal.ts'
const CLAIM_DISKS = 'src/guest-disks/claim-disks.ts'
const LOOKS = 'src/guest-disks/looks.ts'
const RIVALS = 'src/guest-disks/rivals.ts'
const QUEUE = 'src/guest-disks/work-queue.ts'
const STATUS = 'src/guest-disks/status.ts'

const DECISION_TEST = 'test/unit/guest-disks/decision.test'
const QUEUE_TEST = 'test/unit/guest-disks/work-queue.test'
const GIVING_TEST = 'test/behaviour/guest-disks/giving.test'
const REMOVAL_TEST = 'test/behaviour/guest-disks/removal.test'
const RESTORING_TEST = 'test/behaviour/guest-disks/restoring.test'
const GROWTH_TEST = 'test/behaviour/guest-disks/growth.test'

/** One text of one file is another, and one test fails. */
function defect(name: string, file: string, [find, replace, test]: readonly string[]): Defect {
  return {
    name,
    changes: [{ file, find: find ?? '', replace: replace ?? '' }],
    tests: [test ?? ''],
  }
}

export const GUEST_DISK_DEFECTS: readonly Defect[] = [
  defect('a silent machine is asked to attach what it may have', DECISION, [
    "return unknown('Attached', { reason: 'NotObserved', message: attachment.why })",
    "return step('attach')",
    DECISION_TEST,
  ]),
  defect('a silent guest is asked to mount what it may have', DECISION, [
    "return unknown('Mounted', { reason: 'GuestSilent', message: mount.why })",
    "return step('mount')",
    DECISION_TEST,
  ]),
  defect('a guest that is off gets its lost disks behind its back', DECISION, [
    "attachment.guest === 'off' && wanted.path !== undefined",
    "attachment.guest === 'no-os' && wanted.path !== undefined",
    DECISION_TEST,
  ]),
  defect('a boot disk waits until its guest has booted', DECISION, [
    "attachment.guest === 'off' && wanted.path !== undefined",
    "attachment.guest === 'off'",
    DECISION_TEST,
  ]),
  defect('a file system that has failed is mounted anew', DECISION, [
    'if (mount.failure !== undefined) return waitForPerson(mount.failure)',
    "if (mount.failure !== undefined) return step('mount')",
    DECISION_TEST,
  ]),
  defect('a mount at another path is enough', SITUATION, [
    'return isStaged && paths.includes(path)',
    'return isStaged && path.length > 0',
    DECISION_TEST,
  ]),
  defect('a disk without all its paths is whole', DECISION, [
    "const repair = seen.missing === '' ? whole : step('attach', seen.missing)",
    'const repair = whole',
    DECISION_TEST,
  ]),
  defect('a new disk is given before the status names its volume', RECONCILER, [
    "if (!(await this.#begin())) return 'again'",
    '',
    GIVING_TEST,
  ]),
  defect('a disk can vanish before it has left its guest', RECONCILER, [
    'if (!isHeld(meta)) {',
    'if (meta.finalizers.length > 99) {',
    REMOVAL_TEST,
  ]),
  defect('a claim can vanish while a guest has its volume', RECONCILER, [
    "if (isHeld(claim.meta) || claim.meta.deleting) return 'held'",
    "if (claim.meta.uid !== '') return 'held'",
    GIVING_TEST,
  ]),
  defect('a claim that is being deleted gets what it has lost', RECONCILER, [
    "claim.meta.deleting && attachment.kind === 'none'",
    'claim.meta.deleting && !hasBegun(disk)',
    REMOVAL_TEST,
  ]),
  defect('a claim is told a size that its volume does not have yet', RECONCILER, [
    '(volume.capacityBytes ?? 0) > (claim.capacityBytes ?? 0)',
    'true',
    GROWTH_TEST,
  ]),
  defect('a shared volume grows in one of its guests', RECONCILER, [
    'for (const other of this.#sharers())',
    'for (const other of this.#sharers().slice(0, 0))',
    GROWTH_TEST,
  ]),
  defect(
    'another volume of the claim is given to the guest, too',
    'src/guest-disks/entitlement.ts',
    [
      'if (given !== undefined && given !== volume.handle) {',
      'if (given === volume.name) {',
      GIVING_TEST,
    ],
  ),
  defect('two disks give one claim to one guest', RIVALS, [
    'return present.find(hasBegun) ?? present.find(each => isOlder(each, disk))',
    'return present.find(each => isOlder(disk, each) && hasBegun(each))',
    'test/unit/guest-disks/rivals.test',
  ]),
  defect('a disk is given to a guest although its rival has begun', RIVALS, [
    'if (known !== undefined) return known',
    'if (known !== undefined) return undefined',
    GIVING_TEST,
  ]),
  defect('a disk is detached without being unmounted', REMOVAL, [
    'return (await this.#unmount()) ?? this.#detach({ onlyWhileOff: false })',
    'return this.#detach({ onlyWhileOff: false })',
    REMOVAL_TEST,
  ]),
  defect('a silent guest is detached although it runs', REMOVAL, [
    'const refused = await this.#detach({ onlyWhileOff: true })',
    'const refused = await this.#detach({ onlyWhileOff: false })',
    REMOVAL_TEST,
  ]),
  defect('a guest that runs is given up', REMOVAL, [
    "!['unlisted', 'unknown'].includes(attachment.guest)",
    "attachment.guest === 'changing'",
    REMOVAL_TEST,
  ]),
  defect('a guest is given up because its pool is silent', REMOVAL, [
    "attachment.kind === 'unknown' && !(await this.#isSilent())",
    "attachment.kind === 'unknown' && this.#volumeId === ''",
    REMOVAL_TEST,
  ]),
  defect('the annotation of another guest gives this one up', REMOVAL, [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a text of the source
    'meta.annotations[ABANDON_ANNOTATION]?.trim() === `${spec.guest} is gone`',
    'meta.annotations[ABANDON_ANNOTATION] !== undefined && spec.guest !== ABANDON_ANNOTATION',
    REMOVAL_TEST,
  ]),
  defect('the object goes although its disk stays', REMOVAL, [
    'if (trouble !== undefined) {',
    'if (trouble !== undefined && disk.meta.deleting === false) {',
    REMOVAL_TEST,
  ]),
  defect('a claim is let go while another disk has it', REMOVAL, [
    'if (claim !== undefined && others.length === 0) {',
    'if (claim !== undefined) {',
    REMOVAL_TEST,
  ]),
  defect('a claim keeps its finalizer when its last disk was forced away', CLAIM_DISKS, [
    "if (disks.length > 0 || !isHeld(claim.meta)) return 'done'",
    "if (disks.length >= 0 || !isHeld(claim.meta)) return 'done'",
    REMOVAL_TEST,
  ]),
  defect('annotations with a mistake take the disks of the claim away', CLAIM_DISKS, [
    'const wanted = claim.meta.deleting ? [] : wantedDisks(claim, parts)',
    'const wanted = claim.meta.deleting ? [] : (wantedDisks(claim, parts) ?? [])',
    GIVING_TEST,
  ]),
  defect('a changed annotation changes nothing', CLAIM_DISKS, [
    'return JSON.stringify(fields(one)) === JSON.stringify(fields(other))',
    'return fields(one).length === fields(other).length',
    GIVING_TEST,
  ]),
  defect('what was seen before an unmount counts for the next disk', REMOVAL, [
    'await this.#parts.looks.lookInto(guest, this.#signal)\n      return undefined',
    'return undefined',
    GIVING_TEST,
  ]),
  defect('a machine that is silent has no disks', LOOKS, [
    "      : { kind: 'unknown', why: `machine",
    "      : { kind: 'none', why: `machine",
    RESTORING_TEST,
  ]),
  defect('a guest that is silent has no mounts', LOOKS, [
    "if ('why' in answer) return { kind: 'unknown', why: `guest",
    "if ('why' in answer) return { kind: 'none', why: `guest",
    RESTORING_TEST,
  ]),
  defect('an older look replaces a younger one', LOOKS, [
    'if (seen.number > before.number) this.#volumes.set(volumeId, seen)',
    'this.#volumes.set(volumeId, seen)',
    'test/unit/guest-disks/looks.test',
  ]),
  defect('what a guest says of itself is denied while its machine is silent', STATUS, [
    "const isMissing = !isAttached && attachment.kind !== 'unknown'",
    'const isMissing = !isAttached',
    RESTORING_TEST,
  ]),
  defect('disks are given before it is known where kubelets run', CONTROLLER, [
    'if (!this.#isComplete || !this.#hasLooked) return { laterMs: 1_000 }',
    'if (!this.#isComplete) return { laterMs: 1_000 }',
    GIVING_TEST,
  ]),
  defect('what a look shows anew waits for the next try of a disk that fails', CONTROLLER, [
    ', outline)) this.#queue.add',
    ', LOOK)) this.#queue.add',
    RESTORING_TEST,
  ]),
  defect('a disk is at work twice at a time', QUEUE, [
    "case 'working':\n        entry.isWanted = true\n        return",
    "case 'working':\n        break",
    QUEUE_TEST,
  ]),
  defect('what was asked for during the work is forgotten', QUEUE, [
    "if (entry.isWanted && outcome !== 'again') {",
    "if (entry.isWanted && typeof outcome !== 'string') {",
    QUEUE_TEST,
  ]),
  defect('a look ends the pause of a failed disk', QUEUE, [
    "if (this.#entries.get(key)?.state !== 'pausing') this.add(key)",
    'this.add(key)',
    QUEUE_TEST,
  ]),
  defect('one machine takes every place in the queue', QUEUE, [
    '(this.#atWork.get(group) ?? 0) < this.#options.limitOfGroup',
    'group.length < this.#options.limitOfGroup',
    QUEUE_TEST,
  ]),
  defect('a node without any driver ends every look', 'src/kubernetes/kubelets.ts', [
    'spec?.drivers ?? []',
    'spec.drivers',
    'test/unit/kubelets.test',
  ]),
]
