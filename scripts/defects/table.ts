// The defects. Each replaces a text that occurs exactly once in its file, and names the test files
// that should fail, the quickest first. Each defect would lose data, attach a volume to two guests,
// or leave something behind. Data only.

import { APPLY_DEFECTS } from './apply-defects.ts'
import { ATTACHMENT_DEFECTS } from './attachment-defects.ts'
import { CLUSTER_DEFECTS } from './cluster-defects.ts'
import { GUEST_DEFECTS } from './guest-defects.ts'
import { GUEST_DISK_DEFECTS } from './guest-disk-defects.ts'
import { KUBERNETES_DEFECTS } from './kubernetes-defects.ts'
import { LDOMS_DEFECTS } from './ldoms-defects.ts'
import { LOOK_DEFECTS } from './look-defects.ts'
import { PERMISSION_DEFECTS } from './permission-defects.ts'
import { SHELL_DEFECTS } from './shell-defects.ts'
import { SSH_DEFECTS } from './ssh-defects.ts'
import { STORAGE_DEFECTS } from './storage-defects.ts'
import { UNFINISHED_DEFECTS } from './unfinished-defects.ts'
import { WAITING_DEFECTS } from './waiting-defects.ts'
import { WRITTEN_DEFECTS } from './written-defects.ts'
import { XEN_DEFECTS } from './xen-defects.ts'

export interface Defect {
  readonly name: string
  readonly changes: readonly {
    readonly file: string
    readonly find: string
    readonly replace: string
  }[]
  /** Patterns of test files. */
  readonly tests: readonly string[]
}

export const DEFECTS: readonly Defect[] = [
  ...STORAGE_DEFECTS,
  ...UNFINISHED_DEFECTS,
  ...WRITTEN_DEFECTS,
  ...ATTACHMENT_DEFECTS,
  ...GUEST_DEFECTS,
  ...LDOMS_DEFECTS,
  ...XEN_DEFECTS,
  ...WAITING_DEFECTS,
  ...APPLY_DEFECTS,
  ...SHELL_DEFECTS,
  ...SSH_DEFECTS,
  ...KUBERNETES_DEFECTS,
  ...CLUSTER_DEFECTS,
  ...LOOK_DEFECTS,
  ...PERMISSION_DEFECTS,
  ...GUEST_DISK_DEFECTS,
]
