// Chance for a random sequence of commands.

/** Numbers from which one step takes whatever it chooses. */
export class Chance {
  readonly #numbers: readonly number[]
  #at = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  next(): number {
    return this.#numbers[this.#at++ % this.#numbers.length] ?? 0
  }

  one<T>(list: readonly T[]): T {
    const chosen = list[this.next() % list.length]
    if (chosen === undefined) throw new Error('nothing to choose from')
    return chosen
  }

  /** Once in so many times. */
  once(times: number): boolean {
    return this.next() % times === 0
  }

  /** Of those that are there; sometimes, and if there is none, of all names. */
  known<T>(there: readonly T[], names: readonly T[]): T {
    return there.length === 0 || this.once(8) ? this.one(names) : this.one(there)
  }
}
