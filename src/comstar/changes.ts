// The commands of stmfadm that change something.

import type { ChangingProgram } from '../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^stmfadm$/, change: /^(create|delete|modify|add|remove|import|online|offline)-/ },
]
