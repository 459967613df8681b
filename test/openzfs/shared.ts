// The storage host that all test files of one version use, unless they have to break one. It is
// booted by whoever needs it first, and stays until `npm run test:zfs -- stop`.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OPENZFS_VERSIONS, type OpenZfsVersion } from '../../scripts/storage-host/storage-host.ts'
import { attempt } from '../support/commands.ts'
import { machinesDirectory } from '../support/machines/emulated-machine.ts'
import { StorageMachine } from './machine.ts'

export const MACHINES = machinesDirectory('zfs')

/** The version under test: that of the variable `OPENZFS`, else the first. */
export function testedVersion(): OpenZfsVersion {
  const wanted = process.env.OPENZFS ?? OPENZFS_VERSIONS[0]
  const version = OPENZFS_VERSIONS.find(each => each === wanted)
  if (version !== undefined) return version
  throw new Error(`OPENZFS is ${wanted}; the versions are ${OPENZFS_VERSIONS.join(' and ')}`)
}

/** Booted, with the pool `tank` on its first disk. */
export async function sharedMachine(version = testedVersion()): Promise<StorageMachine> {
  const machine = await StorageMachine.open({ version }, join(MACHINES, version))
  await machine.bootWithPool()
  return machine
}

/** A machine of one test file, which removes it. What a broken run leaves, `stop` ends. */
export async function ownMachine(
  name: string,
  options: Partial<Parameters<typeof StorageMachine.open>[0]> = {},
): Promise<StorageMachine> {
  const version = testedVersion()
  const directory = join(MACHINES, `${version}-${name}`)
  await StorageMachine.removeAt(directory)
  return StorageMachine.open({ version, name, ...options }, directory)
}

/** Ends all machines of this clone, and removes what they had and what broken runs left. */
export async function removeMachines(): Promise<void> {
  if (!existsSync(MACHINES)) return
  await detachLeftovers()
  for (const name of readdirSync(MACHINES)) await StorageMachine.removeAt(join(MACHINES, name))
}

/** Mounts, loop devices and files of nbdfuse that lead below the directory of the machines. */
async function detachLeftovers(): Promise<void> {
  const below = `${MACHINES}/`
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').reverse()
  for (const row of mounted.filter(each => each.includes(below))) {
    await attempt(['umount', '--lazy', row.split(' ')[4] ?? ''])
  }
  const loops = await attempt(['losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE'])
  for (const row of loops.split('\n').filter(each => each.includes(below))) {
    await attempt(['losetup', '--detach', row.split(' ')[0] ?? ''])
  }
}
