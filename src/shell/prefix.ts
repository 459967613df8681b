// Puts a prefix before every command, for accounts that need one: `pfexec` or `sudo`.

import type { Command, Shell } from './shell.ts'

export function prefixed(shell: Shell, words: readonly string[]): Shell {
  const [program, ...args] = words
  if (program === undefined) return shell
  return {
    run: (command, options) => shell.run([program, ...args, ...command] satisfies Command, options),
  }
}
