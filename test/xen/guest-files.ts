// Volumes mounted in a guest of the Xen host, and the files on them: what the orchestrator and a
// careful program do.

import type { Installation } from '../../src/bin/compose/installation.ts'
import type { Attachment, Volume } from '../../src/model/volumes.ts'
import { attachRequest } from '../support/installation.ts'
import { mountVolume } from '../support/node.ts'
import type { GuestName } from './domains.ts'
import type { XenGuest } from './guest.ts'
import { MACHINE, type XenInstallation } from './installation.ts'

type Attachments = Pick<Installation, 'attachments'>

export class GuestFiles {
  readonly guest: XenGuest
  readonly node: ReturnType<XenInstallation['node']>['volumes']
  readonly #name: GuestName

  constructor(installation: XenInstallation, name: GuestName) {
    this.guest = installation.host.guest(name)
    this.node = installation.node(name).volumes
    this.#name = name
  }

  /** Attaches the volume, and stages and publishes it under `name`. */
  async mount(driver: Attachments, volume: Volume, name: string): Promise<Attachment> {
    const attachment = await this.attach(driver, volume)
    await this.stage(volume, attachment, name)
    return attachment
  }

  attach(
    { attachments }: Attachments,
    { id, format }: Volume,
    change: Parameters<typeof attachRequest>[2] = {},
  ): Promise<Attachment> {
    const guest = `${MACHINE}/${this.#name}`
    return attachments.attach(attachRequest(id, guest, { format, ...change }))
  }

  detach({ attachments }: Attachments, { id }: Volume): Promise<void> {
    return attachments.detach(id, { machine: MACHINE, guest: this.#name })
  }

  async stage(volume: Volume, attachment: Attachment, name: string): Promise<void> {
    const [stagingPath, targetPath] = [this.staging(name), this.path(name)]
    await this.guest.succeed(`mkdir -p ${stagingPath} ${targetPath}`)
    await mountVolume(this.node, [volume, attachment], { stagingPath, targetPath })
  }

  async unmount(driver: Attachments, volume: Volume, name: string): Promise<void> {
    await this.node.unpublish({ volumeId: volume.id, targetPath: this.path(name) })
    await this.node.unstage({ volumeId: volume.id, stagingPath: this.staging(name) })
    await this.detach(driver, volume)
  }

  path(name: string): string {
    return `/srv/${name}`
  }

  staging(name: string): string {
    return `/var/lib/staging/${name}`
  }

  /** Random bytes, which are on the disk when this returns; their checksum. */
  async write(path: string, megabytes: number): Promise<string> {
    await this.guest.succeed(`dd if=/dev/urandom of=${path} bs=1M count=${megabytes} conv=fsync`)
    await this.guest.succeed('sync')
    return this.checksum(path)
  }

  async checksum(path: string): Promise<string> {
    return (await this.guest.succeed(`sha256sum ${path}`)).split(' ')[0] ?? ''
  }
}
