// What must hold between the keys of the controller's file: names that resolve, and paths that can
// work at all. It looks at raw values and passes over what is malformed: the schema reports that.

import type { z } from 'zod'
import type { ConfigProblem } from './problems.ts'
import { poolSchema } from './schema.ts'

type Pool = z.infer<typeof poolSchema>

interface Sections {
  readonly hosts: ReadonlySet<string>
  /** Host of each service domain of each machine. */
  readonly machines: ReadonlyMap<string, ReadonlyMap<string, unknown>>
  /** The well-formed ones. */
  readonly pools: ReadonlyMap<string, Pool>
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
      resolves(sections.machines, `guests[${index}].machine`, 'machine', field(guest, 'machine')),
    ),
    ...entries(field(raw, 'pools')).flatMap(([name, pool]) =>
      checkPoolNames(sections, `pools.${name}`, pool),
    ),
    ...[...sections.pools].flatMap(([name, pool]) =>
      pool.design === 'local'
        ? checkLocalPaths(sections, `pools.${name}`, pool)
        : checkLunPaths(sections, `pools.${name}`, pool),
    ),
    ...checkDatasets(sections),
  ]
}

function checkMachine({ hosts }: Sections, at: string, machine: unknown): ConfigProblem[] {
  return [
    ...resolves(hosts, `${at}.controlDomain`, 'host', field(machine, 'controlDomain')),
    ...entries(field(machine, 'serviceDomains')).flatMap(([name, host]) =>
      resolves(hosts, `${at}.serviceDomains.${name}`, 'host', host),
    ),
  ]
}

function checkPoolNames({ hosts, machines }: Sections, at: string, pool: unknown): ConfigProblem[] {
  return [
    ...resolves(hosts, `${at}.host`, 'host', field(pool, 'host')),
    ...list(field(pool, 'paths')).flatMap((path, index) => {
      const here = `${at}.paths[${index}]`
      const machine = field(path, 'machine')
      const serviceDomain = field(path, 'serviceDomain')
      const known = typeof machine === 'string' ? machines.get(machine) : undefined
      if (known === undefined) return resolves(machines, `${here}.machine`, 'machine', machine)
      return resolves(known, `${here}.serviceDomain`, `service domain of ${machine}`, serviceDomain)
    }),
  ]
}

function resolves(
  known: { has(name: string): boolean },
  path: string,
  what: string,
  name: unknown,
): ConfigProblem[] {
  return typeof name !== 'string' || known.has(name)
    ? []
    : [{ path, message: `no ${what} is named ${quote(name)}` }]
}

// A ZFS pool is imported in one domain at a time, so only that domain has the zvols.
function checkLocalPaths(
  { machines }: Sections,
  at: string,
  pool: Pool & { design: 'local' },
): ConfigProblem[] {
  return pool.paths.flatMap((path, index) => {
    if (pool.paths.findIndex(other => other.machine === path.machine) < index) {
      const reason = path.device.includes('/zvol/')
        ? 'a ZFS pool is imported in one domain at a time, so a zvol cannot be reached by two ' +
          'paths of one machine; use design lun'
        : 'design local has exactly one path for a machine; use design lun'
      return [{ path: `${at}.paths[${index}]`, message: reason }]
    }
    const host = machines.get(path.machine)?.get(path.serviceDomain)
    if (host === undefined || host === pool.host) return []
    const message =
      `service domain ${path.serviceDomain} of ${path.machine} is host ` +
      `${quote(String(host))}, but the pool's volumes are made on ${quote(pool.host)}: design ` +
      `local needs one and the same`
    return [{ path: `${at}.paths[${index}].serviceDomain`, message }]
  })
}

function checkLunPaths(
  { machines }: Sections,
  at: string,
  pool: Pool & { design: 'lun' },
): ConfigProblem[] {
  return pool.paths.flatMap((path, index) => {
    const problems: ConfigProblem[] = []
    const here = `${at}.paths[${index}]`
    const earlier = pool.paths.slice(0, index).filter(other => other.machine === path.machine)
    if (earlier.some(other => other.serviceDomain === path.serviceDomain)) {
      problems.push({
        path: here,
        message:
          `a second path of ${path.machine} through service domain ` +
          `${path.serviceDomain}: it would fail together with the first`,
      })
    }
    if (earlier.some(other => other.hostGroup !== path.hostGroup)) {
      problems.push({
        path: `${here}.hostGroup`,
        message:
          `the paths of ${path.machine} must share one host group, so that one view ` +
          `shows a logical unit to all of them under one number`,
      })
    }
    if (
      machines.get(path.machine)?.get(path.serviceDomain) === pool.host &&
      !pool.allowSharedFate
    ) {
      problems.push({
        path: here,
        message:
          `the storage host ${quote(pool.host)} is also service domain ` +
          `${path.serviceDomain}: losing it loses every path; set allowSharedFate: true to ` +
          `accept that`,
      })
    }
    return problems
  })
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
