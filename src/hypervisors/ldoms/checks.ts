// The checks of `doctor` for a machine. Are its domains listed, and can disks be changed? Do its
// services exist? Would a power cycle restore the running configuration? Reads only.

import { attempt, type Check, fail, ok, warn } from '../../checks.ts'
import { describeError, isStorageError } from '../../errors.ts'
import type { Host } from '../../shell/host.ts'
import { type MachineQuestions, warnWithoutRule } from '../hypervisor.ts'
import { Ldm } from './ldm.ts'
import type { Domain } from './listing.ts'
import { findObstacle } from './saved-configurations.ts'

export interface ExaminedMachine {
  readonly machine: string
  readonly host: Host
  /** Prefix of the configurations that the driver saves; undefined where it saves none. */
  readonly savedPrefix: string | undefined
}

const SVCPROP = '/usr/bin/svcprop'

export async function examineMachine(
  { machine, host, savedPrefix }: ExaminedMachine,
  questions: MachineQuestions,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const object = `machine ${machine}`
  const ldm = new Ldm(host.shell)
  const permission =
    `allow the account on ${host.name} to run ldm (profile "LDoms Management", or a ` + 'prefix)'
  const listed = await attempt(object, permission, async () => {
    const [version, domains] = await Promise.all([
      ldm.version({ signal }),
      ldm.listBindings({ signal }),
    ])
    return [
      ok(object, `ldm ${version} lists ${domains.length} domains`),
      ...examineServices(machine, questions, domains),
      ...examineGuests(machine, questions, domains),
      ...examineReconfiguration(object, domains),
    ]
  })
  const saving =
    savedPrefix === undefined
      ? [
          warn(
            object,
            'changes are not saved to the service processor',
            'a power cycle loses every attachment until it is applied again; set ' +
              'saveConfiguration: true',
          ),
        ]
      : await attempt(object, permission, () => examineSaved(object, { savedPrefix, ldm }, signal))
  return [...listed, ...saving, ...(await examineRecoveryPolicy(object, host, signal))]
}

function examineReconfiguration(object: string, domains: readonly Domain[]): readonly Check[] {
  return domains
    .filter(domain => domain.flags.delayedReconfiguration)
    .map(domain =>
      fail(
        object,
        `domain ${domain.name} is in delayed reconfiguration: no disk can be changed`,
        'reboot it, or ldm cancel-reconf',
      ),
    )
}

// While there is an obstacle, the driver neither saves nor removes a configuration. A power cycle
// then loads an older one.
async function examineSaved(
  object: string,
  { savedPrefix: prefix, ldm }: { readonly savedPrefix: string; readonly ldm: Ldm },
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const [saved, domains] = await Promise.all([
    ldm.listConfigurations({ signal }),
    ldm.listBindings({ signal }),
  ])
  const obstacle = findObstacle(saved, { prefix, domains: domains.length, savedHere: undefined })
  if (obstacle === undefined) return [ok(object, `${saved.length} configurations saved`)]
  return [
    fail(
      object,
      `its changes are not saved to the service processor: ${obstacle}`,
      'see ldm list-spconfig; until then the driver changes no saved configuration',
    ),
  ]
}

function examineServices(
  machine: string,
  { services }: MachineQuestions,
  domains: readonly Domain[],
): readonly Check[] {
  const wanted = new Map(
    services.map(each => [`${each.service}@${each.serviceDomain}`, each] as const),
  )
  return [...wanted].map(([name, { serviceDomain, service }]) => {
    const object = `vds ${name} of ${machine}`
    const domain = domains.find(candidate => candidate.name === serviceDomain)
    if (domain === undefined) {
      return fail(
        object,
        `there is no domain ${serviceDomain}`,
        'correct serviceDomains in the configuration',
      )
    }
    if (!domain.vdses.some(candidate => candidate.name === service)) {
      return fail(object, 'there is no such vds', `ldm add-vds ${service} ${serviceDomain}`)
    }
    if (domain.state !== 'active') {
      return fail(object, `its domain is ${domain.state}`, `start ${serviceDomain}`)
    }
    return ok(object, 'there')
  })
}

// The client does the failover of an mpgroup, and the mainline Linux client probes one path only
// (sunvdc, source).
function examineGuests(
  machine: string,
  { serviceDomains, platformOf, multipathPools }: MachineQuestions,
  domains: readonly Domain[],
): readonly Check[] {
  return domains
    .filter(domain => !serviceDomains.has(domain.name) && !domain.flags.control)
    .flatMap(domain => {
      const object = `guest ${machine}/${domain.name}`
      const platform = platformOf(domain.name)
      if (platform === undefined) {
        return [warnWithoutRule(object)]
      }
      if (platform !== 'linux' || multipathPools.length === 0) return []
      return [
        warn(
          object,
          'Linux waits for its first path: a disk of pool ' +
            `${multipathPools.join(' or ')} does not fail over`,
          'use a pool with one path, or plan for a stall while a service domain is down',
        ),
      ]
    })
}

const POLICIES = new Map([
  ['1', 'only logs'],
  ['2', 'only notifies'],
  ['3', 'takes the newer autosave at the next power cycle'],
])

async function examineRecoveryPolicy(
  object: string,
  host: Host,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const unknown = (why: string) =>
    warn(
      object,
      `autorecovery policy could not be read: ${why}`,
      'check it by hand; 3 is recommended',
    )
  try {
    const { exitStatus, stdout, stderr } = await host.shell.run(
      [SVCPROP, '-p', 'ldmd/autorecovery_policy', 'ldmd'],
      { effect: 'read', signal },
    )
    if (exitStatus !== 0) return [unknown(stderr.trim().split('\n')[0] ?? '')]
    const policy = stdout.trim()
    const meaning = `autorecovery policy ${policy} ${POLICIES.get(policy) ?? 'is not known'}`
    if (policy === '3') return [ok(object, meaning)]
    return [
      warn(
        object,
        `${meaning}: a stale saved configuration brings old disks back`,
        'svccfg -s ldmd setprop ldmd/autorecovery_policy=integer: 3; svcadm refresh ldmd; svcadm ' +
          'restart ldmd',
      ),
    ]
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [unknown(describeError(error))]
  }
}
