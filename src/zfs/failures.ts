// Errors of `zfs` and `zpool`, and what they mean: one table for every dialect; the first match
// wins. Exit statuses are left out where dialects differ (`zfs set` fails with 1 up to OpenZFS 2.1
// and with 255 from 2.2 on). Nothing here runs a command.

import type { FailureRow } from '../shell/failures.ts'
import type { Command } from '../shell/shell.ts'
import { permissionsOf } from './delegation.ts'

const OPENZFS = 'transcripts/openzfs-2.1.16.txt, openzfs-2.2.11.txt, openzfs-2.3.8.txt'
const OPENZFS_AND_V23 = `${OPENZFS}, zfs-fuse-0.7.0.txt`
const SUSPENDED = 'transcripts/openzfs-2.3.8-extra.txt, "pool suspension"'
const DELEGATION = 'transcripts/openzfs-2.1.11-delegation.txt'
const LIBZFS = 'libzfs error table, shared by all dialects (OpenZFS, illumos and onnv_141 sources)'

export const ZFS_FAILURES: readonly FailureRow[] = [
  {
    text: /Permission denied the ZFS utilities must be run as root/,
    kind: 'permission-denied',
    evidence: 'recorded',
    source: OPENZFS,
    hint: 'give the account access to /dev/zfs: mode 0666, as the udev rule of OpenZFS does',
  },
  {
    text: /permission denied/i,
    kind: 'permission-denied',
    evidence: 'recorded',
    source: DELEGATION,
    hint: neededPermissions,
  },
  // zfs has created the file system, and cannot mount it.
  {
    text: /it may only be mounted by root/,
    kind: 'permission-denied',
    evidence: 'recorded',
    source: DELEGATION,
  },
  {
    text: /delegated administration is disabled/,
    kind: 'permission-denied',
    evidence: 'recorded',
    source: DELEGATION,
    hint: 'zpool set delegation=on',
  },
  {
    text: /pool I\/O is currently suspended/,
    kind: 'unavailable',
    evidence: 'recorded',
    source: SUSPENDED,
    hint: 'see zpool status -x on the storage host',
  },
  {
    text: /ZFS modules (are not|cannot be auto-)loaded/,
    kind: 'unavailable',
    evidence: 'documented',
    source: LIBZFS,
  },
  {
    text: /pool is read-only/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: 'transcripts/openzfs-2.3.8-extra.txt, "readonly pool"',
    hint: 'the pool is imported read-only; import it writable',
  },
  { text: /out of space/, kind: 'no-space', evidence: 'recorded', source: OPENZFS_AND_V23 },
  {
    text: /size is greater than available space/,
    kind: 'no-space',
    evidence: 'recorded',
    source: OPENZFS,
  },
  {
    text: /size is less than current used or reserved space/,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: LIBZFS,
  },
  {
    text: /volume size exceeds limit for this system/,
    kind: 'out-of-range',
    evidence: 'documented',
    source: LIBZFS,
  },
  {
    text: /bad volume size .*numeric value is too large/,
    kind: 'out-of-range',
    evidence: 'recorded',
    source: OPENZFS,
  },
  {
    text: /has dependent clones/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  {
    text: /has children/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  { text: /it's being held|dataset is busy/, kind: 'busy', evidence: 'recorded', source: OPENZFS },
  {
    text: /dataset already exists/,
    kind: 'already-exists',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  {
    text: /parent does not exist/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
    hint: 'create the parent dataset',
  },
  // zfs says this also of every dataset of a pool that is not imported. A caller that concludes
  // absence must ask for the parent as well.
  {
    text: /dataset does not exist/,
    kind: 'not-found',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  {
    text: /could not find any snapshots to destroy/,
    kind: 'not-found',
    evidence: 'recorded',
    source: OPENZFS,
  },
  {
    text: /no such pool/,
    kind: 'unavailable',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
    hint: 'the pool is not imported on this host; import it',
  },
  {
    text: /name is too long/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
    hint: 'choose a shorter parent dataset',
  },
  {
    text: /invalid character .* in name/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  {
    text: /property value too long/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: OPENZFS,
  },
  {
    text: /' must be (one of|power of 2|a multiple of)/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: OPENZFS,
  },
  // Old dialects and illumos reject a reservation above the size, except when creating a volume
  // (libzfs, zfs_valid_proplist).
  {
    text: /' is greater than current volume size/,
    kind: 'invalid-argument',
    evidence: 'documented',
    source: LIBZFS,
  },
  { text: /bad numeric value/, kind: 'invalid-argument', evidence: 'documented', source: LIBZFS },
  {
    text: /does not apply to datasets of this type/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  {
    text: /operation not applicable to datasets of this type/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: OPENZFS,
  },
  {
    text: /not a cloned filesystem/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  // The command does not fit the dialect: a bug of the driver, not a fault of the request.
  {
    text: /bad property list: invalid property/,
    status: 2,
    kind: 'internal',
    evidence: 'recorded',
    source: 'transcripts/zfs-fuse-0.7.0.txt',
  },
  {
    text: /invalid option|unrecognized command|too many arguments/,
    status: 2,
    kind: 'internal',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  { text: /'[^']+' is readonly/, kind: 'internal', evidence: 'recorded', source: OPENZFS_AND_V23 },
  {
    text: /invalid property/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: OPENZFS_AND_V23,
  },
  {
    text: /I\/O error/,
    kind: 'internal',
    evidence: 'documented',
    source: LIBZFS,
    hint: 'see zpool status on the storage host',
  },
]

function neededPermissions(command: Command): string {
  const names = permissionsOf(command).join(', ')
  return names === ''
    ? 'allow the account to run the command'
    : `zfs ${command[1]} needs the permissions ${names} there; doctor says which are missing`
}
