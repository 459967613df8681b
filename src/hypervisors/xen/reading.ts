// Reads what a Xen machine shows: three listings, joined.

import { toXenState, type XenState } from './state.ts'
import type { Xl, XlOptions } from './xl.ts'

/**
 * The serving side is listed last: a disk that was there before the first listing is in it. The
 * listings follow each other, so they may contradict each other.
 */
export async function readXenState(xl: Xl, options: XlOptions = {}): Promise<XenState> {
  const domains = await xl.listDomains(options)
  const guests = domains.filter(({ id }) => id !== 0)
  const frontEnds = await xl.listFrontEnds(
    guests.map(({ id }) => id),
    options,
  )
  return toXenState(domains, frontEnds, await xl.listBackEnds(options))
}
