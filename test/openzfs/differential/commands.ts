// The commands of zfs that the driver runs.

import type { Command } from '../../../src/shell/shell.ts'
import { readDelegation, readHeeded } from '../../../src/zfs/reading-delegation.ts'
import { Zfs } from '../../../src/zfs/zfs.ts'
import { firstCommand } from '../../support/machines/written-down.ts'

export const commandOf = (work: (zfs: Zfs) => Promise<unknown>): Promise<Command> =>
  firstCommand(shell => work(new Zfs(shell)))

export const delegationOf = (dataset: string) =>
  firstCommand(shell => readDelegation(shell, dataset))

export const heedingOf = (pool: string) => firstCommand(shell => readHeeded(shell, pool))
