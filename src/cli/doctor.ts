// Looks at an installation before (or after) it fails: every host, tool, service and path that the
// configuration names, each with one harmless read. It repairs nothing, and it keeps going: one
// finding must not hide the next.

import { Stmfadm } from '../comstar/stmfadm.ts'
import type { ControllerConfig, LunPoolConfig, PoolConfig } from '../config/config.ts'
import { findGuestRule } from '../config/config.ts'
import { describeError, isStorageError } from '../errors.ts'
import { Ldm } from '../hypervisors/ldoms/ldm.ts'
import type { Domain } from '../hypervisors/ldoms/listing.ts'
import { findObstacle, savedPrefix } from '../hypervisors/ldoms/saved-configurations.ts'
import { Iscsiadm } from '../iscsi/iscsiadm.ts'
import type { Host } from '../shell/host.ts'
import { listProcesses } from '../shell/processes.ts'
import { FULLNESS_PROPERTIES, fullnessOf } from '../storage/fullness.ts'
import { zpoolOf } from '../storage/places.ts'
import type { Pools } from '../storage/pool.ts'
import { readDialect } from '../zfs/dialect.ts'
import { Zfs } from '../zfs/zfs.ts'

export interface Check {
  readonly level: 'ok' | 'warn' | 'FAIL'
  readonly object: string
  readonly what: string
  readonly wayOut?: string
}

export interface DoctorSubject {
  readonly config: ControllerConfig
  readonly hosts: ReadonlyMap<string, Host>
}

type Checks = readonly Check[]

const SVCPROP = '/usr/bin/svcprop'

/**
 * Writes: each path of a pool to a canary unit of the driver's own, which is made where it is
 * missing. User data is never touched.
 */
export async function provePaths(pools: Pools, signal?: AbortSignal): Promise<Checks> {
  const proofs = await Promise.all(
    [...pools.values()].map(pool => {
      const wayOut =
        "check the storage host, the pool's target and the service domains, then run doctor " +
        '--prepare again'
      return attempt(`canary of pool ${pool.name}`, wayOut, async () =>
        (await pool.design.provePaths(pool, signal)).map(({ path, proved, detail }) => {
          const object = `canary of pool ${pool.name}, ${path}`
          return proved ? ok(object, detail) : fail(object, detail, wayOut)
        }),
      )
    }),
  )
  return proofs.flat()
}

/**
 * `tell` hears of every check as soon as it is known: one host that is silent for long must not
 * keep the others' words.
 */
export async function examine(
  subject: DoctorSubject,
  signal?: AbortSignal,
  tell: (checks: Checks) => void = () => {},
): Promise<Checks> {
  const { config, hosts } = subject
  const told = async <T extends Check | Checks>(work: Promise<T>): Promise<T> => {
    const checks = await work
    tell([checks].flat() as Checks)
    return checks
  }
  const reachable = (
    await Promise.all([...hosts.values()].map(host => told(examineHost(host, signal))))
  ).flat()
  const answering = new Set(
    reachable.flatMap(check => (check.level === 'ok' ? [check.object] : [])),
  )
  // A host that does not answer has its one line; its tools would only repeat it.
  const isUp = (name: string) => answering.has(`host ${name}`)
  const machines = await Promise.all(
    [...config.machines.keys()].map(name => told(examineMachine(name, subject, isUp, signal))),
  )
  const pools = await Promise.all(
    [...config.pools.values()].map(pool => told(examinePool(pool, subject, isUp, signal))),
  )
  return [...reachable, ...machines.flat(), ...pools.flat()]
}

async function examineHost(host: Host, signal?: AbortSignal): Promise<Checks> {
  const object = `host ${host.name}`
  // The one command that the driver runs on every host: before a change it asks whether an earlier
  // one is still at work.
  return attempt(
    object,
    'check the address, the key files, the prefix, and that the account may run ps',
    async () => {
      const processes = await listProcesses(host.shell, host.name, signal)
      return [ok(object, `answers, ${processes.length} processes`), ...examineNoise(object, host)]
    },
  )
}

const SILENCE =
  "silence it in the start-up files of the account, in the server's banner or in sudo's name " +
  'service'

