// The command lines of the driver, taken from the driver: its own class runs into a shell that only
// writes them down.

import type { Command, Shell } from '../../../src/shell/shell.ts'
import { readDelegation, readHeeded } from '../../../src/zfs/reading-delegation.ts'
import { Zfs } from '../../../src/zfs/zfs.ts'

class WrittenDown extends Error {}

/** The first command of the work, which does not get an answer. */
export async function commandOf(
  work: (zfs: Zfs, shell: Shell) => Promise<unknown>,
): Promise<Command> {
  const written: Command[] = []
  const shell: Shell = {
    run: command => {
      written.push(command)
      return Promise.reject(new WrittenDown())
    },
  }
  await work(new Zfs(shell), shell).catch(error => {
    if (!(error instanceof WrittenDown)) throw error
  })
  const [command] = written
  if (command === undefined) throw new Error('the work ran no command')
  return command
}

export const delegationOf = (dataset: string) =>
  commandOf((_, shell) => readDelegation(shell, dataset))

export const heedingOf = (pool: string) => commandOf((_, shell) => readHeeded(shell, pool))
