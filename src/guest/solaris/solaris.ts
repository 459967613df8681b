// The platform of a Solaris guest (10 and 11, driver vdc). Each part asks only the guest's own
// tools and files.

import type { Shell } from '../../shell/shell.ts'
import { type Platform, STATE_DIRECTORY } from '../platform.ts'
import { SolarisContents } from './contents.ts'
import { SolarisDisks } from './disks.ts'
import { SolarisFileSystems } from './file-systems.ts'
import { SolarisMounts } from './mounts.ts'

export class SolarisPlatform implements Platform {
  readonly stateDirectory = STATE_DIRECTORY
  readonly disks: SolarisDisks
  readonly contents: SolarisContents
  readonly fileSystems: SolarisFileSystems
  readonly mounts: SolarisMounts

  constructor(shell: Shell) {
    this.disks = new SolarisDisks(shell)
    this.contents = new SolarisContents(shell)
    this.fileSystems = new SolarisFileSystems(shell)
    this.mounts = new SolarisMounts(shell)
  }
}
