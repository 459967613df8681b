// What the installations of the benchmarks have in common: one storage host, and machines whose
// service domains reach a pool of design lun on it. Data only.

const TiB = 1024 ** 4
const TARGET = 'iqn.2026-11.io.ldom-csi:gold'
const TARGET_GROUP = 'csi-tg'
export const SERVICE_DOMAINS = ['primary', 'alternate']
export const POOL_BYTES = 8 * TiB

const initiatorName = (machine: string, domain: string) =>
  `iqn.1986-03.com.sun:01:${machine}-${domain}`

/** The host `storage1`, whose units every service domain of the machines may reach. */
export function storageHost(machines: readonly string[]) {
  const hostGroups = machines.map(machine => [
    `csi-${machine}`,
    SERVICE_DOMAINS.map(domain => initiatorName(machine, domain)),
  ])
  return {
    pools: [
      {
        name: 'tank',
        sizeBytes: POOL_BYTES,
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
}

export function initiatorOf(machine: string, domain: string) {
  return { iqn: initiatorName(machine, domain), targets: ['storage1'] }
}

export function lunPool(machines: readonly string[]) {
  return {
    design: 'lun',
    host: 'storage1',
    dataset: 'tank/kubernetes',
    export: { target: TARGET, targetGroup: TARGET_GROUP },
    paths: machines.flatMap(machine =>
      SERVICE_DOMAINS.map(domain => ({
        machine,
        serviceDomain: domain,
        vds: `${domain}-vds0`,
        hostGroup: `csi-${machine}`,
      })),
    ),
  }
}

/** `guests`: each name with its platform. */
export function machineWith(
  machine: string,
  guests: readonly (readonly [string, { readonly platform: 'solaris' | 'linux' }])[],
) {
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
