// The installation on which disks of guests are measured: twenty machines with fifty guests, Solaris
// and Linux in turn, on one pool of design lun. Data only.

import { completeWorld, type WorldSpec } from '../sim/world-spec.ts'
import { initiatorOf, lunPool, machineWith, SERVICE_DOMAINS, storageHost } from './lun-world.ts'

const MACHINES = Array.from({ length: 20 }, (_, index) => `m${1 + index}`)

export const POOL = 'gold'

export interface BenchGuest {
  readonly machine: string
  readonly guest: string
  readonly platform: 'solaris' | 'linux'
}

/** The machines in turn: neighbours are on different machines. */
export const GUESTS: readonly BenchGuest[] = Array.from({ length: 50 }, (_, index) => ({
  machine: MACHINES[index % MACHINES.length] ?? '',
  guest: `ldg${1 + Math.floor(index / MACHINES.length)}`,
  platform: index % 2 === 0 ? 'solaris' : 'linux',
}))

export function guestDisksWorld(): WorldSpec {
  const serviceHosts = MACHINES.flatMap(machine =>
    SERVICE_DOMAINS.map(domain => [
      `${machine}-${domain}`,
      { initiator: initiatorOf(machine, domain) },
    ]),
  )
  return completeWorld({
    hosts: { storage1: storageHost(MACHINES), ...Object.fromEntries(serviceHosts) },
    machines: Object.fromEntries(
      MACHINES.map(machine => [machine, machineWith(machine, guestsOf(machine))]),
    ),
    pools: { [POOL]: lunPool(MACHINES) },
  })
}

function guestsOf(machine: string) {
  return GUESTS.filter(each => each.machine === machine).map(
    ({ guest, platform }) => [guest, { platform }] as const,
  )
}
