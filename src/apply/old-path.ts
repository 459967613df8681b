// The hint for a volume that is mounted at another path than its file says.

import { RpcError } from '../csi/wire/client.ts'
import { StorageError } from '../errors.ts'

/** How the node plugin answers while the volume is mounted at another path. */
const REFUSALS: Readonly<Record<string, string>> = {
  NodePublishVolume: 'FAILED_PRECONDITION',
  NodeUnstageVolume: 'ABORTED',
}

const HINT =
  'if the mount path in the file has changed: put the old one back and run apply --detach, ' +
  'then change it'

export async function hintAtOldPath<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== REFUSALS[error.rpc]) throw error
    throw new StorageError('failed-precondition', `${error.message}; ${HINT}`)
  }
}
