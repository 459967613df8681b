// What this guest remembers of volumes that it has used: one empty directory each, on the guest's
// own disk, so that it outlives a restart. A note can only forbid formatting: that there is none
// proves nothing, and no note makes anything true. They are never removed, so they stand beside the
// notes of volume-notes.ts, which are all read in every call.

import type { Paths } from './paths.ts'

export interface NotedVolume {
  readonly volumeId: string
  /** When its dataset was made: a volume of the same name that is made anew is another one. */
  readonly bornSeconds?: number | undefined
}

export class UseNotes {
  readonly #directory: string
  readonly #paths: Pick<Paths, 'ensureDirectory' | 'readEntry'>

  constructor(paths: Pick<Paths, 'ensureDirectory' | 'readEntry'>, stateDirectory: string) {
    this.#paths = paths
    this.#directory = `${stateDirectory}/used`
  }

  pathOf({ volumeId, bornSeconds }: NotedVolume): string {
    const born = bornSeconds === undefined ? '' : `.${bornSeconds}`
    return `${this.#directory}/${encodeURIComponent(volumeId)}${born}`
  }

  /** False only when the guest has positively shown that there is no such name. */
  async isUsed(volume: NotedVolume, signal?: AbortSignal): Promise<boolean> {
    return (await this.#paths.readEntry(this.pathOf(volume), signal)).kind !== 'absent'
  }

  async noteUsed(volume: NotedVolume, signal?: AbortSignal): Promise<void> {
    await this.#paths.ensureDirectory(this.pathOf(volume), signal)
  }
}
