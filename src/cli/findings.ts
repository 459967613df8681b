// The output of `ldom-csi audit` and `kubectl ldom audit`.

import type { Finding } from '../storage/audit/known.ts'
import { formatTable } from './table.ts'

/** With `claims`, by the id of the volume, a column says whose volume a finding names. */
export function formatFindings(
  findings: readonly Finding[],
  claims?: ReadonlyMap<string, readonly string[]>,
): string {
  if (findings.length === 0) return 'nothing found\n'
  const lines = findings.map(({ kind, object, detail }) => {
    const texts = [kind, object, detail]
    return claims === undefined ? texts : [...texts, claimOf(`${object} ${detail}`, claims)]
  })
  const headings = ['KIND', 'OBJECT', 'DETAIL', ...(claims === undefined ? [] : ['CLAIM'])]
  return formatTable([headings, ...lines])
}

function claimOf(text: string, claims: ReadonlyMap<string, readonly string[]>): string {
  const words = text.split(/[\s,;:()]+/)
  const found = words.flatMap(word => claims.get(word) ?? [])
  return [...new Set(found)].join(', ') || '-'
}
