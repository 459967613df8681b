// The figures of disks of guests as the tables of docs/scale.md. Text only.

import type { Cost, Counts, IdleResult } from './guest-disks-idle.ts'
import type { ReadyResult } from './guest-disks-ready.ts'
import { mebibytes, ms, ratio, table } from './report.ts'

export function formatIdle(small: IdleResult, large: IdleResult): string {
  const titles = [small, large].map(({ disks }) => `${disks} disks`)
  return [
    table(
      ['an hour in which nothing happens', ...titles, 'ratio'],
      costRows(small.hour, large.hour),
    ),
    table(
      ['from a start to its first look', ...titles, 'ratio'],
      costRows(small.start, large.start),
    ),
  ].join('\n')
}

export function formatReady(results: readonly ReadyResult[]): string {
  const titles = ['new disks', 'GuestDisk', 'apply', 'of that its start', 'ratio', 'of all rounds']
  return table(
    titles,
    results.map(({ disks, guestDisksMs, applyMs, applyStartMs, ratio, ratios }) => [
      String(disks),
      ms(guestDisksMs),
      ms(applyMs),
      ms(applyStartMs),
      `× ${ratio.toFixed(2)}`,
      ratios.map(each => each.toFixed(2)).join(' to '),
    ]),
  )
}

function costRows(small: Cost, large: Cost): readonly (readonly string[])[] {
  return [
    ...countRows('API', small.api, large.api),
    ...countRows('call', small.calls, large.calls),
    ...countRows('machines and storage', small.hosts, large.hosts),
    ...countRows('guests', small.guests, large.guests),
    ['CPU time of the process', ms(small.cpuMs), ms(large.cpuMs), ratio(small.cpuMs, large.cpuMs)],
    [
      'resident memory at the end',
      mebibytes(small.residentBytes),
      mebibytes(large.residentBytes),
      ratio(small.residentBytes, large.residentBytes),
    ],
  ]
}

function countRows(kind: string, small: Counts, large: Counts): readonly (readonly string[])[] {
  const names = [...new Set([small, large].flatMap(counts => Object.keys(counts)))].sort()
  return names.map(name => {
    const [one, other] = [small[name] ?? 0, large[name] ?? 0]
    return [`${kind}: ${name}`, String(one), String(other), ratio(one, other)]
  })
}
