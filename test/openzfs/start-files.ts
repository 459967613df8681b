// What a storage host gets at each start, behind the files that were built: its settings, keys and
// host id, as a second archive of the initial file system.

import { join } from 'node:path'
import {
  extendInitrd,
  makeKeys,
  publicKey,
  type ServerPorts,
  StartFiles,
} from '../support/machines/start-files.ts'

interface StartSetup {
  /** Keeps the keys, which are made once. */
  readonly directory: string
  readonly initrd: string
  readonly ports: ServerPorts
  readonly settings: Readonly<Record<string, string>>
  readonly hostId: Uint8Array
}

/** Returns the path of the whole initial file system. */
export async function writeStartFiles(start: StartSetup): Promise<string> {
  const { directory, initrd, ports, settings, hostId } = start
  await makeKeys(directory, [ports])
  const files = new StartFiles(join(directory, 'start'), directory)
  files.putSettings(settings)
  files.put('etc/hostid', hostId)
  files.putKeys()
  files.put('home/csi/.ssh/authorized_keys', `${publicKey(directory, 'driver')}\n`, 0o600)
  return extendInitrd(directory, initrd, files)
}
