// The classes of one kind in the manifest files. A claim or a snapshot finds its class by name, or
// gets the default.

import { nameOf } from './schema.ts'

/** A value read from a document, and the place of that document. */
export interface Located<T> {
  readonly where: string
  readonly value: T
}

/** Reports what is wrong with one key of one object. */
export type Problem = (path: string, message: string) => void

export class ClassTable<T extends { readonly name: string }> {
  readonly #kind: string
  readonly #classes: Located<T>[] = []
  readonly #defaults: Located<T>[] = []
  /** Names of the classes with mistakes. Undefined stands for a name that is unreadable itself. */
  readonly #malformed = new Set<string | undefined>()

  constructor(kind: string) {
    this.#kind = kind
  }

  /**
   * `parsed` is undefined for a document with mistakes. A claim that asks for such a class is not
   * told that it is missing as well.
   */
  add({ where, value }: Located<unknown>, parsed: T | undefined, isDefault: boolean): void {
    if (parsed === undefined) this.#malformed.add(nameOf(value))
    else {
      for (const list of isDefault ? [this.#classes, this.#defaults] : [this.#classes]) {
        list.push({ where, value: parsed })
      }
    }
  }

  /**
   * The class of that name; without a name, the default class. Undefined: a problem was reported,
   * here or for the class itself.
   */
  find(path: string, name: string | undefined, problem: Problem): T | undefined {
    const found =
      name === undefined
        ? this.#defaults[0]
        : this.#classes.find(({ value }) => value.name === name)
    if (found !== undefined) return found.value
    // Any class with mistakes may be the intended default.
    const isExcused =
      name === undefined
        ? this.#malformed.size > 0
        : this.#malformed.has(name) || this.#malformed.has(undefined)
    if (isExcused) return undefined
    const missing =
      name === undefined
        ? `is missing, and no ${this.#kind} in the files is marked as the default`
        : `there is no ${this.#kind} ${name} in the files; add its file with -f`
    problem(path, missing)
    return undefined
  }

  duplicates(): readonly string[] {
    return [
      ...repeated(this.#classes, ({ name }) => [`${this.#kind} ${name}`]),
      ...repeated(this.#defaults, () => [`a default ${this.#kind}`]),
    ]
  }
}

/** Reports values that occur more than once, by the words that describe them. */
export function repeated<T>(
  located: readonly Located<T>[],
  describeIt: (value: T) => readonly string[],
): string[] {
  const first = new Map<string, string>()
  return located.flatMap(({ where, value }) =>
    describeIt(value).flatMap(what => {
      const earlier = first.get(what)
      if (earlier === undefined) first.set(what, where)
      return earlier === undefined ? [] : [`${where}: ${what} is already in ${earlier}`]
    }),
  )
}
