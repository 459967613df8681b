// The installation of the demonstration: one storage host and two equal machines. Each machine has
// two service domains and three guests. A smaller one has Xen.

import { completeWorld, type WorldSpec } from './world-spec.ts'

const GiB = 1024 ** 3
const TARGET = 'iqn.2026-11.io.ldom-csi:gold'
const TARGET_GROUP = 'csi-tg'
const MACHINES = ['m1', 'm2']
const SERVICE_DOMAINS = ['primary', 'alternate']

const initiatorName = (host: string) => `iqn.1986-03.com.sun:01:${host}`

export function demoWorld(): WorldSpec {
  return completeWorld({
    hosts: {
      storage1: {
        pools: [
          { name: 'tank', sizeBytes: 64 * GiB, dialect: 'illumos', datasets: ['tank/kubernetes'] },
        ],
        comstar: {
          target: TARGET,
          targetGroup: TARGET_GROUP,
          hostGroups: Object.fromEntries(
            MACHINES.map(machine => [
              `csi-${machine}`,
              SERVICE_DOMAINS.map(domain => initiatorName(`${machine}-${domain}`)),
            ]),
          ),
        },
      },
      ...Object.fromEntries(
        MACHINES.flatMap(machine =>
          SERVICE_DOMAINS.map(domain => [`${machine}-${domain}`, serviceHost(machine, domain)]),
        ),
      ),
    },
    machines: Object.fromEntries(MACHINES.map(machine => [machine, machineOf(machine)])),
    pools: Object.fromEntries([
      ...MACHINES.map((machine, index) => [
        index === 0 ? 'silver' : `silver-${machine}`,
        localPool(machine),
      ]),
      ['gold', lunPool()],
    ]),
  })
}

/** One Xen machine whose dom0 has the pool, with two guests that run and one that is off. */
export function xenWorld(): WorldSpec {
  return completeWorld({
    hosts: {
      dom0: {
        pools: [
          { name: 'tank', sizeBytes: 16 * GiB, dialect: 'openzfs-2.3', datasets: ['tank/csi'] },
        ],
      },
    },
    machines: {},
    xenMachines: {
      x1: { controlDomain: 'dom0', guests: { web: {}, db: {}, off: { state: 'inactive' } } },
    },
    pools: {
      silver: {
        design: 'local',
        host: 'dom0',
        dataset: 'tank/csi',
        paths: [{ machine: 'x1', device: '/dev/zvol/{dataset}/{volume}' }],
      },
    },
  })
}

function serviceHost(machine: string, domain: string) {
  return {
    // The pool of the design `local`: on the machine's own disks, imported in the first service
    // domain.
    pools:
      domain === 'primary'
        ? [
            {
              name: 'mtank',
              sizeBytes: 16 * GiB,
              dialect: 'solaris-11' as const,
              datasets: ['mtank/kubernetes'],
            },
          ]
        : [],
    initiator: { iqn: initiatorName(`${machine}-${domain}`), targets: ['storage1'] },
  }
}

function machineOf(machine: string) {
  return {
    controlDomain: `${machine}-primary`,
    serviceDomains: Object.fromEntries(
      SERVICE_DOMAINS.map(domain => [
        domain,
        { host: `${machine}-${domain}`, vds: [`${domain}-vds0`] },
      ]),
    ),
    guests: {
      ldg1: { platform: 'solaris' as const },
      ldg2: { platform: 'linux' as const },
      ldg3: { platform: 'solaris' as const, state: 'inactive' as const },
    },
  }
}

function localPool(machine: string) {
  const path = {
    machine,
    serviceDomain: 'primary',
    vds: 'primary-vds0',
    device: '/dev/zvol/dsk/{dataset}/{volume}',
  }
  return { design: 'local', host: `${machine}-primary`, dataset: 'mtank/kubernetes', paths: [path] }
}

function lunPool() {
  return {
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
  }
}