function examineNoise(object: string, host: Host): Checks {
  const { stdout, stderr } = host.noise() ?? { stdout: [], stderr: [] }
  const [answer, complaint] = [stdout[0], stderr[0]]
  return [
    ...(answer === undefined
      ? []
      : [
          fail(
            object,
            `prints ${JSON.stringify(answer)} before every answer, which cannot be read then`,
            SILENCE,
          ),
        ]),
    ...(complaint === undefined
      ? []
      : [
          warn(
            object,
            `prints ${JSON.stringify(complaint)} on standard error before every command; the ` +
              `driver cuts it`,
            SILENCE,
          ),
        ]),
  ]
}

async function examineMachine(
  name: string,
  { config, hosts }: DoctorSubject,
  isUp: (host: string) => boolean,
  signal?: AbortSignal,
): Promise<Checks> {
  const machine = config.machines.get(name)
  const host = machine && hosts.get(machine.controlDomain)
  if (machine === undefined || host === undefined || !isUp(host.name)) return []
  const object = `machine ${name}`
  const ldm = new Ldm(host.shell)
  const permission =
    `allow the account on ${host.name} to run ldm (profile "LDoms Management", ` + `or a prefix)`
  const listed = await attempt(object, permission, async () => {
    const [version, domains] = await Promise.all([
      ldm.version({ signal }),
      ldm.listBindings({ signal }),
    ])
    return [
      ok(object, `ldm ${version} lists ${domains.length} domains`),
      ...examineServices(name, config, domains),
      ...examineGuests(name, config, domains),
      ...domains
        .filter(domain => domain.flags.delayedReconfiguration)
        .map(domain =>
          fail(
            object,
            `domain ${domain.name} is in delayed reconfiguration: no disk can be changed`,
            'reboot it, or ldm cancel-reconf',
          ),
        ),
    ]
  })
  const saving = machine.saveConfiguration
    ? await attempt(object, permission, async () => [
        ...(await examineSaved(object, config.cluster, ldm, signal)),
      ])
    : [
        warn(
          object,
          'changes are not saved to the service processor',
          'a power cycle loses every attachment until it is applied again; set ' +
            'saveConfiguration: true',
        ),
      ]
  return [...listed, ...saving, ...(await examineRecoveryPolicy(name, host, signal))]
}

// Nothing is saved and nothing removed while one of these stands, so a power cycle brings back what
// was saved before.
async function examineSaved(
  object: string,
  cluster: string,
  ldm: Ldm,
  signal?: AbortSignal,
): Promise<Checks> {
  const [saved, domains] = await Promise.all([
    ldm.listConfigurations({ signal }),
    ldm.listBindings({ signal }),
  ])
  const prefix = savedPrefix(cluster)
  const obstacle = findObstacle(saved, { prefix, domains: domains.length, savedHere: undefined })
  if (obstacle === undefined) return [ok(object, `${saved.length} configurations saved`)]
  return [
    fail(
      object,
      `its changes are not saved to the service processor: ${obstacle}`,
      'see ldm list-spconfig; what is saved is left alone',
    ),
  ]
}

function examineServices(
  machine: string,
  config: ControllerConfig,
  domains: readonly Domain[],
): Checks {
  const wanted = new Map<string, { serviceDomain: string; vds: string }>()
  for (const path of [...config.pools.values()].flatMap(pool => [...pool.paths])) {
    if (path.machine === machine) wanted.set(`${path.vds}@${path.serviceDomain}`, path)
  }
  return [...wanted].map(([name, { serviceDomain, vds }]) => {
    const object = `vds ${name} of ${machine}`
    const domain = domains.find(candidate => candidate.name === serviceDomain)
    if (domain === undefined) {
      return fail(
        object,
        `there is no domain ${serviceDomain}`,
        'correct serviceDomains in the configuration',
      )
    }
    if (!domain.vdses.some(candidate => candidate.name === vds)) {
      return fail(object, 'there is no such vds', `ldm add-vds ${vds} ${serviceDomain}`)
    }
    if (domain.state !== 'active') {
      return fail(object, `its domain is ${domain.state}`, `start ${serviceDomain}`)
    }
    return ok(object, 'there')
  })
}

