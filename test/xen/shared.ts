// The Xen hosts that the test files use: one for each process of Jest, because a host has a single
// emulated processor. Each is booted by whoever needs it first, and stays until
// `npm run test:xen -- stop`.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { machinesDirectory } from '../support/machines/emulated-machine.ts'
import type { GuestName } from './domains.ts'
import { XenHost } from './machine.ts'

const HOSTS = machinesDirectory('xen')

/** The host of this process with the pool `tank` and with these guests running, each without a disk. */
export async function hostWithGuests(...names: readonly GuestName[]): Promise<XenHost> {
  const host = await XenHost.open(join(HOSTS, process.env.JEST_WORKER_ID ?? '1'))
  await host.bootWithPool()
  for (const name of names) await host.guest(name).create()
  return host
}

/** Ends all Xen hosts of this clone, and removes what they had. */
export async function removeHosts(): Promise<void> {
  if (!existsSync(HOSTS)) return
  for (const name of readdirSync(HOSTS)) await XenHost.removeAt(join(HOSTS, name))
}
