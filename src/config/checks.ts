// Rules between the keys of the controller's file: names must resolve, and paths must be able to
// work. It reads raw values and skips malformed ones, which the schema reports.

import type { z } from 'zod'
import { DESIGNS, poolSchema } from './designs/designs.ts'
import type { ConfigProblem } from './problems.ts'

interface Sections {
  readonly hosts: ReadonlySet<string>
  /** Host of each service domain of each machine. */
  readonly machines: ReadonlyMap<string, ReadonlyMap<string, unknown>>
  /** Only the well-formed pools. */
  readonly pools: ReadonlyMap<string, z.output<typeof poolSchema>>
}

export function checkControllerConfig(raw: unknown): ConfigProblem[] {
  const sections: Sections = {
    hosts: new Set(entries(field(raw, 'hosts')).map(([name]) => name)),
    machines: new Map(
      entries(field(raw, 'machines')).map(([name, machine]) => [
        name,
        new Map(entries(field(machine, 'serviceDomains'))),
      ]),
    ),
    pools: new Map(
      entries(field(raw, 'pools')).flatMap(([name, value]) => {
        const parsed = poolSchema.safeParse(value)
        return parsed.success ? [[name, parsed.data] as const] : []
      }),
    ),
  }
  return [
    ...entries(field(raw, 'machines')).flatMap(([name, machine]) =>
      checkMachine(sections, `machines.${name}`, machine),
    ),
    ...list(field(raw, 'guests')).flatMap((guest, index) =>
      resolves(sections.machines, `guests[${index}].machine`, {
        what: 'machine',
        name: field(guest, 'machine'),
      }),
    ),
    ...entries(field(raw, 'pools')).flatMap(([name, pool]) =>
      checkPoolNames(sections, `pools.${name}`, pool),
    ),
    ...[...sections.pools].flatMap(([name, pool]) =>
      DESIGNS[pool.design].check(pool, { at: `pools.${name}`, machines: sections.machines }),
    ),
    ...checkDatasets(sections),
  ]
}

function checkMachine({ hosts }: Sections, at: string, machine: unknown): ConfigProblem[] {
  return [
    ...resolves(hosts, `${at}.controlDomain`, {
      what: 'host',
      name: field(machine, 'controlDomain'),
    }),
    ...entries(field(machine, 'serviceDomains')).flatMap(([name, host]) =>
      resolves(hosts, `${at}.serviceDomains.${name}`, { what: 'host', name: host }),
    ),
  ]
}

function checkPoolNames({ hosts, machines }: Sections, at: string, pool: unknown): ConfigProblem[] {
  return [
    ...resolves(hosts, `${at}.host`, { what: 'host', name: field(pool, 'host') }),
    ...list(field(pool, 'paths')).flatMap((path, index) => {
      const here = `${at}.paths[${index}]`
      const machine = field(path, 'machine')
      const serviceDomain = field(path, 'serviceDomain')
      const known = typeof machine === 'string' ? machines.get(machine) : undefined
      if (known === undefined) {
        return resolves(machines, `${here}.machine`, { what: 'machine', name: machine })
      }
      return resolves(known, `${here}.serviceDomain`, {
        what: `service domain of ${machine}`,
        name: serviceDomain,
      })
    }),
  ]
}

function resolves(
  known: { has(name: string): boolean },
  path: string,
  { what, name }: { readonly what: string; readonly name: unknown },
): ConfigProblem[] {
  return typeof name !== 'string' || known.has(name)
    ? []
    : [{ path, message: `no ${what} is named ${quote(name)}` }]
}

function checkDatasets({ pools }: Sections): ConfigProblem[] {
  const seen = new Map<string, string>()
  return [...pools].flatMap(([name, pool]) => {
    const place = `${pool.host} ${pool.dataset}`
    const other = seen.get(place)
    seen.set(place, other ?? name)
    return other === undefined
      ? []
      : [
          {
            path: `pools.${name}.dataset`,
            message: `dataset ${pool.dataset} on ${pool.host} belongs to pool ${quote(other)}`,
          },
        ]
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
