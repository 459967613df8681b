// The paths at which `apply` mounts in a guest, and the hint for a volume that is mounted at
// another path.

import { createHash } from 'node:crypto'
import { RpcError } from '../csi/wire/client.ts'
import { StorageError } from '../errors.ts'
import type { ApplyTools } from './step.ts'

export const OLD_PATH =
  'if the mount path in the file has changed: put the old one back and run apply --detach, ' +
  'then change it'

export function stagingPath({ stagingDirectory }: ApplyTools, volumeId: string): string {
  return `${stagingDirectory}/${createHash('sha256').update(volumeId).digest('hex').slice(0, 20)}`
}

export async function withHint<T>(work: Promise<T>, code: string, hint: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== code) throw error
    throw new StorageError('failed-precondition', `${error.message}; ${hint}`)
  }
}
