// What most test files of the Xen host begin with: the host with some guests, an installation, and
// volumes in it.

import type { Installation } from '../../src/bin/compose/installation.ts'
import { examine } from '../../src/cli/doctor.ts'
import { MiB, type Volume, type VolumeSpec } from '../../src/model/volumes.ts'
import { audit } from '../../src/storage/audit/audit.ts'
import { volumeSpec } from '../support/installation.ts'
import type { GuestName } from './domains.ts'
import { GuestFiles } from './guest-files.ts'
import { POOL, XenInstallation } from './installation.ts'
import type { XenHost } from './machine.ts'
import { hostWithGuests } from './shared.ts'

const SIZE = 64 * MiB

export class Scene {
  readonly installation: XenInstallation
  readonly driver: Installation
  readonly #files = new Map<GuestName, GuestFiles>()

  private constructor(installation: XenInstallation, driver: Installation) {
    this.installation = installation
    this.driver = driver
  }

  /** `name`: the last part of the dataset, which no other scene has. */
  static async start(name: string, ...guests: readonly GuestName[]): Promise<Scene> {
    const host = await hostWithGuests(...guests)
    const installation = await XenInstallation.start({ host, dataset: `tank/${name}` })
    return new Scene(installation, await installation.driver())
  }

  get host(): XenHost {
    return this.installation.host
  }

  files(guest: GuestName): GuestFiles {
    const known = this.#files.get(guest)
    if (known !== undefined) return known
    const files = new GuestFiles(this.installation, guest)
    this.#files.set(guest, files)
    return files
  }

  /** A volume for files, with ext4 unless `change` says otherwise. */
  volume(name: string, change: Partial<VolumeSpec> = {}): Promise<Volume> {
    return this.driver.volumes.ensureVolume(
      volumeSpec({
        name,
        pool: POOL,
        size: { requiredBytes: SIZE, limitBytes: 0 },
        format: { kind: 'filesystem', type: 'ext4' },
        ...change,
      }),
    )
  }

  /** Without a file system. */
  rawVolume(name: string, change: Partial<VolumeSpec> = {}): Promise<Volume> {
    return this.volume(name, { format: { kind: 'block' }, ...change })
  }

  /** Its block device in dom0. */
  device({ leaf }: Volume): string {
    return `/dev/zvol/${this.installation.dataset}/${leaf}`
  }

  /** What `ldom-csi doctor` says. */
  doctor() {
    return examine(this.driver)
  }

  /** What `ldom-csi audit` finds. */
  audit() {
    return audit(this.driver.pools)
  }

  end(): Promise<void> {
    return this.installation.end()
  }
}