// mpgroup fails over in the client, and the mainline Linux client probes one path only (sunvdc,
// source).
function examineGuests(
  machine: string,
  config: ControllerConfig,
  domains: readonly Domain[],
): Checks {
  const services = new Set(config.machines.get(machine)?.serviceDomains.keys())
  const multipath = [...config.pools.values()]
    .filter(pool => pool.paths.filter(path => path.machine === machine).length > 1)
    .map(pool => pool.name)
  return domains
    .filter(domain => !services.has(domain.name) && !domain.flags.control)
    .flatMap(domain => {
      const object = `guest ${machine}/${domain.name}`
      const rule = findGuestRule(config.guests, machine, domain.name)
      if (rule === undefined) {
        return [warn(object, 'no entry under guests matches it', 'it gets no disk until one does')]
      }
      if (rule.platform === 'linux' && multipath.length > 0) {
        return [
          warn(
            object,
            `Linux waits for its first path: a disk of pool ${multipath.join(' or ')} does not ` +
              `fail over`,
            'use a pool with one path, or plan for a stall while a service domain is down',
          ),
        ]
      }
      return []
    })
}

const POLICIES = new Map([
  ['1', 'only logs'],
  ['2', 'only notifies'],
  ['3', 'takes the newer autosave at the next power cycle'],
])

async function examineRecoveryPolicy(
  machine: string,
  host: Host,
  signal?: AbortSignal,
): Promise<Checks> {
  const object = `machine ${machine}`
  const wayOut =
    'svccfg -s ldmd setprop ldmd/autorecovery_policy=integer: 3; svcadm refresh ldmd; svcadm ' +
    'restart ldmd'
  try {
    const { exitStatus, stdout, stderr } = await host.shell.run(
      [SVCPROP, '-p', 'ldmd/autorecovery_policy', 'ldmd'],
      {
        effect: 'read',
        signal,
      },
    )
    const policy = stdout.trim()
    if (exitStatus !== 0) {
      return [
        warn(
          object,
          `autorecovery policy could not be read: ${firstLine(stderr)}`,
          'check it by hand; 3 is recommended',
        ),
      ]
    }
    const meaning = `autorecovery policy ${policy} ${POLICIES.get(policy) ?? 'is not known'}`
    return [
      policy === '3'
        ? ok(object, meaning)
        : warn(object, `${meaning}: a stale saved configuration brings old disks back`, wayOut),
    ]
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [
      warn(
        object,
        `autorecovery policy could not be read: ${describeError(error)}`,
        'check it by hand; 3 is recommended',
      ),
    ]
  }
}

async function examinePool(
  pool: PoolConfig,
  subject: DoctorSubject,
  isUp: (host: string) => boolean,
  signal?: AbortSignal,
): Promise<Checks> {
  const host = subject.hosts.get(pool.host)
  const paths = pool.design === 'lun' ? await examineInitiators(pool, subject, isUp, signal) : []
  if (host === undefined || !isUp(pool.host)) return paths
  return [
    ...(await examineDataset(pool, host, signal)),
    ...(pool.design === 'lun' ? await examineTarget(pool, host, signal) : []),
    ...paths,
  ]
}

async function examineDataset(pool: PoolConfig, host: Host, signal?: AbortSignal): Promise<Checks> {
  const object = `pool ${pool.name}`
  return attempt(
    object,
    `allow the account on ${host.name} to run zfs (zfs allow, or a prefix)`,
    async () => {
      const zfs = new Zfs(host.shell)
      const [dialect, found, health] = await Promise.all([
        readDialect(host.shell, signal),
        zfs.getProperties(['type', ...FULLNESS_PROPERTIES], [pool.dataset], signal),
        zfs.poolHealth(zpoolOf(pool), signal),
      ])
      const properties = found.get(pool.dataset)
      if (properties === undefined) {
        return [
          fail(
            object,
            `dataset ${pool.dataset} does not exist on ${host.name}`,
            `zfs create ${pool.dataset}`,
          ),
        ]
      }
      const { percent, availableBytes, isNearlyFull } = fullnessOf(properties, pool.dataset)
      const checks = [
        ok(
          object,
          `zfs (${dialect.name}) has dataset ${pool.dataset}, ${availableBytes} bytes available`,
        ),
      ]
      if (isNearlyFull) {
        checks.push(
          warn(
            object,
            `${percent} % of ${pool.dataset} are used or reserved, ${availableBytes} bytes are ` +
              `left: when none is, writes to thin volumes fail`,
            `zfs list -o space -r ${pool.dataset} shows by what; free space or add disks`,
          ),
        )
      }
      if (properties.get('type')?.value !== 'filesystem') {
        checks.push(
          fail(object, `${pool.dataset} is no file system`, 'volumes cannot be made below it'),
        )
      }
      if (health !== 'ONLINE') {
        checks.push(warn(object, `the ZFS pool is ${health}`, 'see zpool status'))
      }
      if (pool.design === 'lun' && dialect.name === 'solaris-10') {
        checks.push(
          fail(
            object,
            'Solaris 10 has no COMSTAR',
            'use a storage host with Solaris 11 or illumos',
          ),
        )
      }
      return checks
    },
  )
}

