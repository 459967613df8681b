// Errors of the file system and mount tools of a Solaris guest, and what they mean. Answers that
// are no failures for their caller are rows too. They come first in the table of the one command
// that gives them.

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
      'a process has a file open there, or something is mounted below it; end the process, ' +
      'or unmount that first',
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
    hint: 'the disk does not answer; check that its service domain is up',
  },
]

export const UMOUNT_FAILURES: readonly FailureRow[] = [
  {
    text: / not mounted$| not in mnttab$| no such file or directory$/m,
    status: 1,
    kind: 'not-found',
    evidence: 'documented',
    source: 'umount.c: nothing is mounted there',
  },
  ...SOLARIS_FAILURES,
]

/** The disk is gone; only its name is left. */
export const DISK_GONE: FailureRow = {
  text: /No such file or directory|No such device/,
  kind: 'not-found',
  evidence: 'documented',
  source: 'prtvtoc.c ("failed to open device: %s"), fuser(1M): strerror of ENOENT and ENXIO',
}

export const FUSER_FAILURES: readonly FailureRow[] = [DISK_GONE, ...SOLARIS_FAILURES]

/** The file system was not unmounted cleanly: an answer of `fsck -m`. */
export const NEEDS_CHECKING: FailureRow = {
  text: /needs checking/,
  status: 32,
  kind: 'failed-precondition',
  evidence: 'recalled',
  source: 'fsck -m of ufs',
}

export const FSCK_FAILURES: readonly FailureRow[] = [NEEDS_CHECKING, ...SOLARIS_FAILURES]

export const LABEL_FAILURES: readonly FailureRow[] = [
  // Before the rows of disks that do not answer: both programs give the reason why they could not
  // open one.
  {
    text: /[Pp]ermission denied|[Nn]ot owner|Insufficient privileges/,
    kind: 'permission-denied',
    evidence: 'documented',
    source:
      'prtvtoc.c ("failed to open device: %s"), fmthard.c ("Cannot open device %s - %s"): ' +
      'strerror of EACCES and EPERM',
    hint:
      "the node plugin's account may not open disks of the guest: set `prefix` in its " +
      'configuration to pfexec or sudo',
  },
  {
    text: /Unable to read (Disk geometry|VTOC)|I\/O error/,
    kind: 'unavailable',
    evidence: 'documented',
    source: 'prtvtoc.c: errno other than EINVAL, or VT_EIO',
    hint: 'the disk does not answer; check that its service domain is up',
  },
  {
    text: /Invalid VTOC|Unknown problem reading VTOC/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'prtvtoc.c',
    hint: 'the label is damaged; look at the disk by hand',
  },
  {
    text: /[Dd]evice busy|is currently being used|currently mounted/,
    kind: 'busy',
    evidence: 'recalled',
    source: 'format(1M)',
  },
  {
    text: /Cannot (open device|stat device|write EFI)|efi_alloc_and_init failed/,
    status: 1,
    kind: 'unavailable',
    evidence: 'documented',
    source: 'fmthard.c',
    hint: 'the disk does not answer; check that its service domain is up',
  },
  {
    text: /does not fit|overlaps partition|expected one reserved partition/,
    status: 1,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: 'fmthard.c',
    hint: 'extend the label by hand with format, slice 0 to the end of the disk',
  },
]

/** The disk has no label. Only EINVAL says so; EIO comes from a disk that does not answer. */
export const NO_GEOMETRY: FailureRow = {
  text: /Unable to read Disk geometry errno = 0x16\b/,
  kind: 'not-found',
  evidence: 'documented',
  source: 'prtvtoc.c: the ioctl of the geometry failed with EINVAL',
}

export const PRTVTOC_FAILURES: readonly FailureRow[] = [DISK_GONE, NO_GEOMETRY, ...LABEL_FAILURES]
