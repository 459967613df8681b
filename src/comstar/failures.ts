// What `stmfadm` says when it fails: `stmfadm: [operand: ]text` on standard error, exit status =
// number of operands that failed (illumos stmfadm.c, source). Nothing here runs a command.

import type { FailureRow } from '../shell/failures.ts'

const STMFADM = 'illumos stmfadm.c and libstmf'

export const STMFADM_FAILURES: readonly FailureRow[] = [
  // Before every "not found": the service that is off must never read as a logical unit that is not
  // there.
  {
    text: /STMF service (not found|offline)/,
    kind: 'unavailable',
    evidence: 'documented',
    source: STMFADM,
    // A service in maintenance is enabled already; only clear starts it again (svcadm(8)).
    hint:
      'svcs stmf: svcadm enable stmf where it is disabled, svcadm clear stmf where it is in ' +
      'maintenance',
  },
  {
    text: /^stmfadm: .*permission denied/m,
    kind: 'permission-denied',
    evidence: 'documented',
    source: STMFADM,
  },
  {
    text: /^stmfadm: .*filename .*: in use/m,
    kind: 'already-exists',
    evidence: 'documented',
    source: STMFADM,
  },
  { text: /^stmfadm: .*guid in use/m, kind: 'in-use', evidence: 'documented', source: STMFADM },
  {
    text: /^stmfadm: .*LUN already in use/m,
    kind: 'busy',
    evidence: 'documented',
    source: STMFADM,
  },
  // Which of the two add-view prints is not known.
  {
    text: /^stmfadm: .*(view entry exists|already exists)/m,
    kind: 'already-exists',
    evidence: 'documented',
    source: STMFADM,
  },
  {
    text: /^stmfadm: .*resource busy/m,
    kind: 'busy',
    evidence: 'documented',
    source: STMFADM,
    hint: 'another stmfadm is at work, or something else has the device open',
  },
  {
    text: /^stmfadm: .*invalid (host|target) group/m,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: STMFADM,
    hint: 'create the group, see stmfadm list-hg and list-tg',
  },
  {
    text: /^stmfadm: .*data file error/m,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: STMFADM,
    hint: 'the device is not there',
  },
  {
    text: /^stmfadm: .*file size invalid/m,
    kind: 'out-of-range',
    evidence: 'documented',
    source: STMFADM,
    hint: 'at least 1 MiB',
  },
  {
    text: /^stmfadm: .*could not set write cache/m,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: STMFADM,
  },
  {
    text: /^stmfadm: .*cannot modify while in standby mode/m,
    kind: 'failed-precondition',
    evidence: 'documented',
    source: STMFADM,
  },
  {
    text: /^stmfadm: .*unable to set guid/m,
    kind: 'invalid-argument',
    evidence: 'documented',
    source: STMFADM,
  },
  {
    text: /^stmfadm: .*(not found|no views found)/m,
    kind: 'not-found',
    evidence: 'documented',
    source: STMFADM,
  },
]
