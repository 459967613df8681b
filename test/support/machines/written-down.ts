// The command lines of the driver, taken from the driver: its own class runs into a shell that only
// writes them down.

import type { Command, Shell } from '../../../src/shell/shell.ts'

class WrittenDown extends Error {}

/** The first command of the work, which does not get an answer. */
export async function firstCommand(work: (shell: Shell) => Promise<unknown>): Promise<Command> {
  const written: Command[] = []
  const shell: Shell = {
    run: command => {
      written.push(command)
      return Promise.reject(new WrittenDown())
    },
  }
  await work(shell).catch(error => {
    if (!(error instanceof WrittenDown)) throw error
  })
  const [command] = written
  if (command === undefined) throw new Error('the work ran no command')
  return command
}
