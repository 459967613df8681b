// At most so many writes at a time through one shell; reads pass. It bounds what one pool asks of
// its storage host. The bound is around single commands, so nobody who holds a turn ever waits for
// an object that another one holds.

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
