// The platform of a Linux guest, on either bus. Each part asks only the guest's own tools and
// files.

import type { Shell } from '../../shell/shell.ts'
import { type Platform, STATE_DIRECTORY } from '../platform.ts'
import { type LinuxBus, VIO } from './bus.ts'
import { LinuxContents } from './contents.ts'
import { LinuxDisks } from './disks.ts'
import { LinuxFileSystems } from './file-systems.ts'
import { LinuxMounts } from './mounts.ts'

export interface LinuxOptions {
  readonly shell: Shell
  /**
   * Prefix of /sys, /dev and the driver's notes, for a guest whose files are below a directory of
   * their own.
   */
  readonly root?: string | undefined
  /** Where the guest shows its virtual disks. */
  readonly bus?: LinuxBus
}

export class LinuxPlatform implements Platform {
  readonly stateDirectory: string
  readonly disks: LinuxDisks
  readonly contents: LinuxContents
  readonly fileSystems: LinuxFileSystems
  readonly mounts: LinuxMounts

  constructor({ shell, root = '', bus = VIO }: LinuxOptions) {
    this.stateDirectory = `${root}${STATE_DIRECTORY}`
    this.disks = new LinuxDisks(shell, { root, bus })
    this.contents = new LinuxContents(shell)
    this.fileSystems = new LinuxFileSystems(shell)
    this.mounts = new LinuxMounts(shell, bus)
  }
}
