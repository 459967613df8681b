// What `iostat -En` prints about a disk. The layout is that of show_disk_errors in iostat.c: a line
// ends after the third item, and after 62 columns. `current` (illumos of today) begins a new line
// before the size and prints long names in full. `solaris-10` (captured in 2008, and in the source
// up to OpenSolaris) does neither. The disk's device driver decides which items there are.

export type IostatRelease = 'current' | 'solaris-10'

/** A text is padded already, to the width that its device driver uses. */
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
