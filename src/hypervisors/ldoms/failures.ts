// The error texts of `ldm` and their meaning. Most of them are published nowhere. So a row matches
// the few known words, never a whole sentence, and the caller lists again to decide. Runs no
// command.

import type { FailureRow } from '../../shell/failures.ts'

const AUTOMATION = 'printed by no manual; widely used automation for ldm matches these words'

export const LDM_FAILURES: readonly FailureRow[] = [
  {
    text: /additional LDCs are required/,
    kind: 'no-space',
    evidence: 'recorded',
    source: 'transcripts/ldm/ldc-exhausted.error.txt',
    hint: 'the domain has no channel left for another disk path',
  },
  {
    text: /delayed\s+reconfig/i,
    kind: 'unavailable',
    evidence: 'recorded',
    source: 'transcripts/ldm/delayed-reconf.*.txt',
    hint: 'reboot the control domain, or ldm cancel-reconf primary',
  },
  {
    text: /invalid configuration name/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: 'transcripts/ldm/add-spconfig.name-too-long.error.txt',
  },
  // The table of the guest's resource coordinator. It comes before the "in use" rows, because its
  // cells can contain any word.
  {
    text: /Resource\s+Information/,
    kind: 'busy',
    evidence: 'documented',
    source: 'librcm table printer of illumos drd_rcm.c; the sentence around it is recalled',
  },
  {
    text: /could not be removed|unable to (remove|unconfigure)/i,
    kind: 'busy',
    evidence: 'recalled',
    source: 'guest refused to unconfigure',
  },
  { text: /is attached/, kind: 'in-use', evidence: 'recalled', source: AUTOMATION },
  {
    text: /already in use/,
    kind: 'in-use',
    evidence: 'recorded',
    source: 'transcripts/ldm/add-vdsdev.exported-twice.warning.ldoms-1.1.txt',
  },
  { text: /already exists/, kind: 'already-exists', evidence: 'recalled', source: AUTOMATION },
  {
    text: /^(Error: )?\S+ .*does not exist/m,
    kind: 'not-found',
    evidence: 'recalled',
    source: AUTOMATION,
  },
  // The bare words are not enough: a shell without ldm says "not found" too.
  { text: /LDom .*not found/, kind: 'not-found', evidence: 'recalled', source: AUTOMATION },
  {
    text: /failed to connect to logical domains? manager/i,
    kind: 'unavailable',
    evidence: 'recalled',
    source: 'ldmd is not running',
    hint: 'svcs ldmd',
  },
  {
    text: /not authori[sz]ed|authori[sz]ation|insufficient privileges/i,
    kind: 'permission-denied',
    evidence: 'recalled',
    source:
      'authorisations solaris.ldoms.read and .write (1.2 guide); "Authorization failed", ' +
      '"insufficient privileges": a discovery tool',
    hint: 'give the account the LDoms Management rights profile, or run ldm through pfexec or sudo',
  },
  {
    text: /being migrated|migration (is )?in progress|is busy|not responding|no response/i,
    kind: 'unavailable',
    evidence: 'recalled',
    source: 'domain in transition, or a guest that does not answer its channel',
  },
]

/** Notices with exit status 0 that still mean that nothing was changed. */
export const LDM_NOTICES: readonly FailureRow[] = [
  {
    text: /LDom Manager is running in configuration mode/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: 'transcripts/ldm/configuration-mode.notice.txt',
    hint: 'save the configuration to the service processor and power-cycle the machine first',
  },
  {
    text: /delayed\s+reconfig/i,
    kind: 'unavailable',
    evidence: 'recorded',
    source: 'transcripts/ldm/delayed-reconf.*.txt',
    hint: 'reboot the control domain, or ldm cancel-reconf primary',
  },
]

const RULE = /^-{3,}(\s+-{3,})+\s*$/

/** The reasons of a guest that refused to release a disk, in one line; empty when it gave none. */
export function formatRefusal(stderr: string): string {
  const lines = stderr.split('\n')
  const rule = lines.findIndex(line => RULE.test(line))
  if (rule < 0) return ''
  // The columns are as wide as their dashes. A text after the table starts at the left, so it is no
  // row.
  const width = /^-+/.exec(lines[rule] ?? '')?.[0].length ?? 0
  const rows: string[] = []
  for (const line of lines.slice(rule + 1)) {
    if (line.trim() === '' || line.slice(width, width + 2).trim() !== '') break
    rows.push(`${line.slice(0, width).trim()} ${line.slice(width).trim()}`)
  }
  return rows.join('; ')
}
