// The xl commands of the driver that change something.

import type { ChangingProgram } from '../../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^xl$/, change: /^block-(attach|detach)$/ },
]
