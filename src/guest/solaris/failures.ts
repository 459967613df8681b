// What the file system and mount tools of a Solaris guest say when they fail, and what that means.
// Texts that mean success for a repeated call stand where the call is made; those of the label
// tools in label.ts.

import type { FailureRow } from '../../shell/failures.ts'

export const SOLARIS_FAILURES: readonly FailureRow[] = [
  {
    text: /is already mounted or .* is busy/,
    kind: 'busy',
    evidence: 'documented',
    source: 'mount.c of ufs: EBUSY',
  },
  {
    text: /^umount: .* busy/m,
    kind: 'busy',
    evidence: 'documented',
    source: 'umount.c: EBUSY',
    hint:
      'a process has a file open there, or something is mounted below it; end it, or ' +
      'unmount that first',
  },
  {
    text: /is not okay/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'mount.c of ufs: ENOSPC',
    hint: 'run fsck by hand on the guest',
  },
  {
    text: /is not this fstype/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'mount.c of ufs: EINVAL',
  },
  {
    text: /write-protected/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'mount.c of ufs: EROFS',
  },
  {
    text: /Insufficient privileges|[Pp]ermission denied/,
    kind: 'permission-denied',
    evidence: 'documented',
    source: 'mount.c of ufs, umount.c: EPERM',
  },
  {
    text: /Large files may be present/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'mount.c of ufs: EFBIG',
  },
  {
    text: /already mounted|[Dd]evice busy|is mounted, can't/,
    kind: 'busy',
    evidence: 'recalled',
    source: 'fsck -m of ufs, newfs(1M)',
  },
  {
    text: /too small|insufficient space/i,
    kind: 'out-of-range',
    evidence: 'recalled',
    source: 'mkfs of ufs',
    hint: 'ask for a larger volume',
  },
  {
    text: /I\/O error|No such device|no such device|cannot open device|open: No such file/,
    kind: 'unavailable',
    evidence: 'documented',
    source: 'errno words of EIO and ENXIO; fstyp',
    hint: 'the disk does not answer; see whether its service domain is up',
  },
]
