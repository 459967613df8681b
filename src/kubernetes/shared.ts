// Equal values of many objects, kept once: ten thousand claims have a handful of namespaces,
// classes and lists of finalizers between them. For what repeats only; a name or a uid does not.

/** More than a cluster has of different ones. Then the table begins anew: only memory is lost. */
const MOST_KNOWN = 10_000

export class Shared<V> {
  readonly #known = new Map<string, V>()

  /** The value, or an equal one from before. It must be plain data that nobody changes. */
  keep(value: V): V {
    const key = JSON.stringify(value)
    const before = this.#known.get(key)
    if (before !== undefined) return before
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(key, value)
    return value
  }
}
