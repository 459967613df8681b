// Defects of machines with Xen, and of disks that have no names. Data only.

import type { Defect } from './table.ts'

const MACHINE = 'src/hypervisors/xen/machine.ts'
const PLAN = 'src/hypervisors/xen/plan.ts'
const STATE = 'src/hypervisors/xen/state.ts'
const VIEW = 'src/hypervisors/xen/view.ts'
const USES = 'src/storage/uses.ts'
const STRANGERS = 'src/storage/attachments/strangers.ts'

const ATTACHMENT = 'test/behaviour/xen/attachment.test'
const THEIRS = 'test/behaviour/xen/strangers.test'
const GUESTS = 'test/behaviour/xen/guests.test'
const REBOOT = 'test/behaviour/xen/reboot.test'
const LISTING = 'test/unit/xen-listing.test'

const defect = (
  name: string,
  [file, find, replace]: readonly [string, string, string],
  ...tests: readonly string[]
): Defect => ({ name, changes: [{ file, find, replace }], tests })

export const XEN_DEFECTS: readonly Defect[] = [
  defect(
    'success of xl counts as an attached disk',
    [
      STATE,
      "frontState === CONNECTED && backState === CONNECTED && hotplug === 'connected'",
      'true',
    ],
    ATTACHMENT,
  ),
  defect(
    'what a failed attach left on Xen stays in the way',
    [PLAN, 'return { detach: [disk], attach }', 'return { detach: [], attach }'],
    ATTACHMENT,
  ),
  defect(
    'a disk that waits for its guest is attached anew',
    [
      PLAN,
      'if (isConnected(disk) || waitsForGuest(disk)) return NOTHING',
      'if (isConnected(disk)) return NOTHING',
    ],
    ATTACHMENT,
  ),
  defect(
    'a paused guest of Xen counts as running',
    [STATE, "if (flags.includes('p')) return changing", "if (flags.includes('P')) return changing"],
    ATTACHMENT,
  ),
  defect(
    'guests of Xen share a device for writing',
    [
      PLAN,
      "(disk.guest === wanted.guest || wanted.mode === 'rw' || disk.mode !== 'ro'),",
      'disk.guest === wanted.guest,',
    ],
    ATTACHMENT,
  ),
  defect(
    'a disk of Xen in another mode is taken for the wanted one',
    [
      VIEW,
      'isDevice(device) && disk.mode === mode &&',
      'isDevice(device) && mode !== undefined &&',
    ],
    THEIRS,
  ),
  defect(
    'without names any disk of the volume in its guest is ours',
    [USES, "(keepsKeys || use.kind === 'export' || use.slot === slots.get(key))", 'slots.size > 0'],
    THEIRS,
  ),
  defect(
    'without names a volume is released while somebody gave it to the guest',
    [
      STRANGERS,
      'if (machine.hypervisor.traits.keepsKeys) return\n',
      'if (machine.hypervisor.traits.slots.first > 0) return\n',
    ],
    THEIRS,
  ),
  defect(
    'a store that shows nothing is believed, whatever the guests have',
    [STATE, 'servedBy === 0 &&', 'servedBy === 1 &&'],
    'test/behaviour/xen/reports.test',
  ),
  defect(
    'a disk that its guest does not take is reported as attached',
    [
      'src/cli/volumes.ts',
      "device !== undefined && state !== 'down'",
      'device !== undefined && state !== undefined',
    ],
    'test/behaviour/xen/reports.test',
  ),
  defect(
    'a record is released while a renamed guest of Xen has the disk',
    [STRANGERS, 'use => own.length === 0 || use.kind', 'use => use.kind'],
    THEIRS,
  ),
  defect(
    'a guest of Xen that is off keeps its volume',
    [MACHINE, 'if (!domains.some(({ id }) => id === disk.domainId)) return true\n', ''],
    'test/behaviour/xen/off.test',
  ),
  defect(
    'a guest that runs loses the record of a disk that a person took, unless it was off',
    ['src/storage/attachments/detachment.ts', '(hasDisk || hadDisk)', 'hasDisk'],
    'test/behaviour/xen/off.test',
  ),
  defect(
    'a disk by another name of the device of a volume is nobody’s business',
    [VIEW, 'return device === undefined ? named', 'return device !== undefined ? named'],
    THEIRS,
  ),
  defect(
    'a device that a guest has by another name is attached once more',
    [MACHINE, '    if (others.length === 0) return\n', '    if (others.length >= 0) return\n'],
    THEIRS,
  ),
  defect(
    'a raw disk under an administrator’s number is a boot disk of a guest of Xen, too',
    ['src/hypervisors/xen/traits.ts', 'startsFromDisks: false', 'startsFromDisks: true'],
    ATTACHMENT,
  ),
  defect(
    'a number that was asked for and is taken is replaced by another',
    [
      'src/storage/attachments/numbers.ts',
      'return asked === undefined\n',
      'return slots !== undefined\n',
    ],
    'test/unit/attach-plan-numbers.test',
  ),
  defect(
    'a disk that goes while the store of Xen is listed makes the list unreadable',
    ['src/hypervisors/xen/listing.ts', ' ?? GONE.exec(line)', ''],
    LISTING,
  ),
  defect(
    'a disk that was listed in part is taken for one that stays',
    [STATE, '    leaving.length > 0 ||\n', ''],
    'test/behaviour/xen/reports.test',
  ),
  defect(
    'a guest that reboots makes the list of all domains of Xen unreadable',
    ['src/hypervisors/xen/listing.ts', '[s-][rscwS?-][d-]', '[s-][c-][d-]'],
    LISTING,
  ),
  defect(
    'a volume is released while its guest of Xen reboots and gets the disk again',
    ['src/hypervisors/xen/traits.ts', 'transitionHidesDisks: true', 'transitionHidesDisks: false'],
    REBOOT,
  ),
  defect(
    'a guest of Xen that reboots is said to have shut down for good',
    [STATE, "    case 'r':\n", "    case '-':\n"],
    REBOOT,
  ),
  defect(
    'a number beyond xvdp has the old form',
    ['src/model/vdev.ts', 'return slot < OLD_FORM ?', 'return slot <= OLD_FORM ?'],
    LISTING,
  ),
  defect(
    'a Linux guest looks for its Xen disks by numbers of the old form',
    ['src/guest/linux/bus.ts', 'vdevNumber(slot)', '202 * 256 + slot * 16'],
    'test/unit/linux-tables.test',
    GUESTS,
  ),
  defect(
    'a Linux guest of Xen is said not to see that its disk grew',
    ['src/guest/linux/bus.ts', '  seesGrowth: true,\n', '  seesGrowth: false,\n'],
    'test/unit/linux-tables.test',
  ),
  defect(
    'a time-out is accepted where disks have none',
    [
      'src/storage/volumes/parameters.ts',
      'vdiskTimeoutSeconds > 0 && patient !== undefined',
      'vdiskTimeoutSeconds < 0 && patient !== undefined',
    ],
    ATTACHMENT,
  ),
  defect(
    'a removal of unknown fate on Xen is forgotten',
    [
      MACHINE,
      "this.#host.settled([...names, 'block-detach'], signal)",
      'this.#host.settled(names, signal)',
    ],
    'test/behaviour/xen/off.test',
  ),
]
