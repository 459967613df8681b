// The installation that is measured: two machines and a storage host, large enough for any
// population of the bench, and what the two populations are. Data only.

import { completeWorld, type WorldSpec } from '../sim/world-spec.ts'
import {
  initiatorOf,
  lunPool,
  machineWith,
  POOL_BYTES,
  SERVICE_DOMAINS,
  storageHost,
} from './lun-world.ts'

const MACHINES = ['m1', 'm2']
/** Each is left to the driver's limit of 60 disks a guest. */
const GUESTS_PER_MACHINE = 20

/** Design local and design lun; the population is shared out evenly. */
export const POOLS = ['silver', 'gold'] as const
export type PoolName = (typeof POOLS)[number]

export const VOLUME_BYTES = 16 * 1024 ** 2

export interface Population {
  readonly volumes: number
  readonly snapshotsPerVolume: number
  /** Volumes of pool gold that guests of machine m2 have from the start. */
  readonly attached: number
}

export function populationOf(volumes: number): Population {
  return { volumes, snapshotsPerVolume: 5, attached: Math.floor(volumes / 10) }
}

export function guestOf(machine: 'm1' | 'm2', index: number): string {
  return `${machine}/ldg${1 + (index % GUESTS_PER_MACHINE)}`
}

export function benchWorld(): WorldSpec {
  const serviceHosts = MACHINES.flatMap(machine =>
    SERVICE_DOMAINS.map(domain => {
      const isOwner = machine === 'm1' && domain === 'primary'
      const pool = {
        name: 'mtank',
        sizeBytes: POOL_BYTES,
        dialect: 'solaris-11' as const,
        datasets: ['mtank/kubernetes'],
      }
      const initiator = initiatorOf(machine, domain)
      return [`${machine}-${domain}`, { pools: isOwner ? [pool] : [], initiator }]
    }),
  )
  return completeWorld({
    hosts: { storage1: storageHost(MACHINES), ...Object.fromEntries(serviceHosts) },
    machines: Object.fromEntries(
      MACHINES.map(machine => [machine, machineWith(machine, solarisGuests())]),
    ),
    pools: {
      silver: {
        design: 'local',
        host: 'm1-primary',
        dataset: 'mtank/kubernetes',
        paths: [
          {
            machine: 'm1',
            serviceDomain: 'primary',
            vds: 'primary-vds0',
            device: '/dev/zvol/dsk/{dataset}/{volume}',
          },
        ],
      },
      gold: lunPool(MACHINES),
    },
  })
}

function solarisGuests() {
  return Array.from(
    { length: GUESTS_PER_MACHINE },
    (_, index) => [`ldg${1 + index}`, { platform: 'solaris' }] as const,
  )
}
