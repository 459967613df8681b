// Checks an installation before or after it fails: every configured host, machine, service and
// path, each with one harmless read. Machines and pools know what to check of theirs. It repairs
// nothing. It continues after a failure, because one finding must not hide the next.

import { attempt, type Check, fail, ok, skip, warn } from '../checks.ts'
import { type ControllerConfig, findGuestRule } from '../config/config.ts'
import type { Hypervisor, MachineQuestions } from '../hypervisors/hypervisor.ts'
import type { Host } from '../shell/host.ts'
import { listProcesses } from '../shell/processes.ts'
import { examinePool } from '../storage/checks.ts'
import type { Pools } from '../storage/pool.ts'

export interface DoctorSubject {
  readonly config: ControllerConfig
  readonly hosts: ReadonlyMap<string, Host>
  readonly machines: ReadonlyMap<string, Hypervisor>
  readonly pools: Pools
}

/**
 * This writes: it proves each path of a pool with a canary unit of the driver's own, and creates
 * the unit if it is missing. User data is never touched.
 */
export async function provePaths(pools: Pools, signal?: AbortSignal): Promise<readonly Check[]> {
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
 * `tell` gets each check as soon as it is done. One silent host must not hold back the results of
 * the others.
 */
export async function examine(
  { config, hosts, machines, pools }: DoctorSubject,
  signal?: AbortSignal,
  tell: (checks: readonly Check[]) => void = () => {},
): Promise<readonly Check[]> {
  const told = async (work: Promise<readonly Check[]>): Promise<readonly Check[]> => {
    const checks = await work
    tell(checks)
    return checks
  }
  const reachable = (
    await Promise.all([...hosts.values()].map(host => told(examineHost(host, signal))))
  ).flat()
  const answering = new Set(
    reachable.flatMap(check => (check.level === 'ok' ? [check.object] : [])),
  )
  // A host that does not answer has its own line. Checks of its tools would only repeat it.
  const isUp = (name: string) => answering.has(`host ${name}`)
  const examineMachine = async (machine: Hypervisor): Promise<readonly Check[]> => {
    const name = machine.machine
    const controlDomain = config.machines.get(name)?.controlDomain ?? ''
    return isUp(controlDomain)
      ? machine.examine(questionsTo(name, config), signal)
      : [skip(`machine ${name}, its services and guests`, controlDomain)]
  }
  const ofMachines = await Promise.all(
    [...machines.values()].map(machine => told(examineMachine(machine))),
  )
  const ofPools = await Promise.all(
    [...pools.values()].map(pool => told(examinePool(pool, ({ name }) => isUp(name), signal))),
  )
  return [reachable, ...ofMachines, ...ofPools].flat()
}

function questionsTo(machine: string, config: ControllerConfig): MachineQuestions {
  const pools = [...config.pools.values()].map(({ name, paths }) => ({
    name,
    paths: [...paths].filter(path => path.machine === machine),
  }))
  return {
    services: pools.flatMap(({ paths }) =>
      paths.flatMap(({ serviceDomain, vds: service }) =>
        serviceDomain === undefined || service === undefined ? [] : { serviceDomain, service },
      ),
    ),
    serviceDomains: new Set(config.machines.get(machine)?.serviceDomains.keys()),
    platformOf: guest => findGuestRule(config.guests, machine, guest)?.platform,
    multipathPools: pools.filter(({ paths }) => paths.length > 1).map(({ name }) => name),
  }
}

async function examineHost(host: Host, signal?: AbortSignal): Promise<readonly Check[]> {
  const object = `host ${host.name}`
  // The driver runs this command on every host: before a change it asks whether an earlier one is
  // still running.
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

function examineNoise(object: string, host: Host): readonly Check[] {
  const { stdout, stderr } = host.noise() ?? { stdout: [], stderr: [] }
  const [answer, complaint] = [stdout[0], stderr[0]]
  return [
    ...(answer === undefined
      ? []
      : [
          fail(
            object,
            `prints ${JSON.stringify(answer)} before every answer, which makes it unreadable`,
            SILENCE,
          ),
        ]),
    ...(complaint === undefined
      ? []
      : [
          warn(
            object,
            `prints ${JSON.stringify(complaint)} on standard error before every command; the ` +
              'driver removes it',
            SILENCE,
          ),
        ]),
  ]
}

export function formatChecks(checks: readonly Check[]): string {
  return checks
    .map(
      ({ level, object, what, wayOut }) =>
        `${level.padEnd(4)}  ${object}: ` +
        `${what}${wayOut === undefined || wayOut === '' ? '' : `\n      -> ${wayOut}`}\n`,
    )
    .join('')
}
