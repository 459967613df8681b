// Which saved configurations are drivers', and when another may be saved: the decision alone, for
// the saver and for `doctor`. When in doubt nothing is added and nothing removed: what the service
// processor holds is all that brings a machine back.

import { createHash } from 'node:crypto'
import type { SavedConfiguration } from './ldm.ts'

/**
 * What the configurations of one cluster begin with: several clusters may share a machine, and save
 * it in turn.
 */
export function savedPrefix(cluster: string): string {
  return `ldom-csi-${createHash('sha256').update(cluster).digest('hex').slice(0, 8)}`
}

/** Names of version 0.1.0, which every cluster had. */
const EARLIER = /^ldom-csi-([ab])$/
/**
 * A cluster's prefix, one of two letters, and the number of domains in it: what the driver knew
 * must outlive its process.
 */
const NAME = /^(.+)-([ab])\.(\d{1,6})$/
const OF_A_DRIVER = /^ldom-csi-[0-9a-f]{8}-[ab]\.\d{1,6}$/

export interface SavedName {
  readonly name: string
  readonly letter: 'a' | 'b'
  /** Of the domains in it; unknown for names of version 0.1.0. */
  readonly domains: number | undefined
}

/** One saved by this cluster's driver, or before names told the cluster. */
export function findSavedName(name: string, prefix: string): SavedName | undefined {
  const earlier = EARLIER.exec(name)?.[1]
  if (earlier !== undefined) {
    return { name, letter: earlier === 'a' ? 'a' : 'b', domains: undefined }
  }
  const [, found, letter, domains] = NAME.exec(name) ?? []
  return found === prefix
    ? { name, letter: letter === 'a' ? 'a' : 'b', domains: Number(domains) }
    : undefined
}

export function formatSavedName(prefix: string, letter: 'a' | 'b', domains: number): string {
  return `${prefix}-${letter}.${domains}`
}

/**
 * The one that runs, and the one to load next, which is marked by itself only where it is another
 * (recalled).
 */
export function findMarked(configurations: readonly SavedConfiguration[]) {
  const marked = (mark: string) => configurations.find(({ marks }) => marks.includes(mark))?.name
  const current = marked('current')
  return { current, next: marked('next poweron') ?? current }
}

/** Why what runs now must not take the place of what is saved; undefined where it may. */
export function findObstacle(
  configurations: readonly SavedConfiguration[],
  seen: {
    readonly prefix: string
    readonly domains: number
    readonly savedHere: { current: string | undefined; next: string } | undefined
  },
): string | undefined {
  const { prefix, domains, savedHere } = seen
  const degraded = configurations.find(({ marks }) => marks.some(mark => /degraded/i.test(mark)))
  if (degraded !== undefined) {
    return (
      `it runs degraded (${degraded.name}): what is saved holds the resources it lacks; ` +
      'repair it and power-cycle'
    )
  }
  const { current, next } = findMarked(configurations)
  if (current === undefined) {
    return 'no saved configuration is marked as the one that runs; see ldm list-spconfig'
  }
  if (
    next !== current &&
    !(savedHere !== undefined && savedHere.current === current && savedHere.next === next)
  ) {
    return (
      `it runs ${current}, and the next power-on loads ${next}; power-cycle it, or choose ` +
      `what runs (ldm set-spconfig ${current})`
    )
  }
  const isDrivers = (name: string) =>
    findSavedName(name, prefix) !== undefined || OF_A_DRIVER.test(name)
  const running = next ?? current
  const drivers = configurations.filter(({ name }) => isDrivers(name)).map(({ name }) => name)
  if (!isDrivers(running) && drivers.length > 0) {
    const names = drivers.join(' and ')
    return (
      `it runs ${running}, not what a driver saved (${names}): choose that (ldm ` +
      'set-spconfig) and power-cycle, or remove it (ldm rm-spconfig)'
    )
  }
  const saved = Number(/\.(\d{1,6})$/.exec(running)?.[1] ?? 0)
  if (isDrivers(running) && domains < saved) {
    return (
      `it has ${domains} domains, ${running} was saved with ${saved}: if they were removed ` +
      `on purpose, ldm add-spconfig NAME and ldm rm-spconfig ${running}`
    )
  }
  return undefined
}
