// Whose a disk is by the mark that it bears: one that bears the mark of another volume is neither
// mounted, nor given to anybody, nor written to.

import type { Contents, GuestDevice } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { WantedVolume } from './requests.ts'

type MarkReader = Pick<Contents, 'readMark' | 'isDriverMark' | 'markOf'>

export class Marks {
  readonly #contents: MarkReader

  constructor(contents: MarkReader) {
    this.#contents = contents
  }

  /** Reads the mark of the disk, and refuses another volume's. */
  async refuseStranger(
    device: GuestDevice,
    wanted: WantedVolume,
    signal?: AbortSignal,
  ): Promise<void> {
    this.refuseMark(await this.#contents.readMark(device, signal), device, wanted)
  }

  refuseMark(mark: string | undefined, device: GuestDevice, wanted: WantedVolume): void {
    // Without a mark of the driver's it was made before there were any, or by somebody else: then
    // number and size have to do.
    if (mark === undefined || !this.#contents.isDriverMark(mark)) return
    const own = [wanted.volumeId, ...(wanted.contentOf === undefined ? [] : [wanted.contentOf])]
    if (own.some(volumeId => this.#contents.markOf(volumeId) === mark)) return
    // A copy bears the mark of what it was made from; whose that is an earlier controller did not
    // tell.
    if (!wanted.createdEmpty && wanted.contentOf === undefined) return
    throw new Refusal(
      'failed-precondition',
      `${device.blockPath} is the disk of another volume, as its mark ${mark} says ` +
        `(this one's is ${this.#contents.markOf(wanted.volumeId)}); the disk number has been ` +
        'given away: publish the volume again to learn its number of now',
    )
  }
}
