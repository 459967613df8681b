// Names and numbers of virtual disks, on which the controller and a guest's node plugin agree. On
// Xen: `xvd` and letters, as xl and a Linux guest spell them, and the number under which xenstore
// and sysfs keep the same disk. Pure. Other spellings (sdb, hda, xvdb1) are only read: a guest
// gives some of them the name of another disk (xen/05).

const LETTERS = 26
/** Disks below this have numbers of the old form, with 16 partitions each (xen/05). */
const OLD_FORM = 16
const OLD_MAJOR = 202
const NEW_FORM = 2 ** 28

/** The letters of a disk in the order of kernels: 0 is a, 25 z, 26 aa. */
export function diskLetters(slot: number): string {
  const letter = (index: number) => String.fromCharCode('a'.charCodeAt(0) + index)
  let rest = slot
  let letters = letter(rest % LETTERS)
  while (rest >= LETTERS) {
    rest = Math.floor(rest / LETTERS) - 1
    letters = letter(rest % LETTERS) + letters
  }
  return letters
}

/** 0 is xvda, 25 xvdz, 26 xvdaa (xen/05-attach-errors.txt). */
export function vdevName(slot: number): string {
  return `xvd${diskLetters(slot)}`
}

/** 0 is 51712, 15 is 51952, 16 is 268439552 (xen/05-attach-errors.txt). */
export function vdevNumber(slot: number): number {
  return slot < OLD_FORM ? OLD_MAJOR * 256 + slot * 16 : NEW_FORM + slot * 256
}

/** The disk of a number; undefined for a partition and for a number of another kind of disk. */
export function slotOfNumber(number: number): number | undefined {
  const slot = number >= NEW_FORM ? (number - NEW_FORM) / 256 : number / 16 - OLD_MAJOR * 16
  return Number.isInteger(slot) && slot >= 0 && vdevNumber(slot) === number ? slot : undefined
}
