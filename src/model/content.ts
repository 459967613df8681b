// Whose file system a volume holds: a copy has that of its source.

import type { Volume } from './volumes.ts'

/**
 * The volume whose file system this one holds: its own id, or where its copies began; of a copy
 * made before that was written, its source.
 */
export function contentOf({
  id,
  source,
  rootId,
}: Pick<Volume, 'id' | 'source' | 'rootId'>): string {
  if (source.kind === 'empty') return id
  return (
    rootId ?? (source.kind === 'volume' ? source.id : source.id.slice(0, source.id.indexOf('@')))
  )
}
