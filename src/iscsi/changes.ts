// The commands of a service domain's tools that change something.

import type { ChangingProgram } from '../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^iscsiadm$/, change: /^(add|modify|remove)$/ },
  { program: /^devfsadm$/, change: /./ },
  { program: /^format$/, change: /./ },
  { program: /^dd$/, change: /^of=\/dev\/(?!null$)/, atAnyWord: true, onlyByPath: true },
]
