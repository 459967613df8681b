// Decides which saved configurations belong to drivers, and when the driver may save another. The
// saver and `doctor` use the same decision. When in doubt, nothing is added or removed: only the
// saved configurations can bring a machine back.

import { createHash } from 'node:crypto'
import type { SavedConfiguration } from './ldm.ts'

/**
 * The prefix of one cluster's configurations. Several clusters may share a machine and save it in
 * turn.
 */
export function savedPrefix(cluster: string): string {
  return `ldom-csi-${createHash('sha256').update(cluster).digest('hex').slice(0, 8)}`
}

/** Names of version 0.1.0, the same for every cluster. */
const EARLIER = /^ldom-csi-([ab])$/
/**
 * A cluster's prefix, one of two letters, and the number of domains in the configuration. The name
 * keeps that number when the driver's process ends.
 */
const NAME = /^(.+)-([ab])\.(\d{1,6})$/
const OF_A_DRIVER = /^ldom-csi-[0-9a-f]{8}-[ab]\.\d{1,6}$/

export interface SavedName {
  readonly name: string
  readonly letter: 'a' | 'b'
  /** The number of domains in it; unknown for names of version 0.1.0. */
  readonly domains: number | undefined
}

/**
 * Parses the name of a configuration that this cluster's driver saved, or that version 0.1.0 saved
 * for any cluster.
 */
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
 * The running configuration and the one for the next power-on. The latter has its own mark only if
 * it differs (recalled).
 */
export function findMarked(configurations: readonly SavedConfiguration[]) {
  const marked = (mark: string) => configurations.find(({ marks }) => marks.includes(mark))?.name
  const current = marked('current')
  return { current, next: marked('next poweron') ?? current }
}

/** Why the running configuration must not replace the saved one; undefined when it may. */
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
      `it runs degraded (${degraded.name}), without some resources of the saved configuration; ` +
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
      `it runs ${current}, but the next power-on loads ${next}; power-cycle it, or select ` +
      `the running configuration (ldm set-spconfig ${current})`
    )
  }
  const isDrivers = (name: string) =>
    findSavedName(name, prefix) !== undefined || OF_A_DRIVER.test(name)
  const running = next ?? current
  const drivers = configurations.filter(({ name }) => isDrivers(name)).map(({ name }) => name)
  if (!isDrivers(running) && drivers.length > 0) {
    const names = drivers.join(' and ')
    return (
      `it runs ${running}, not what a driver saved (${names}); select that (ldm ` +
      'set-spconfig) and power-cycle, or remove it (ldm rm-spconfig)'
    )
  }
  const saved = Number(/\.(\d{1,6})$/.exec(running)?.[1] ?? 0)
  if (isDrivers(running) && domains < saved) {
    return (
      `it has ${domains} domains, but ${running} was saved with ${saved}; if domains were ` +
      `removed on purpose, run ldm add-spconfig NAME and ldm rm-spconfig ${running}`
    )
  }
  return undefined
}
