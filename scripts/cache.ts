// Where the scripts keep what takes minutes to make: outside the work tree, where other clones find
// it.

import { homedir } from 'node:os'
import { join } from 'node:path'

type CachePart = 'cluster' | 'csi-tools' | 'image' | 'storage-host' | 'xen-host'

/** The directory of one part. Whoever writes to it creates it. */
export function cacheDirectory(part: CachePart): string {
  // An empty variable counts as unset: the specification of XDG's directories says so.
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ldom-csi', part)
}
