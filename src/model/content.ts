// Which volume's file system a volume holds. A copy holds that of its source.

import type { Volume } from './volumes.ts'

/**
 * The volume whose file system this one holds: itself, or the volume that its chain of copies
 * started from. Copies created before that was recorded give their direct source.
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
