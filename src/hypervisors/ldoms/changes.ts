// The ldm commands that change something.

import type { ChangingProgram } from '../../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^ldm$/, change: /^(add|rm|remove|set)-/ },
]
