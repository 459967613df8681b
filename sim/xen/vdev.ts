// Numbers of virtual disks by their names, as libxl computes them (recorded: 05-attach-errors.txt;
// the formula: xen-vbd-interface(7)). Another program than the driver's own.

const LETTERS = /^(xvd|sd|hd)([a-z]+)(\d*)$/

/** Undefined for a name that libxl does not accept. */
export function parseVdev(vdev: string): number | undefined {
  const [, prefix = '', letters = '', part = ''] = LETTERS.exec(vdev) ?? []
  if (prefix === '') return undefined
  let disk = 0
  for (const letter of letters) disk = disk * 26 + letter.charCodeAt(0) - 96
  disk -= 1
  const partition = part === '' ? 0 : Number(part)
  if (prefix === 'xvd') {
    return disk < 16 && partition < 16
      ? (202 << 8) | (disk << 4) | partition
      : (1 << 28) | (disk << 8) | partition
  }
  if (prefix === 'sd') return disk < 16 ? (8 << 8) | (disk << 4) | partition : undefined
  return disk < 4 ? ((disk < 2 ? 3 : 22) << 8) | ((disk & 1) << 6) | partition : undefined
}

/**
 * Which disk of a Linux guest has a number, counted from xvda. blkfront names IDE and SCSI disks as
 * if they were Xen's own (recorded: hda becomes xvda, sdb xvdb).
 */
export function indexOf(number: number): number {
  if (number >= 1 << 28) return (number & 0xfffffff) >> 8
  const major = number >> 8
  if (major === 3) return (number & 0xff) >> 6
  if (major === 22) return 2 + ((number & 0xff) >> 6)
  return (number & 0xff) >> 4
}
