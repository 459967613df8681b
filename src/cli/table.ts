// Text tables for the command line.

/**
 * Each column is as wide as its widest cell. Users choose names, so control characters are escaped.
 */
export function formatTable(lines: readonly (readonly string[])[]): string {
  const shown = lines.map(line =>
    line.map(cell => cell.replace(/\p{Cc}/gu, character => JSON.stringify(character).slice(1, -1))),
  )
  const widths = (shown[0] ?? []).map((_, column) =>
    Math.max(...shown.map(line => line[column]?.length ?? 0)),
  )
  return shown
    .map(
      line =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
