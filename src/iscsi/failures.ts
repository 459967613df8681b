// Errors of iscsiadm and the device tools of a service domain, and what they mean. Nothing here
// runs a command.

import type { FailureRow } from '../shell/failures.ts'

export const ISCSIADM_FAILURES: readonly FailureRow[] = [
  {
    text: /iscsi.*service.*(not online|offline|disabled)/i,
    kind: 'unavailable',
    evidence: 'recalled',
    source: 'iscsiadm without svc:/network/iscsi/initiator',
    hint: 'run svcadm enable svc:/network/iscsi/initiator',
  },
  {
    text: /permission denied|insufficient privileges/i,
    kind: 'permission-denied',
    evidence: 'recalled',
    source: 'iscsiadm(8)',
  },
]

export const DEVICE_FAILURES: readonly FailureRow[] = [
  {
    text: /permission denied/i,
    kind: 'permission-denied',
    evidence: 'recalled',
    source: 'strerror(EACCES)',
  },
  {
    text: /device busy/i,
    kind: 'busy',
    evidence: 'recalled',
    source: 'strerror(EBUSY) of Solaris',
  },
  {
    text: /no such (file or directory|device or address)/i,
    kind: 'unavailable',
    evidence: 'recalled',
    source: 'strerror(ENOENT), strerror(ENXIO)',
  },
  // An unlabelled disk of a SPARC host gives this answer to every read (source: sd.c). It says
  // nothing about whose data the disk holds.
  {
    text: /I\/O error/i,
    kind: 'unavailable',
    evidence: 'recalled',
    source: 'strerror(EIO) of Solaris',
    hint: 'a disk without a label gives the same answer',
  },
]
