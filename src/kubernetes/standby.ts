// What a controller answers while another one works: who it is and what it can do, that it is not
// ready, and nothing else.

import { StorageError } from '../errors.ts'

/** The sidecars ask for these before they wait for a plugin that is ready. */
const ALWAYS: ReadonlySet<string> = new Set(['GetPluginInfo', 'GetPluginCapabilities', 'Probe'])

export function admitHolder(rpc: string, lease: { isHeld(): boolean }): void {
  if (ALWAYS.has(rpc) || lease.isHeld()) return
  throw new StorageError(
    'unavailable',
    'this controller does not hold the lease of the driver; the call is for the one that does',
  )
}
