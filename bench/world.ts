// The installation that is measured: two machines and a storage host, large enough for any
// population of the bench, and what the two populations are. Data only.

import { completeWorld, type WorldSpec } from '../sim/world-spec.ts'

const TiB = 1024 ** 4
const TARGET = 'iqn.2026-11.io.ldom-csi:gold'
const TARGET_GROUP = 'csi-tg'
const MACHINES = ['m1', 'm2']
const SERVICE_DOMAINS = ['primary', 'alternate']
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
  const initiatorName = (machine: string, domain: string) =>
    `iqn.1986-03.com.sun:01:${machine}-${domain}`
  const hostGroups = MACHINES.map(machine => [
    `csi-${machine}`,
    SERVICE_DOMAINS.map(domain => initiatorName(machine, domain)),
  ])
  const storage1 = {
    pools: [
      {
        name: 'tank',
        sizeBytes: 8 * TiB,
        dialect: 'illumos' as const,
        datasets: ['tank/kubernetes'],
      },
    ],
    comstar: {
      target: TARGET,
      targetGroup: TARGET_GROUP,
      hostGroups: Object.fromEntries(hostGroups),
    },
  }
  const serviceHosts = MACHINES.flatMap(machine =>
    SERVICE_DOMAINS.map(domain => {
      const isOwner = machine === 'm1' && domain === 'primary'
      const pool = {
        name: 'mtank',
        sizeBytes: 8 * TiB,
        dialect: 'solaris-11' as const,
        datasets: ['mtank/kubernetes'],
      }
      const initiator = { iqn: initiatorName(machine, domain), targets: ['storage1'] }
      return [`${machine}-${domain}`, { pools: isOwner ? [pool] : [], initiator }]
    }),
  )
  return completeWorld({
    hosts: { storage1, ...Object.fromEntries(serviceHosts) },
    machines: Object.fromEntries(MACHINES.map(machine => [machine, machineOf(machine)])),
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
      gold: {
        design: 'lun',
        host: 'storage1',
        dataset: 'tank/kubernetes',
        export: { target: TARGET, targetGroup: TARGET_GROUP },
        paths: MACHINES.flatMap(machine =>
          SERVICE_DOMAINS.map(domain => ({
            machine,
            serviceDomain: domain,
            vds: `${domain}-vds0`,
            hostGroup: `csi-${machine}`,
          })),
        ),
      },
    },
  })
}

function machineOf(machine: string) {
  const guests = Array.from({ length: GUESTS_PER_MACHINE }, (_, index) => [
    `ldg${1 + index}`,
    { platform: 'solaris' as const },
  ])
  return {
    controlDomain: `${machine}-primary`,
    serviceDomains: Object.fromEntries(
      SERVICE_DOMAINS.map(domain => [
        domain,
        { host: `${machine}-${domain}`, vds: [`${domain}-vds0`] },
      ]),
    ),
    guests: Object.fromEntries(guests),
  }
}
