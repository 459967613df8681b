// Limits how many writes run at a time through one shell; reads pass. This bounds the load that one
// pool puts on its storage host. The limit covers single commands, so nobody waits for another
// object while holding a turn.

import type { Semaphore } from '../locks.ts'
import type { Shell } from './shell.ts'

export function limited(shell: Shell, writes: Semaphore): Shell {
  return {
    run: (command, options) => {
      const run = () => shell.run(command, options)
      return options.effect === 'read' ? run() : writes.take(options.signal, run)
    },
  }
}
