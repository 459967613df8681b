// The order of making: what something is made from comes before it, else the order of the files is kept. Pure.

import type { ManifestObject } from './manifests.ts'
import type { Located } from './manifests-classes.ts'

/** `claim <name>` or `snapshot <name>`: claims and snapshots may have the same names. */
export function keyOf(object: { readonly kind: 'claim' | 'snapshot'; readonly name: string }): string {
  return `${object.kind} ${object.name}`
}

/** The key of what an object is made from, if it is made from anything. */
export function sourceKeyOf(object: ManifestObject): string | undefined {
  if (object.kind === 'snapshot') return keyOf({ kind: 'claim', name: object.claim })
  return object.source && keyOf(object.source)
}

/** A source that is not among the objects is somebody's who looks it up later. A circle is a problem. */
export function inOrderOfMaking(located: readonly Located<ManifestObject>[], problems: string[]): readonly ManifestObject[] {
  const byKey = new Map(located.map(each => [keyOf(each.value), each]))
  const ordered: ManifestObject[] = []
  const done = new Set<string>()
  const place = ({ where, value }: Located<ManifestObject>, above: readonly string[]): void => {
    const key = keyOf(value)
    if (done.has(key)) return
    if (above.includes(key)) {
      const circle = [...above.slice(above.indexOf(key)), key].join(' from ')
      problems.push(`${where}: nothing can be made from itself: ${circle}`)
      return
    }
    const source = byKey.get(sourceKeyOf(value) ?? '')
    if (source !== undefined) place(source, [...above, key])
    done.add(key)
    ordered.push(value)
  }
  for (const each of located) place(each, [])
  return ordered
}
