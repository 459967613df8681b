// The commands that change something in a Linux guest.

import type { ChangingProgram } from '../../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^mkfs(\..*)?$/, change: /./ },
  { program: /^e2fsck$/, change: /./ },
  { program: /^xfs_repair$/, change: /./ },
  { program: /^resize2fs$/, change: /./ },
  { program: /^xfs_growfs$/, change: /./ },
]
