// The commands that only a Solaris guest has and that change something in it.

import type { ChangingProgram } from '../../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^newfs$/, change: /./ },
  { program: /^growfs$/, change: /./ },
  { program: /^format$/, change: /./ },
  { program: /^fmthard$/, change: /./ },
]
