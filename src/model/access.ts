// Who may use the volume of a claim at the same time, from the access modes of Kubernetes.

import { StorageError } from '../errors.ts'

/** One workload of one guest, all of one guest, or several guests. */
export type Access = 'one-workload' | 'one-guest' | 'many-readers' | 'many-writers'

const ACCESS: ReadonlyMap<string, Access> = new Map([
  ['ReadWriteOncePod', 'one-workload'],
  ['ReadWriteOnce', 'one-guest'],
  ['ReadOnlyMany', 'many-readers'],
  ['ReadWriteMany', 'many-writers'],
])

/**
 * A volume in a cluster may have several modes. They count as the attacher of Kubernetes counts
 * them: ReadWriteMany includes the modes of more than one workload. Others are not served together.
 */
export function accessOf(modes: readonly string[]): Access {
  const isMany = modes.includes('ReadWriteMany') && !modes.includes('ReadWriteOncePod')
  const [mode, ...others] = isMany ? ['ReadWriteMany'] : new Set(modes)
  const access = mode === undefined ? undefined : ACCESS.get(mode)
  if (access === undefined || others.length > 0) {
    throw new StorageError(
      'unsupported',
      `access modes ${modes.join(', ') || '(none)'}: a volume has one of ` +
        `${[...ACCESS.keys()].join(', ')}`,
    )
  }
  return access
}
