// Errors of the file system and mount tools of a Linux guest, and what they mean. Sources are the
// recorded transcripts of test/transcripts unless a row names another. Answers that are no failures
// for their caller are rows too. They come first in the table of the one command that gives them.

import type { FailureRow } from '../../shell/failures.ts'

const RECORDED = { evidence: 'recorded', source: 'linux-guest-tools.txt' } as const
const RECORDED_4 = { evidence: 'recorded', source: 'linux-guest-tools-4.txt' } as const
const RECORDED_2 = { evidence: 'recorded', source: 'linux-guest-tools-2.txt' } as const

export const LINUX_FAILURES: readonly FailureRow[] = [
  {
    text: /target is busy/,
    status: 32,
    kind: 'busy',
    hint:
      'a process has a file open there, or something is mounted below it; end the process, ' +
      'or unmount that first',
    ...RECORDED,
  },
  {
    text: /wrong fs type, bad option, bad superblock/,
    status: 32,
    kind: 'failed-precondition',
    hint:
      "see the guest's kernel log: an unknown mount option, a file system of a newer or damaged " +
      'format, or a copy of a mounted file system',
    ...RECORDED,
  },
  { text: /already mounted on/, status: 32, kind: 'busy', ...RECORDED },
  {
    text: /already mounted or mount point busy/,
    kind: 'busy',
    hint: 'something else in the guest uses the disk or the mount point',
    ...RECORDED_4,
  },
  {
    text: /cannot mount .* read-only\./,
    status: 32,
    kind: 'failed-precondition',
    hint:
      'the file system was not unmounted cleanly and its last synced data is still in its log: ' +
      'attach it writable once; create copies for readers while their source is not mounted',
    ...RECORDED_4,
  },
  {
    text: /Structure needs cleaning/,
    status: 32,
    kind: 'failed-precondition',
    hint:
      'the file system is damaged; run xfs_repair (or e2fsck) by hand on the guest while it is ' +
      'not mounted, or restore a snapshot',
    ...RECORDED_4,
  },
  {
    text: /special device .* does not exist/,
    status: 32,
    kind: 'unavailable',
    hint: 'the disk is gone; check that it is attached',
    ...RECORDED_2,
  },
  { text: /mount point does not exist/, status: 32, kind: 'failed-precondition', ...RECORDED_2 },
  {
    text: /Use the -f option to force overwrite/,
    status: 1,
    kind: 'failed-precondition',
    hint: 'the disk is not blank; look at it by hand',
    ...RECORDED,
  },
  { text: /is mounted; will not make a filesystem here|is mounted\.$/m, kind: 'busy', ...RECORDED },
  {
    text: /apparently in use by the system|Device or resource busy/,
    kind: 'busy',
    evidence: 'recalled',
    source: 'mke2fs, mkfs.xfs: the exclusive open failed',
    hint: 'something in the guest uses the disk; find out what it is and stop it',
  },
  // After any other error of an expansion, kubelet does not mount the volume at all.
  {
    text: /Permission denied to resize filesystem/,
    status: 1,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: 'resize2fs 1.47.0 by a root without the capability, 2026',
    hint: 'growing a mounted ext4 needs the capability CAP_SYS_RESOURCE',
  },
  {
    text: /must be larger than|too small/i,
    kind: 'out-of-range',
    evidence: 'recalled',
    source: 'mkfs.xfs 6: "Filesystem must be larger than 300MB."',
    hint: 'ask for a larger volume or for ext4',
  },
  {
    text: /Input\/output error|No such device|(cannot|failed to) open .*: No such file/,
    kind: 'unavailable',
    hint: 'the disk does not answer; check that its service domain is up',
    ...RECORDED_2,
  },
]

export const UMOUNT_FAILURES: readonly FailureRow[] = [
  {
    text: /: not mounted\.|no mount point specified\./,
    status: 32,
    kind: 'not-found',
    ...RECORDED,
  },
  ...LINUX_FAILURES,
]

/** mkfs.xfs before 4.3 does not know `-m uuid=`; before 3.2 it does not know `-m` at all. */
export const NO_UUID_OPTION: FailureRow = {
  text: /unknown option -m uuid=|invalid option -- '?m'?/,
  status: 1,
  kind: 'unsupported',
  evidence: 'recalled',
  source:
    'which releases; the words for an unknown option are recorded in linux-guest-tools-4.txt, ' +
    'the others are those of getopt',
}

export const MKFS_XFS_FAILURES: readonly FailureRow[] = [NO_UUID_OPTION, ...LINUX_FAILURES]
