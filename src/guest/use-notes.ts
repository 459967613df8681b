// Which volumes this guest has used: one empty directory each, on the guest's own disk, so that it
// survives a restart. A note can only forbid formatting. A missing note proves nothing. Notes are
// never removed. They are kept apart from the notes of volume-notes.ts, because every call reads
// all of those.

import type { Paths } from './paths.ts'

export interface NotedVolume {
  readonly volumeId: string
  /**
   * When its dataset was created. A volume that is created again under the same name is another
   * one.
   */
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

  /** False only if the guest has positively shown that the note does not exist. */
  async isUsed(volume: NotedVolume, signal?: AbortSignal): Promise<boolean> {
    return (await this.#paths.readEntry(this.pathOf(volume), signal)).kind !== 'absent'
  }

  async noteUsed(volume: NotedVolume, signal?: AbortSignal): Promise<void> {
    await this.#paths.ensureDirectory(this.pathOf(volume), signal)
  }
}
