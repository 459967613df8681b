// What must hold between the keys of the controller's file: names that resolve, and paths that can work at all.
// It looks at raw values and passes over what is malformed: the schema reports that.

import type { z } from 'zod'
import type { ConfigProblem } from './config.ts'
import { machineSchema, poolSchema } from './config-schema.ts'

type Machine = z.infer<typeof machineSchema>
type Pool = z.infer<typeof poolSchema>

interface Sections {
  /** Names as written, whether or not what stands under them is well formed. */
  readonly hostNames: ReadonlySet<string>
  readonly machineNames: ReadonlySet<string>
  readonly machines: ReadonlyMap<string, Machine>
  readonly pools: ReadonlyMap<string, Pool>
}

export function checkControllerConfig(raw: unknown): ConfigProblem[] {
  const sections: Sections = {
    hostNames: new Set(entries(raw, 'hosts').map(([name]) => name)),
    machineNames: new Set(entries(raw, 'machines').map(([name]) => name)),
    machines: wellFormed(raw, 'machines', machineSchema),
    pools: wellFormed(raw, 'pools', poolSchema),
  }
  return [
    ...[...sections.machines].flatMap(([name, machine]) => checkMachine(sections, `machines.${name}`, machine)),
    ...checkGuests(raw, sections),
    ...[...sections.pools].flatMap(([name, pool]) => checkPool(sections, `pools.${name}`, pool)),
    ...checkDatasets(sections),
  ]
}

function checkMachine({ hostNames }: Sections, at: string, machine: Machine): ConfigProblem[] {
  const references = [
    [`${at}.controlDomain`, machine.controlDomain] as const,
    ...Object.entries(machine.serviceDomains).map(([name, host]) => [`${at}.serviceDomains.${name}`, host] as const),
  ]
  return references.filter(([, host]) => !hostNames.has(host)).map(([path, host]) => ({ path, message: `no host is named ${quote(host)}` }))
}

function checkGuests(raw: unknown, { machineNames }: Sections): ConfigProblem[] {
  const guests = field(raw, 'guests')
  if (!Array.isArray(guests)) return []
  return guests.flatMap((guest: unknown, index) => {
    const machine = field(guest, 'machine')
    if (typeof machine !== 'string' || machineNames.has(machine)) return []
    return [{ path: `guests[${index}].machine`, message: `no machine is named ${quote(machine)}` }]
  })
}

function checkPool(sections: Sections, at: string, pool: Pool): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (!sections.hostNames.has(pool.host)) problems.push({ path: `${at}.host`, message: `no host is named ${quote(pool.host)}` })
  pool.paths.forEach((path, index) => {
    const machine = sections.machines.get(path.machine)
    if (!sections.machineNames.has(path.machine)) {
      problems.push({ path: `${at}.paths[${index}].machine`, message: `no machine is named ${quote(path.machine)}` })
    } else if (machine !== undefined && !Object.hasOwn(machine.serviceDomains, path.serviceDomain)) {
      problems.push({
        path: `${at}.paths[${index}].serviceDomain`,
        message: `machine ${path.machine} has no service domain ${quote(path.serviceDomain)}`,
      })
    }
  })
  problems.push(...(pool.design === 'local' ? checkLocalPaths(sections, at, pool) : checkLunPaths(sections, at, pool)))
  return problems
}

// A ZFS pool is imported in one domain at a time, so only that domain has the zvols.
function checkLocalPaths({ machines }: Sections, at: string, pool: Pool & { design: 'local' }): ConfigProblem[] {
  return pool.paths.flatMap((path, index) => {
    if (pool.paths.findIndex(other => other.machine === path.machine) < index) {
      const reason = path.device.includes('/zvol/')
        ? 'a ZFS pool is imported in one domain at a time, so a zvol cannot be reached by two paths of one machine; use design lun'
        : 'design local has exactly one path for a machine; use design lun'
      return [{ path: `${at}.paths[${index}]`, message: reason }]
    }
    const host = machines.get(path.machine)?.serviceDomains[path.serviceDomain]
    if (host === undefined || host === pool.host) return []
    const message = `service domain ${path.serviceDomain} of ${path.machine} is host ${quote(host)}, but the pool's volumes are made on ${quote(pool.host)}: design local needs one and the same`
    return [{ path: `${at}.paths[${index}].serviceDomain`, message }]
  })
}

function checkLunPaths({ machines }: Sections, at: string, pool: Pool & { design: 'lun' }): ConfigProblem[] {
  return pool.paths.flatMap((path, index) => {
    const problems: ConfigProblem[] = []
    const here = `${at}.paths[${index}]`
    const earlier = pool.paths.slice(0, index).filter(other => other.machine === path.machine)
    if (earlier.some(other => other.serviceDomain === path.serviceDomain)) {
      problems.push({
        path: here,
        message: `a second path of ${path.machine} through service domain ${path.serviceDomain}: it would fail together with the first`,
      })
    }
    if (earlier.some(other => other.hostGroup !== path.hostGroup)) {
      problems.push({
        path: `${here}.hostGroup`,
        message: `the paths of ${path.machine} must share one host group, so that one view shows a logical unit to all of them under one number`,
      })
    }
    if (machines.get(path.machine)?.serviceDomains[path.serviceDomain] === pool.host && !pool.allowSharedFate) {
      problems.push({
        path: here,
        message: `the storage host ${quote(pool.host)} is also service domain ${path.serviceDomain}: losing it loses every path; set allowSharedFate: true to accept that`,
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
      : [{ path: `pools.${name}.dataset`, message: `dataset ${pool.dataset} on ${pool.host} belongs to pool ${quote(other)}` }]
  })
}

function wellFormed<Schema extends typeof machineSchema | typeof poolSchema>(
  raw: unknown,
  section: string,
  schema: Schema,
): ReadonlyMap<string, z.infer<Schema>> {
  const found = new Map<string, z.infer<Schema>>()
  for (const [name, value] of entries(raw, section)) {
    const parsed = schema.safeParse(value)
    if (parsed.success) found.set(name, parsed.data as z.infer<Schema>)
  }
  return found
}

function entries(raw: unknown, section: string): [string, unknown][] {
  const value = field(raw, section)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

const quote = (text: string) => JSON.stringify(text)
