// Volumes mounted in a Linux guest of the installation, and the files on them: what the
// orchestrator and a careful program do.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Installation } from '../../src/bin/compose/installation.ts'
import { parseGuestId } from '../../src/model/ids.ts'
import type { Volume } from '../../src/model/volumes.ts'
import { attachRequest } from '../support/installation.ts'
import { mountVolume } from '../support/node.ts'
import type { OpenZfsInstallation } from './installation.ts'

interface Setup {
  readonly installation: OpenZfsInstallation
  readonly guest: string
  /** The volumes are mounted in it, each under the name that it is given. */
  readonly directory: string
}

export class GuestFiles {
  readonly #setup: Setup

  constructor(setup: Setup) {
    this.#setup = setup
  }

  /** Attaches the volume, and stages and publishes it in the guest. */
  async mount({ attachments }: Pick<Installation, 'attachments'>, volume: Volume, name: string) {
    const { installation, guest } = this.#setup
    const attachment = await attachments.attach(
      attachRequest(volume.id, guest, { format: volume.format }),
    )
    await mountVolume(installation.node(guest), [volume, attachment], {
      stagingPath: this.#staging(name),
      targetPath: this.#target(name),
    })
  }

  async unmount({ attachments }: Pick<Installation, 'attachments'>, volume: Volume, name: string) {
    const { installation, guest } = this.#setup
    const node = installation.node(guest)
    await node.unpublish({ volumeId: volume.id, targetPath: this.#target(name) })
    await node.unstage({ volumeId: volume.id, stagingPath: this.#staging(name) })
    await attachments.detach(volume.id, parseGuestId(guest))
  }

  #target(name: string): string {
    return join(this.#setup.directory, name)
  }

  #staging(name: string): string {
    return join(this.#setup.directory, `staging-${name}`)
  }
}

export function checksum(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
