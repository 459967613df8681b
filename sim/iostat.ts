// What `iostat -En` prints of a disk. The layout is that of show_disk_errors in iostat.c: a new
// line after the third item, and from 62 columns on. `current` (illumos of today) begins a new line
// before the size and prints long names in full; `solaris-10` (as captured in 2008, and in the
// source up to OpenSolaris) does neither. What the items are is for the driver of the disk.

export type IostatRelease = 'current' | 'solaris-10'

/** Of a text item the width that its driver pads it to, as it stands. */
export type IostatItem = readonly [name: string, value: string | number]

export function printDiskErrors(
  name: string,
  items: readonly IostatItem[],
  release: IostatRelease,
): string {
  const shown = release === 'solaris-10' ? name.slice(0, 16) : name
  let text = `${shown.padEnd(shown.length > 16 ? 20 : 16)} `
  let column = 0
  for (const [index, [item, value]] of items.entries()) {
    column += item.length + (typeof value === 'string' ? value.length : 4)
    if (item === 'Size') {
      text +=
        `${release === 'current' ? '\n' : ''}Size: ${(Number(value) / 1e9).toFixed(2)}GB ` +
        `<${value} bytes>\n`
      column = 0
    } else {
      text += `${item}: ${value} `
    }
    if (column >= 62 || index === 2) {
      text += '\n'
      column = 0
    }
  }
  return `${text}\n`
}
