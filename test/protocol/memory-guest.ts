// A guest in memory: a second, small implementation of the promises that the Node service relies
// on.

import type { GuestStore } from '../../src/csi/node.ts'
import type { GuestHealthStore } from '../../src/csi/node-health.ts'
import { StorageError } from '../../src/errors.ts'
import type { GuestProblem } from '../../src/guest/guest-health.ts'
import type { PublishRequest, StageRequest } from '../../src/guest/requests.ts'

export class MemoryGuest implements GuestStore, GuestHealthStore {
  /** What is wrong with which volume; set by tests. */
  readonly problems = new Map<string, readonly GuestProblem[]>()
  readonly staged = new Map<string, StageRequest>()
  readonly published = new Map<string, PublishRequest>()

  async stage(request: StageRequest): Promise<void> {
    const existing = this.staged.get(request.stagingPath)
    if (existing && JSON.stringify(existing) !== JSON.stringify(request)) {
      throw new StorageError('already-exists', `${request.stagingPath} holds something else`)
    }
    this.staged.set(request.stagingPath, request)
  }

  async unstage({ stagingPath }: { readonly stagingPath: string }): Promise<void> {
    this.staged.delete(stagingPath)
  }

  async publish(request: PublishRequest): Promise<void> {
    const { volumeId, targetPath, stagingPath } = request
    if (!this.staged.has(stagingPath)) {
      throw new StorageError(
        'failed-precondition',
        `volume ${volumeId} is not staged at ${stagingPath}`,
      )
    }
    const existing = this.published.get(targetPath)
    if (existing && JSON.stringify(existing) !== JSON.stringify(request)) {
      throw new StorageError('already-exists', `${targetPath} holds something else`)
    }
    const others = [...this.published.values()].filter(
      other => other.volumeId === volumeId && other.targetPath !== targetPath,
    )
    if (request.exclusive && others.length > 0) {
      throw new StorageError('failed-precondition', `volume ${volumeId} has another target`)
    }
    this.published.set(targetPath, request)
  }

  async unpublish({ targetPath }: { readonly targetPath: string }): Promise<void> {
    this.published.delete(targetPath)
  }

  async statistics({ volumeId, path }: { readonly volumeId: string; readonly path: string }) {
    const request = this.published.get(path) ?? this.staged.get(path)
    if (request?.volumeId !== volumeId) {
      throw new StorageError('not-found', `volume ${volumeId} is not at ${path}`)
    }
    const bytes = { total: request.sizeBytes, used: 0, available: request.sizeBytes }
    return {
      bytes,
      inodes: request.format.kind === 'block' ? undefined : { total: 100, used: 1, available: 99 },
    }
  }

  async expand({
    volumeId,
    path,
    sizeBytes,
  }: {
    readonly volumeId: string
    readonly path: string
    readonly sizeBytes: number
  }) {
    const request = this.published.get(path) ?? this.staged.get(path)
    if (request?.volumeId !== volumeId) {
      throw new StorageError('not-found', `volume ${volumeId} is not at ${path}`)
    }
    return { sizeBytes: Math.max(sizeBytes, request.sizeBytes) }
  }

  async reach(): Promise<void> {}

  async inspect({
    volumeId,
    path,
  }: {
    readonly volumeId: string
    readonly path: string
  }): Promise<readonly GuestProblem[]> {
    const request = this.published.get(path) ?? this.staged.get(path)
    if (request?.volumeId === volumeId) return this.problems.get(volumeId) ?? []
    return [
      {
        kind: 'inaccessible',
        reason: 'MountVanished',
        message: `volume ${volumeId} is not at ${path}`,
      },
    ]
  }
}
