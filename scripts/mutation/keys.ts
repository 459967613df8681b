// Names a mutant: the n-th of its kind and replacement in its file. The name does not contain the
// line, so that changes elsewhere in the file keep a sample stable.

interface Place {
  readonly line: number
  readonly column: number
}

export interface Mutant {
  readonly id: string
  readonly fileName: string
  readonly mutatorName: string
  readonly replacement: string
  readonly location: { readonly start: Place; readonly end: Place }
}

export function withKeys<M extends Mutant>(
  mutants: readonly M[],
): readonly (M & { readonly key: string })[] {
  const seen = new Map<string, number>()
  return mutants.toSorted(byPlace).map(mutant => {
    const kind = `${mutant.fileName} ${mutant.mutatorName} ${mutant.replacement}`
    const nth = (seen.get(kind) ?? 0) + 1
    seen.set(kind, nth)
    return { ...mutant, key: `${kind} ${nth}` }
  })
}

// Outer mutants come before those inside them.
function byPlace({ location: a }: Mutant, { location: b }: Mutant): number {
  return (
    a.start.line - b.start.line ||
    a.start.column - b.start.column ||
    b.end.line - a.end.line ||
    b.end.column - a.end.column
  )
}
