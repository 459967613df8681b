// Checks whose disk it is by its mark. The driver does not mount, publish or write to a disk with
// the mark of another volume.

import type { Contents, GuestDevice } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { WantedVolume } from './requests.ts'

type MarkReader = Pick<Contents, 'readMark' | 'isDriverMark' | 'markOf'>

export class Marks {
  readonly #contents: MarkReader

  constructor(contents: MarkReader) {
    this.#contents = contents
  }

  /** Reads the mark of the disk and rejects one of another volume. */
  async refuseStranger(
    device: GuestDevice,
    wanted: WantedVolume,
    signal?: AbortSignal,
  ): Promise<void> {
    this.refuseMark(await this.#contents.readMark(device, signal), device, wanted)
  }

  refuseMark(mark: string | undefined, device: GuestDevice, wanted: WantedVolume): void {
    // No mark of the driver: the content is older than marks, or somebody else created it. Then
    // number and size must suffice.
    if (mark === undefined || !this.#contents.isDriverMark(mark)) return
    const own = [wanted.volumeId, ...(wanted.contentOf === undefined ? [] : [wanted.contentOf])]
    if (own.some(volumeId => this.#contents.markOf(volumeId) === mark)) return
    // A copy carries the mark of its source. Older controllers did not say which volume that is.
    if (!wanted.createdEmpty && wanted.contentOf === undefined) return
    throw new Refusal(
      'failed-precondition',
      `${device.blockPath} carries the mark ${mark} of another volume (this volume's is ` +
        `${this.#contents.markOf(wanted.volumeId)}): the disk number now belongs to another ` +
        "volume; publish the volume again to learn the volume's present number",
    )
  }
}
