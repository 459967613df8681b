// How a program in a simulated guest reads the first bytes of a device: the operands of `dd`, and
// the dump that `od` prints.

/**
 * Parses `dd if=… of=/dev/null bs=… count=1`, with which the node plugin reads a device. Undefined
 * for anything else.
 */
export function parseBlockRead(
  args: readonly string[],
): { path: string; bytes: number } | undefined {
  const words = new Map(
    args.map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  )
  const bytes = Number(words.get('bs'))
  const isKnown = [...words.keys()].every(key => ['if', 'of', 'bs', 'count', 'iflag'].includes(key))
  if (!isKnown || words.get('of') !== '/dev/null' || words.get('count') !== '1' || !(bytes > 0)) {
    return undefined
  }
  return { path: words.get('if') ?? '', bytes }
}

/** An octal dump. Of equal lines only the first is shown, then `*` (documented: od, POSIX). */
export function octalDump(bytes: Buffer): string {
  const lines: string[] = []
  let previous = ''
  let starred = false
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16)
    const words: string[] = []
    for (let word = 0; word < row.length; word += 2) {
      words.push(
        (word + 1 < row.length ? row.readUInt16LE(word) : (row[word] ?? 0))
          .toString(8)
          .padStart(6, '0'),
      )
    }
    const shown = words.join(' ')
    if (shown === previous && at > 0) {
      if (!starred) lines.push('*')
      starred = true
      continue
    }
    lines.push(`${at.toString(8).padStart(7, '0')} ${shown}`)
    previous = shown
    starred = false
  }
  lines.push(bytes.length.toString(8).padStart(7, '0'))
  return lines.map(line => `${line}\n`).join('')
}
