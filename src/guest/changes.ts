// The commands that change something in a guest on every platform.

import type { ChangingProgram } from '../shell/changes.ts'

export const CHANGES: readonly ChangingProgram[] = [
  { program: /^mount$/, change: /./ },
  { program: /^umount$/, change: /./ },
  { program: /^fsck$/, change: /./ },
  { program: /^mkdir$/, change: /^-p$/, onlyByPath: true },
  { program: /^rmdir$/, change: /^\//, onlyByPath: true },
  { program: /^rm$/, change: /^-f$/, onlyByPath: true },
  { program: /^ln$/, change: /^-s$/, onlyByPath: true },
  { program: /^touch$/, change: /^\//, onlyByPath: true },
]
