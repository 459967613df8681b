// Orders objects for creation: a source before its copies, and an outer mount path before an inner
// one. Otherwise the order of the files is kept. Pure.

import type { Located } from './classes.ts'
import type { ManifestObject } from './objects.ts'

/** An object that must exist first: this one is created `from` it, or mounted `below` it. */
export interface Earlier {
  readonly how: 'from' | 'below'
  readonly key: string
}

/** `claim <name>` or `snapshot <name>`: claims and snapshots may have the same names. */
export function keyOf(object: {
  readonly kind: 'claim' | 'snapshot'
  readonly name: string
}): string {
  return `${object.kind} ${object.name}`
}

/** The key of the source of an object, if it has one. */
function sourceKeyOf(object: ManifestObject): string | undefined {
  if (object.kind === 'snapshot') return keyOf({ kind: 'claim', name: object.claim })
  return object.source && keyOf(object.source)
}

/**
 * For each object, the objects that must exist first. The outer claim comes first: a later mount
 * above an inner path would hide the inner volume, and writes would land in the wrong volume.
 */
export function findEarlier(
  objects: readonly ManifestObject[],
): ReadonlyMap<string, readonly Earlier[]> {
  const keys = new Set(objects.map(keyOf))
  const mounts = new Map<string, string>()
  for (const object of objects) {
    if (object.kind !== 'claim' || object.mode !== 'filesystem') continue
    for (const { guest, mountPath } of object.places) {
      if (mountPath !== undefined) mounts.set(`${guest} ${mountPath}`, keyOf(object))
    }
  }
  return new Map(
    objects.map(object => {
      const source = sourceKeyOf(object)
      const from: Earlier[] =
        source !== undefined && keys.has(source) ? [{ how: 'from', key: source }] : []
      const places = object.kind === 'claim' ? object.places : []
      const outer = places.flatMap(({ guest, mountPath }) =>
        aboveOf(mountPath).flatMap(path => mounts.get(`${guest} ${path}`) ?? []),
      )
      const below = [...new Set(outer)].map((key): Earlier => ({ how: 'below', key }))
      return [keyOf(object), [...from, ...below]]
    }),
  )
}

/** The directories above a path, the outermost first. */
function aboveOf(path: string | undefined): readonly string[] {
  const parts = path?.split('/').slice(1, -1) ?? []
  return parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`)
}

interface Walk {
  readonly each: Located<ManifestObject>
  readonly rest: Earlier[]
  how?: Earlier['how']
}

/** A source that is not in the files is looked up later. A circle is reported as a problem. */
export function inOrderOfMaking(
  located: readonly Located<ManifestObject>[],
  problems: string[],
): readonly ManifestObject[] {
  const byKey = new Map(located.map(each => [keyOf(each.value), each]))
  const earlier = findEarlier(located.map(({ value }) => value))
  const ordered: ManifestObject[] = []
  const begun = new Set<string>()
  const done = new Set<string>()
  // No recursion: a chain of thousands of clones is longer than the stack.
  const walk: Walk[] = []
  const begin = (each: Located<ManifestObject>) => {
    const key = keyOf(each.value)
    begun.add(key)
    walk.push({ each, rest: [...(earlier.get(key) ?? [])] })
  }
  for (const root of located) {
    if (!begun.has(keyOf(root.value))) begin(root)
    for (let top = walk.at(-1); top !== undefined; top = walk.at(-1)) {
      const next = top.rest.shift()
      const found = next && byKey.get(next.key)
      if (next === undefined || found === undefined) {
        if (next !== undefined) continue
        done.add(keyOf(top.each.value))
        ordered.push(top.each.value)
        walk.pop()
        continue
      }
      top.how = next.how
      if (!begun.has(next.key)) begin(found)
      else if (!done.has(next.key)) problems.push(circleAt(next.key, walk))
    }
  }
  return ordered
}

function circleAt(key: string, walk: readonly Walk[]): string {
  const circle = walk.slice(walk.findIndex(({ each }) => keyOf(each.value) === key))
  const last = walk.at(-1)
  const words = circle.map(({ each, how }) => `${keyOf(each.value)} ${how} `).join('')
  const isMounted = circle.some(({ how }) => how === 'below')
  const says = isMounted
    ? 'an inner mount path comes after its outer one; give one of them another mount path'
    : 'an object cannot be its own source'
  return `${last?.each.where}: ${says}: ${words}${key}`
}
