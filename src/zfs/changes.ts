// The commands of zfs and zpool that change something. Reads and long transfers of an administrator
// (`zfs send`) are none of these.

import type { ChangingProgram } from '../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  {
    program: /^zfs$/,
    change:
      /^(create|clone|snapshot|destroy|set|inherit|rename|promote|rollback|release|hold|program)$/,
  },
  { program: /^zpool$/, change: /^(create|import|export|online)$/ },
]
