// The commands that only a Linux guest has and that change something in it.

import type { ChangingProgram } from '../../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^mkfs(\..*)?$/, change: /./ },
  { program: /^e2fsck$/, change: /./ },
  { program: /^xfs_repair$/, change: /./ },
  { program: /^resize2fs$/, change: /./ },
  { program: /^xfs_growfs$/, change: /./ },
]
