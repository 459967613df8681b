// The figures of a run as the tables of docs/scale.md. Text only.

import type { Result } from './run.ts'

export interface Report {
  readonly nodeOptions: readonly string[]
  readonly small: Result
  readonly large: Result
  /** The large one again, where Node sizes its heap itself. */
  readonly unlimited: Result
}

export function formatReport({ nodeOptions, small, large, unlimited }: Report): string {
  return [
    `Controller: node ${nodeOptions.join(' ')}`,
    '',
    formatListings(small, large),
    formatOperations(small, large),
    formatMemory(small, large, unlimited),
    formatAtOnce(small, large),
  ].join('\n')
}

function populations(small: Result, large: Result): readonly string[] {
  return [small, large].map(
    ({ volumes, snapshots }) => `${volumes} volumes, ${snapshots} snapshots`,
  )
}

function formatListings(small: Result, large: Result): string {
  const rows = Object.entries(large.listings).flatMap(([name, listing]) => {
    const other = small.listings[name]
    if (other === undefined) return []
    return [
      [`${name}, all pages`, ms(other.ms), ms(listing.ms), ratio(other.ms, listing.ms)],
      [
        `${name}, an entry`,
        ms(other.ms / other.entries),
        ms(listing.ms / listing.entries),
        ratio(other.ms / other.entries, listing.ms / listing.entries),
      ],
      [
        `${name}, pages`,
        String(other.pages),
        String(listing.pages),
        ratio(other.pages, listing.pages),
      ],
      [
        `${name}, remote commands`,
        String(other.commands),
        String(listing.commands),
        ratio(other.commands, listing.commands),
      ],
    ]
  })
  return table(['lists, in pages of 500', ...populations(small, large), 'ratio'], rows)
}

function formatOperations(small: Result, large: Result): string {
  const rows = Object.entries(large.operations).map(([name, figure]) => {
    const other = small.operations[name] ?? { ms: Number.NaN, commands: Number.NaN }
    return [
      name,
      ms(other.ms),
      ms(figure.ms),
      ratio(other.ms, figure.ms),
      `${other.commands} / ${figure.commands}`,
    ]
  })
  return table(['one call, median', ...populations(small, large), 'ratio', 'remote commands'], rows)
}

function formatMemory(small: Result, large: Result, unlimited: Result): string {
  const rows = Object.keys(large.memory).map(moment => [
    moment,
    ...[small, large, unlimited].map(({ memory }) => mebibytes(memory[moment] ?? Number.NaN)),
  ])
  return table(
    ['controller, resident memory', ...populations(small, large), 'the same, Node without options'],
    rows,
  )
}

function formatAtOnce(small: Result, large: Result): string {
  const names = [
    ...new Set([small, large].flatMap(result => Object.keys(result.atOnce.ldm))),
  ].sort()
  const rows = names.map(name => [
    name,
    ...[small, large].map(result => String(result.atOnce.ldm[name] ?? 0)),
  ])
  const others = [small, large].map(({ atOnce }) =>
    String(atOnce.all - Object.values(atOnce.ldm).reduce((a, b) => a + b, 0)),
  )
  const times = [small, large].map(({ atOnce }) => ms(atOnce.ms))
  return table(
    ['50 attachments at once on one machine', ...populations(small, large)],
    [...rows, ['commands of other tools', ...others], ['until the last is attached', ...times]],
  )
}

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = titles.map((_, column) => (column === 0 ? '---' : '---:'))
  return [line(titles), line(rule), ...rows.map(line), ''].join('\n')
}

export function ms(value: number): string {
  return value >= 1000
    ? `${(value / 1000).toFixed(1)} s`
    : value >= 10
      ? `${value.toFixed(0)} ms`
      : `${value.toFixed(2)} ms`
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`
}

export function ratio(small: number, large: number): string {
  return `× ${(large / small).toFixed(large / small < 10 ? 2 : 0)}`
}
