// Rules between the keys of the controller's file: names must resolve, and paths must be able to
// work. It reads raw values and skips malformed ones, which the schema reports.

import type { z } from 'zod'
import { DESIGNS, poolSchema } from './designs/designs.ts'
import type { MachinePlace } from './hypervisors/hypervisor.ts'
import {
  DEFAULT_HYPERVISOR,
  HYPERVISORS,
  type HypervisorKind,
  isHypervisorKind,
} from './hypervisors/hypervisors.ts'
import { type ConfigProblem, unresolved } from './problems.ts'

interface Sections {
  readonly hosts: ReadonlySet<string>
  /** Only machines of a known hypervisor have a place. */
  readonly machines: ReadonlyMap<string, Machine | undefined>
  /** Only the well-formed pools. */
  readonly pools: ReadonlyMap<string, z.output<typeof poolSchema>>
}

interface Machine {
  readonly kind: HypervisorKind
  readonly place: MachinePlace
}

export function checkControllerConfig(raw: unknown): ConfigProblem[] {
  const sections: Sections = {
    hosts: new Set(entries(field(raw, 'hosts')).map(([name]) => name)),
    machines: new Map(
      entries(field(raw, 'machines')).map(([name, machine]) => [name, placeOf(machine)]),
    ),
    pools: new Map(
      entries(field(raw, 'pools')).flatMap(([name, value]) => {
        const parsed = poolSchema.safeParse(value)
        return parsed.success ? [[name, parsed.data] as const] : []
      }),
    ),
  }
  const places = new Map(
    [...sections.machines].flatMap(([name, machine]) =>
      machine === undefined ? [] : [[name, machine.place] as const],
    ),
  )
  return [
    ...entries(field(raw, 'machines')).flatMap(([name, machine]) =>
      checkMachine(sections, `machines.${name}`, machine),
    ),
    ...list(field(raw, 'guests')).flatMap((guest, index) =>
      checkGuest(sections, `guests[${index}]`, guest),
    ),
    ...entries(field(raw, 'pools')).flatMap(([name, pool]) =>
      checkPoolNames(sections, `pools.${name}`, pool),
    ),
    ...[...sections.pools].flatMap(([name, pool]) =>
      DESIGNS[pool.design].check(pool, { at: `pools.${name}`, machines: places }),
    ),
    ...checkDatasets(sections),
    ...checkControlDomains(entries(field(raw, 'machines'))),
  ]
}

function placeOf(machine: unknown): Machine | undefined {
  const kind = field(machine, 'hypervisor') ?? DEFAULT_HYPERVISOR
  if (!isHypervisorKind(kind)) return undefined
  const serviceDomains = new Map(entries(field(machine, 'serviceDomains')))
  return {
    kind,
    place: HYPERVISORS[kind].place(Object.fromEntries(entries(machine)), serviceDomains),
  }
}

function checkGuest({ machines }: Sections, at: string, guest: unknown): ConfigProblem[] {
  const machine = field(guest, 'machine')
  const platform = field(guest, 'platform')
  const known = typeof machine === 'string' ? machines.get(machine) : undefined
  if (known !== undefined && (platform === 'solaris' || platform === 'linux')) {
    const { platforms } = HYPERVISORS[known.kind]
    if (platforms.includes(platform)) return []
    const message = `guests of ${machine} run ${platforms.join(' or ')}, as its hypervisor does`
    return [{ path: `${at}.platform`, message }]
  }
  return unresolved(machines, `${at}.machine`, { what: 'machine', name: machine })
}

function checkMachine({ hosts }: Sections, at: string, machine: unknown): ConfigProblem[] {
  return [
    ...unresolved(hosts, `${at}.controlDomain`, {
      what: 'host',
      name: field(machine, 'controlDomain'),
    }),
    ...entries(field(machine, 'serviceDomains')).flatMap(([name, host]) =>
      unresolved(hosts, `${at}.serviceDomains.${name}`, { what: 'host', name: host }),
    ),
  ]
}

function checkPoolNames({ hosts, machines }: Sections, at: string, pool: unknown): ConfigProblem[] {
  return [
    ...unresolved(hosts, `${at}.host`, { what: 'host', name: field(pool, 'host') }),
    ...list(field(pool, 'paths')).flatMap((path, index) => {
      const here = `${at}.paths[${index}]`
      const name = field(path, 'machine')
      const known = typeof name === 'string' ? machines.get(name) : undefined
      if (typeof name !== 'string' || known === undefined) {
        return unresolved(machines, `${here}.machine`, { what: 'machine', name })
      }
      const [serviceDomain, vds, device] = ['serviceDomain', 'vds', 'device'].map(key =>
        field(path, key),
      )
      const keys = { serviceDomain, vds, device }
      const { place } = known
      return [...HYPERVISORS[known.kind].checkPath(keys, { at: here, name, place })]
    }),
  ]
}

function checkDatasets({ pools }: Sections): ConfigProblem[] {
  return repeated([...pools], pool => `${pool.host} ${pool.dataset}`).map(
    ({ name, value: { host, dataset }, other }) => ({
      path: `pools.${name}.dataset`,
      message: `dataset ${dataset} on ${host} belongs to pool ${quote(other)}`,
    }),
  )
}

// Two names of one machine would be two places where its guests may have a volume.
function checkControlDomains(machines: readonly [string, unknown][]): ConfigProblem[] {
  const named = machines.flatMap(([name, machine]): [string, string][] => {
    const host = field(machine, 'controlDomain')
    return typeof host === 'string' ? [[name, host]] : []
  })
  return repeated(named, host => host).map(({ name, value, other }) => ({
    path: `machines.${name}.controlDomain`,
    message: `host ${quote(value)} is that of machine ${quote(other)}`,
  }))
}

/** What has the key of an earlier entry, with the name of that entry. */
function repeated<Value>(
  named: readonly (readonly [string, Value])[],
  keyOf: (value: Value) => string,
): readonly { readonly name: string; readonly value: Value; readonly other: string }[] {
  const seen = new Map<string, string>()
  return named.flatMap(([name, value]) => {
    const other = seen.get(keyOf(value))
    seen.set(keyOf(value), other ?? name)
    return other === undefined ? [] : [{ name, value, other }]
  })
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : []
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined
}

const quote = (text: string) => JSON.stringify(text)
