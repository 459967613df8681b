// The commands of zfs and zpool that change something. Reads and an administrator's long transfers
// (`zfs send`) are not among them.

import type { ChangingProgram } from '../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  {
    program: /^zfs$/,
    change:
      /^(create|clone|snapshot|destroy|set|inherit|rename|promote|rollback|release|hold|program)$/,
  },
  { program: /^zpool$/, change: /^(create|import|export|online)$/ },
]