async function examineTarget(
  pool: LunPoolConfig,
  host: Host,
  signal?: AbortSignal,
): Promise<Checks> {
  const object = `COMSTAR on ${host.name}`
  return attempt(object, `allow the account on ${host.name} to run stmfadm`, async () => {
    const stmfadm = new Stmfadm(host.shell)
    const [state, units] = await Promise.all([
      stmfadm.state(signal),
      stmfadm.listLogicalUnits(undefined, signal),
    ])
    if (state.operational !== 'online' || state.configuration !== 'initialized') {
      return [
        fail(
          object,
          `is ${state.operational} and ${state.configuration}`,
          'svcs stmf: svcadm enable stmf where it is disabled, svcadm clear stmf where it is in ' +
            'maintenance',
        ),
      ]
    }
    return [
      ok(
        object,
        `is online with ${units.length} logical units; pool ${pool.name} uses target ` +
          `${pool.export.target}`,
      ),
    ]
  })
}

async function examineInitiators(
  pool: LunPoolConfig,
  { config, hosts }: DoctorSubject,
  isUp: (host: string) => boolean,
  signal?: AbortSignal,
): Promise<Checks> {
  const checks = await Promise.all(
    pool.paths.map(async path => {
      const host = hosts.get(
        config.machines.get(path.machine)?.serviceDomains.get(path.serviceDomain) ?? '',
      )
      if (host === undefined || !isUp(host.name)) return []
      const object = `path ${pool.name} through ${path.serviceDomain} of ${path.machine}`
      return attempt(object, `allow the account on ${host.name} to run iscsiadm`, () =>
        examineInitiator(object, pool, host, signal),
      )
    }),
  )
  return checks.flat()
}

async function examineInitiator(
  object: string,
  pool: LunPoolConfig,
  host: Host,
  signal?: AbortSignal,
): Promise<Checks> {
  const iscsiadm = new Iscsiadm(host.shell)
  const [name, target] = await Promise.all([
    iscsiadm.initiatorName(signal),
    iscsiadm.listTarget(pool.export.target, signal),
  ])
  if (target === undefined || target.connections === 0) {
    const wayOut =
      'iscsiadm add discovery-address ADDRESS; iscsiadm modify discovery ' +
      `--sendtargets enable; check that ${name} is in the host group`
    return [fail(object, `initiator ${name} is not logged in to ${pool.export.target}`, wayOut)]
  }
  const seen = target.luns.flatMap(({ device }) => device ?? [])
  const odd = seen.find(device => !/\/c\d+t[0-9A-F]{32}d0(s\d)?$/i.test(device))
  if (odd !== undefined) {
    return [
      fail(
        object,
        `${odd} is not named by a GUID: multipathing is off`,
        'enable MPxIO (stmsboot -e, or mpxio-disable="no" in iscsi.conf) and reboot the domain',
      ),
    ]
  }
  const named =
    seen.length > 0
      ? `${seen.length} disks named by GUID`
      : 'no disk seen yet, so multipathing is not proved'
  return [ok(object, `initiator ${name}, ${target.connections} connections, ${named}`)]
}

/** What a group of checks says, or one FAIL with what went wrong while looking. */
async function attempt(
  object: string,
  wayOut: string,
  look: () => Promise<Checks>,
): Promise<Checks> {
  try {
    return await look()
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [fail(object, describeError(error), wayOut)]
  }
}

export function formatChecks(checks: Checks): string {
  return checks
    .map(
      ({ level, object, what, wayOut }) =>
        `${level.padEnd(4)}  ${object}: ` +
        `${what}${wayOut === undefined || wayOut === '' ? '' : `\n      -> ${wayOut}`}\n`,
    )
    .join('')
}

const ok = (object: string, what: string): Check => ({ level: 'ok', object, what })
const warn = (object: string, what: string, wayOut: string): Check => ({
  level: 'warn',
  object,
  what,
  wayOut,
})
const fail = (object: string, what: string, wayOut: string): Check => ({
  level: 'FAIL',
  object,
  what,
  wayOut,
})
const firstLine = (text: string) => text.trim().split('\n')[0] ?? ''
