// Parses a configuration file, once, from YAML text into a readonly object. All problems are
// reported together, with file and key path. No file is opened and nothing is looked up: secrets
// stay in the files that the configuration names.

import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { StorageError } from '../errors.ts'
import { checkControllerConfig } from './checks.ts'
import type { DESIGNS } from './designs/designs.ts'
import type { HYPERVISORS, HypervisorKind } from './hypervisors/hypervisors.ts'
import { type ConfigProblem, schemaProblems } from './problems.ts'
import { controllerSchema, nodeSchema } from './schema.ts'
import { describeYamlError, readValue } from './yaml.ts'

export type GuestPlatform = 'solaris' | 'linux'

export interface SshConfig {
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
  readonly legacyAlgorithms: boolean
  readonly maxSessions?: number
}

/** The settings of each kind of shell. */
export interface ShellKinds {
  readonly local: Readonly<Record<never, never>>
  readonly ssh: { readonly ssh: SshConfig }
}

export type ShellConfigOf<K extends keyof ShellKinds> = {
  [P in K]: { readonly kind: P } & ShellKinds[P]
}[K]

export type ShellConfig = ShellConfigOf<keyof ShellKinds>

export interface HostConfig {
  readonly name: string
  readonly shell: ShellConfig
  readonly prefix: readonly string[]
}

interface AnyMachine {
  readonly name: string
  /** Host of each service domain, by the domain's name; empty where a hypervisor has none. */
  readonly serviceDomains: ReadonlyMap<string, string>
}

/** A machine of one hypervisor, with its keys from the file. */
export type MachineConfigOf<K extends HypervisorKind> = {
  [P in K]: AnyMachine & { readonly hypervisor: P } & Frozen<
      Omit<z.output<(typeof HYPERVISORS)[P]['schema']>, 'hypervisor' | 'serviceDomains'>
    >
}[K]

export type MachineConfig = MachineConfigOf<HypervisorKind>

export interface GuestRule {
  readonly machine: string
  readonly match: string
  readonly platform: GuestPlatform
  readonly attachLimit: number
}

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T

export type DesignKind = keyof typeof DESIGNS

/** A pool of one design: its keys from the file, and its name. */
export type PoolConfigOf<K extends DesignKind> = {
  [P in K]: { readonly name: string; readonly design: P } & Frozen<
    Omit<z.output<(typeof DESIGNS)[P]['schema']>, 'design'>
  >
}[K]

export type PoolConfig = PoolConfigOf<DesignKind>

/** Switches for the parts of CSI 1.13 that are alpha. */
export interface AlphaConfig {
  readonly health: boolean
  readonly snapshotTopology: boolean
}

export interface ControllerConfig extends AlphaConfig {
  readonly driverName: string
  readonly cluster: string
  readonly hosts: ReadonlyMap<string, HostConfig>
  readonly machines: ReadonlyMap<string, MachineConfig>
  readonly guests: readonly GuestRule[]
  readonly pools: ReadonlyMap<string, PoolConfig>
}

export interface NodeConfig extends AlphaConfig {
  readonly driverName: string
  readonly machine: string
  readonly guest: string
  readonly hypervisor: HypervisorKind
  readonly platform: GuestPlatform
  readonly shell: ShellConfig
  /** Prefix of /sys and /dev; '' for none. */
  readonly root: string
  readonly prefix: readonly string[]
  readonly attachLimit: number
}

export class ConfigError extends StorageError {
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      problem => `  ${problem.path === '' ? '(file)' : problem.path}: ${problem.message}`,
    )
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    super('invalid-argument', `${file}: ${count}\n${lines.join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

export function parseControllerConfig(text: string, file: string): ControllerConfig {
  const raw = parseYaml(text, file)
  const parsed = controllerSchema.safeParse(raw)
  // The cross checks read every well-formed part, so that one wrong key does not hide other
  // mistakes.
  const problems = withoutRepeated([...schemaProblems(parsed), ...checkControllerConfig(raw)])
  if (!parsed.success || problems.length > 0) throw new ConfigError(file, problems)
  const { driverName, cluster, health, snapshotTopology, hosts, machines, guests, pools } =
    parsed.data
  return {
    driverName,
    cluster,
    health,
    snapshotTopology,
    hosts: mapValues(hosts, (host, name) => ({
      name,
      shell: shellConfig(host),
      prefix: host.prefix,
    })),
    machines: mapValues(machines, (machine, name) => ({
      ...machine,
      name,
      serviceDomains: new Map(
        Object.entries('serviceDomains' in machine ? machine.serviceDomains : {}),
      ),
    })),
    guests,
    pools: mapValues(pools, (pool, name) => ({ ...pool, name })),
  }
}

/** A missing key may be reported by the schema and by a rule. */
function withoutRepeated(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const isFirst = ({ path, message }: ConfigProblem, index: number) =>
    problems.findIndex(other => other.path === path && other.message === message) === index
  return problems.filter(isFirst)
}

export function parseNodeConfig(text: string, file: string): NodeConfig {
  const parsed = nodeSchema.safeParse(parseYaml(text, file))
  if (!parsed.success) throw new ConfigError(file, schemaProblems(parsed))
  const { driverName, health, snapshotTopology, node } = parsed.data
  const { machine, guest, hypervisor, platform, prefix, attachLimit } = node
  return {
    driverName,
    health,
    snapshotTopology,
    machine,
    guest,
    hypervisor,
    platform,
    shell: shellConfig(node.shell),
    root: node.root ?? '',
    prefix,
    attachLimit,
  }
}

/** The first rule that matches this guest. */
export function findGuestRule(
  rules: readonly GuestRule[],
  machine: string,
  guest: string,
): GuestRule | undefined {
  return rules.find(rule => rule.machine === machine && matchesGlob(rule.match, guest))
}

/** `*` matches any characters, `?` one. */
export function matchesGlob(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${expression}$`, 's').test(text)
}

export function parseYaml(text: string, file: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' })
  const problems = document.errors.map(error => ({ path: '', message: describeYamlError(error) }))
  if (problems.length > 0) throw new ConfigError(file, problems)
  const read = readValue(document)
  if ('problem' in read) throw new ConfigError(file, [{ path: '', message: read.problem }])
  const { value } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(file, [{ path: '', message: 'is not a map of keys' }])
  }
  return value
}

export function shellConfig(value: {
  ssh?: z.infer<typeof controllerSchema>['hosts'][string]['ssh']
}): ShellConfig {
  if (value.ssh === undefined) return { kind: 'local' }
  const { maxSessions, ...ssh } = value.ssh
  return { kind: 'ssh', ssh: maxSessions === undefined ? ssh : { ...ssh, maxSessions } }
}

function mapValues<In, Out>(
  record: Record<string, In>,
  convert: (value: In, name: string) => Out,
): ReadonlyMap<string, Out> {
  return new Map(Object.entries(record).map(([name, value]) => [name, convert(value, name)]))
}
