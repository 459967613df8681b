// Two ways to do the same, measured in turns within one run: what else the machine does meets both.
// The figure is the median of the ratios of pairs, with the interval that holds it 95 times of 100.

export interface PairedFigures {
  /** Medians, in milliseconds. */
  readonly ours: number
  readonly theirs: number
  readonly pairs: number
  /** Of ours to theirs, in each pair. */
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number }
}

export interface Contestants {
  readonly ours: () => Promise<unknown>
  readonly theirs: () => Promise<unknown>
  /** After each of the two, and not measured. */
  readonly cleanUp?: () => Promise<unknown>
}

const WARM_UPS = 5

export async function measurePairs(pairs: number, both: Contestants): Promise<PairedFigures> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let pair = -WARM_UPS; pair < pairs; pair++) {
    // Who goes first changes, as the second may find something warm.
    const isOursFirst = pair % 2 === 0
    const first = await timed(isOursFirst ? both.ours : both.theirs)
    await both.cleanUp?.()
    const second = await timed(isOursFirst ? both.theirs : both.ours)
    await both.cleanUp?.()
    if (pair < 0) continue
    ours.push(isOursFirst ? first : second)
    theirs.push(isOursFirst ? second : first)
  }
  const ratios = ours.map((each, at) => each / (theirs[at] ?? Number.NaN))
  return { ours: median(ours), theirs: median(theirs), pairs, ratio: medianWithInterval(ratios) }
}

export function formatRatio({ ratio: { median: middle, low, high } }: PairedFigures): string {
  return `× ${middle.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
}

// The interval of order statistics: it assumes nothing about the distribution.
export function medianWithInterval(values: readonly number[]): PairedFigures['ratio'] {
  const sorted = [...values].sort((a, b) => a - b)
  const half = (1.96 * Math.sqrt(sorted.length)) / 2
  const at = (rank: number) =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(rank)))] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  return { median: median(sorted), low: at(middle - half), high: at(middle + half) }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const [low, high] = [(sorted.length - 1) >> 1, sorted.length >> 1]
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
