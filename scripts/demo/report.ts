// The output of the demo: numbered steps, observations, and checks that decide the exit status.

export class Report {
  #steps = 0
  #checks = 0
  readonly #failed: string[] = []
  readonly #startedMs = Date.now()

  step(title: string): void {
    this.#steps += 1
    console.log(`\n${this.#steps}. ${title}`)
  }

  say(line: string): void {
    console.log(line === '' ? '' : `   ${line}`)
  }

  /** Checks a fact. `seen` is printed in either case. */
  check(what: string, holds: boolean, seen = ''): void {
    this.#checks += 1
    if (!holds) this.#failed.push(what)
    this.say(`${holds ? '[ok]  ' : '[FAIL]'} ${what}${seen === '' ? '' : `: ${seen}`}`)
  }

  /** Prints the summary and returns the exit status. */
  finish(): number {
    const seconds = ((Date.now() - this.#startedMs) / 1000).toFixed(0)
    const held = this.#checks - this.#failed.length
    console.log(`\n${held} of ${this.#checks} checks held, ${seconds} s.`)
    for (const what of this.#failed) console.log(`did not hold: ${what}`)
    return this.#failed.length === 0 && this.#checks > 0 ? 0 : 1
  }
}
