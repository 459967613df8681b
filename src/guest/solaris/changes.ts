// The commands that change something in a Solaris guest.

import type { ChangingProgram } from '../../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^newfs$/, change: /./ },
  { program: /^growfs$/, change: /./ },
  { program: /^format$/, change: /./ },
  { program: /^fmthard$/, change: /./ },
]
