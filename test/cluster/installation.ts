// The driver in the test cluster: the chart, installed by Helm and adapted only by values.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { buildTool } from '../../scripts/csi-tools.ts'
import { run } from '../support/commands.ts'
import type { Cluster } from './cluster.ts'
import { KERNEL_ROOT } from './node-machine.ts'
import { ADMIN, NAMESPACE, NODES, SIMULATION, STATE } from './settings.ts'
import type { SshAccess } from './simulation.ts'

const CHART = join(import.meta.dirname, '../../charts/ldom-csi')
const EXAMPLE_VALUES = join(import.meta.dirname, '../../examples/kubernetes/values-classes.yaml')
const RELEASE = 'ldom-csi'
const VALUES = join(STATE, 'values.json')
/** Values that chart 0.1.0 does not know. */
const GUEST_VALUES = join(STATE, 'guest-values.json')

export const CONTROLLER = `${RELEASE}-controller`
export const NODE_PLUGIN = `${RELEASE}-node`

export async function installDriver(cluster: Cluster): Promise<void> {
  const { kubectl, simulation } = cluster
  await kubectl.run(['create', 'namespace', NAMESPACE])
  await kubectl.in(NAMESPACE).apply(...Object.values(simulation.world.hosts).map(secretOf))
  writeFileSync(VALUES, JSON.stringify(values(), undefined, 2))
  writeFileSync(GUEST_VALUES, JSON.stringify(guestValues(simulation.world.hosts), undefined, 2))
  await installChart(cluster)
}

export interface InstallOptions {
  /** A folder or a package; the chart of this work tree if it is not given. */
  readonly chart?: string
  /** Further values, as in `--set`. */
  readonly set?: readonly string[]
}

/** Installs, or changes what is installed; returns when every pod is ready. */
export async function installChart(cluster: Cluster, options: InstallOptions = {}): Promise<void> {
  await upgradeChart(options)
  const kubectl = cluster.kubectl.in(NAMESPACE)
  for (const what of [`deployment/${CONTROLLER}`, `daemonset/${NODE_PLUGIN}`]) {
    await kubectl.run(['rollout', 'status', what, '--timeout=240s']).catch(async error => {
      const seen = await kubectl.run(['describe', 'pods'])
      throw new Error(`${String(error)}\n${seen.slice(-8000)}`)
    })
  }
}

/** The same without waiting for a pod: for what never becomes ready. */
export async function upgradeChart({ chart = CHART, set = [] }: InstallOptions): Promise<void> {
  const all = [EXAMPLE_VALUES, VALUES, ...(chart === CHART ? [GUEST_VALUES] : [])]
  const files = all.map(file => `--values=${file}`)
  const further = set.map(value => `--set=${value}`)
  await helm(['upgrade', '--install', RELEASE, chart, ...files, ...further])
}

export const uninstallChart = () => helm(['uninstall', RELEASE, '--wait'])

async function helm(args: readonly string[]): Promise<string> {
  const own = join(STATE, 'helm')
  const env = { HELM_CACHE_HOME: own, HELM_CONFIG_HOME: own, HELM_DATA_HOME: own }
  const access = ['--kubeconfig', ADMIN, '--namespace', NAMESPACE]
  return run([await buildTool('helm4'), ...access, ...args], { env, timeoutMs: 400_000 })
}

const secretName = (host: string) => `ssh-${host}`

function secretOf({ host, privateKeyFile, knownHostsFile }: SshAccess): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName(host) },
    stringData: {
      id_ed25519: readFileSync(privateKeyFile, 'utf8'),
      known_hosts: readFileSync(knownHostsFile, 'utf8'),
    },
  }
}

function keysOf(host: string) {
  const directory = `/etc/ldom-csi/ssh/${secretName(host)}`
  return {
    privateKeyFile: `${directory}/id_ed25519`,
    knownHostsFile: `${directory}/known_hosts`,
  }
}

/** Guests that are no nodes. `m1/ldg3` is given to a namespace that no test has. */
function guestValues(hosts: Readonly<Record<string, SshAccess>>): object {
  const reached = ['ldg1', 'ldg4'].flatMap(guest => ['m1', 'm2'].map(machine => [machine, guest]))
  const login = (machine: string, guest: string) => {
    const host = `${machine}-${guest}`
    const access = hosts[host]
    if (access === undefined) throw new Error(`the simulation has no host ${host}`)
    const { address, port, user } = access
    return { address, port, user, ...keysOf(host) }
  }
  const guests = [
    ...reached.map(([machine = '', guest = '']) => ({
      machine,
      guest,
      platform: guest === 'ldg1' ? 'solaris' : 'linux',
      namespaces: ['*'],
      ssh: login(machine, guest),
    })),
    { machine: 'm1', guest: 'ldg3', platform: 'solaris', namespaces: ['images'] },
    { machine: 'm2', guest: 'ldg3', platform: 'solaris', namespaces: ['*'] },
  ]
  return { guestDisks: { enabled: true, config: { guests } } }
}

interface Configuration {
  readonly hosts: Readonly<Record<string, { readonly ssh: object }>>
  readonly [key: string]: unknown
}

function values(): object {
  const file: Configuration = parse(readFileSync(join(SIMULATION, 'controller.yaml'), 'utf8'))
  const hosts = Object.entries(file.hosts).map(([name, { ssh }]) => {
    return [name, { ssh: { ...ssh, ...keysOf(name) } }]
  })
  return {
    config: { ...file, hosts: Object.fromEntries(hosts) },
    node: {
      guests: Object.fromEntries(NODES.map(({ name, guest }) => [name, guest])),
      root: KERNEL_ROOT,
    },
  }
}
