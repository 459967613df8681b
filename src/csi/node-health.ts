// Health of the volumes of one guest. Callers may name only the volume id, so the plugin remembers
// each staging path. That only says where to look: every call asks the guest. After a restart of
// the plugin the caller must name the path.

import { StorageError } from '../errors.ts'
import type { GuestHealth, GuestProblem } from '../guest/guest-health.ts'
import type { StageRequest } from '../guest/requests.ts'
import type { Draft } from './wire/proto.ts'
import {
  type NodeGetStorageHealthResponseStorageBackendHealth as BackendHealth,
  StorageHealthErrorType as Type,
} from './wire/types.gen.ts'

/** The part of the guest code that the service calls. */
export type GuestHealthStore = Pick<GuestHealth, 'reach' | 'inspect'>

type Staged = Pick<StageRequest, 'stagingPath' | 'mode'>

export class NodeHealth {
  readonly #guest: GuestHealthStore
  readonly #staged = new Map<string, Staged>()

  constructor(guest: GuestHealthStore) {
    this.#guest = guest
  }

  noteStaged(volumeId: string, { stagingPath, mode }: Staged): void {
    this.#staged.set(volumeId, { stagingPath, mode })
  }

  noteUnstaged(volumeId: string): void {
    this.#staged.delete(volumeId)
  }

  async volumeHealth(
    { volumeId, paths }: { readonly volumeId: string; readonly paths: readonly string[] },
    signal: AbortSignal,
  ): Promise<{ volumeId: string; problems: readonly GuestProblem[] }> {
    const staged = this.#staged.get(volumeId)
    const places = paths.length > 0 || staged === undefined ? paths : [staged.stagingPath]
    if (places.length === 0) {
      throw new StorageError(
        'failed-precondition',
        `volume ${volumeId} was not staged in this guest since the plugin started; name its ` +
          'staging_target_path',
      )
    }
    const problems: GuestProblem[] = []
    for (const path of places) {
      problems.push(
        ...(await this.#guest.inspect({ volumeId, path, mode: staged?.mode ?? 'unknown' }, signal)),
      )
    }
    return { volumeId, problems }
  }

  /** Judges the path to the storage by the volumes that use it. */
  async storageHealth(signal: AbortSignal): Promise<readonly Draft<BackendHealth>[]> {
    await this.#guest.reach(signal)
    const volumes = [...this.#staged]
    const inspected = await Promise.all(
      volumes.map(async ([volumeId, { stagingPath: path, mode }]) => ({
        volumeId,
        problems: await this.#guest.inspect({ volumeId, path, mode }, signal),
      })),
    )
    const lost = inspected
      .filter(({ problems }) => problems.some(({ kind }) => kind === 'inaccessible'))
      .map(({ volumeId }) => volumeId)
    if (lost.length === 0) return []
    const count = `${lost.length} of ${volumes.length}`
    const message = `${count} volumes cannot be reached: ${lost.join(', ')}`
    return lost.length === volumes.length
      ? [{ status: Type.STORAGE_UNREACHABLE, reason: 'NoVolumeReachable', message }]
      : [{ status: Type.STORAGE_DEGRADED, reason: 'VolumesUnreachable', message }]
  }
}
