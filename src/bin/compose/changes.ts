// The changing commands of all tools, for which every host is watched. One host can be storage
// host, service domain and control domain at once, so any of them may run on it.

import { CHANGES as COMSTAR } from '../../comstar/changes.ts'
import { CHANGES as GUEST } from '../../guest/changes.ts'
import { CHANGES as LINUX } from '../../guest/linux/changes.ts'
import { CHANGES as SOLARIS } from '../../guest/solaris/changes.ts'
import { CHANGES as LDOMS } from '../../hypervisors/ldoms/changes.ts'
import { CHANGES as XEN } from '../../hypervisors/xen/changes.ts'
import { CHANGES as ISCSI } from '../../iscsi/changes.ts'
import type { ChangingProgram } from '../../shell/changes.ts'
import { CHANGES as ZFS } from '../../zfs/changes.ts'

export const ALL_CHANGES: readonly ChangingProgram[] = [
  ZFS,
  COMSTAR,
  ISCSI,
  LDOMS,
  XEN,
  GUEST,
  LINUX,
  SOLARIS,
].flat()
