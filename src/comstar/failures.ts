// Errors of `stmfadm`: `stmfadm: [operand: ]text` on standard error; the exit status is the number
// of failed operands (illumos stmfadm.c, source). Nothing here runs a command.

import type { FailureRow } from '../shell/failures.ts'

const STMFADM = 'illumos stmfadm.c and libstmf'

export const STMFADM_FAILURES: readonly FailureRow[] = [
  // Before every "not found": a service that is off must never read as a missing logical unit.
  {
    text: /STMF service (not found|offline)/,
    kind: 'unavailable',
    evidence: 'documented',
    source: STMFADM,
    // A service in maintenance is already enabled; only clear starts it again (svcadm(8)).
    hint:
      'check with svcs stmf: if it is disabled, run svcadm enable stmf; if it is in ' +
      'maintenance, run svcadm clear stmf',
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
  // It is not known which of the two add-view prints.
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
    hint: 'another stmfadm is running, or something else has the device open',
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
    hint: 'the device does not exist',
  },
  {
    text: /^stmfadm: .*file size invalid/m,
    kind: 'out-of-range',
    evidence: 'documented',
    source: STMFADM,
    hint: 'the size must be at least 1 MiB',
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
