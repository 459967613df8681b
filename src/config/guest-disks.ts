// The file of `ldom-csi guest-disks`: which guests get disks from the cluster, which namespaces may
// have them, and how a guest is reached. It is parsed as the other two files are.

import type { z } from 'zod'
import { ConfigError, type NodeConfig, parseYaml, shellConfig } from './config.ts'
import { type ConfigProblem, schemaProblems } from './problems.ts'
import { guestDisksSchema } from './schema.ts'

export interface GuestDisksGuest {
  readonly namespaces: readonly string[]
  /** Undefined where the file gives no way to log in: such a guest gets boot disks only. */
  readonly node: NodeConfig | undefined
}

export interface GuestDisksConfig {
  readonly driverName: string
  /** By `<machine>/<guest>`. */
  readonly guests: ReadonlyMap<string, GuestDisksGuest>
}

const EVERY_NAMESPACE = '*'

/** Only kubelet asks a node for its limit; the controller has its own for each guest. */
const UNASKED_LIMIT = 60

export function parseGuestDisksConfig(text: string, file: string): GuestDisksConfig {
  const parsed = guestDisksSchema.safeParse(parseYaml(text, file))
  if (!parsed.success) throw new ConfigError(file, schemaProblems(parsed))
  const { driverName, guests } = parsed.data
  const problems = findRepeated(guests)
  if (problems.length > 0) throw new ConfigError(file, problems)
  return {
    driverName,
    guests: new Map(
      guests.map(guest => [
        nameOf(guest),
        { namespaces: guest.namespaces, node: nodeConfig(driverName, guest) },
      ]),
    ),
  }
}

/** Whether GuestDisks of this namespace may be in the guest. */
export function isGivenTo({ namespaces }: GuestDisksGuest, namespace: string): boolean {
  return namespaces.includes(EVERY_NAMESPACE) || namespaces.includes(namespace)
}

type GuestEntry = z.output<typeof guestDisksSchema>['guests'][number]

const nameOf = ({ machine, guest }: GuestEntry) => `${machine}/${guest}`

function findRepeated(guests: readonly GuestEntry[]): ConfigProblem[] {
  const first = new Map<string, number>()
  return guests.flatMap((guest, index) => {
    const name = nameOf(guest)
    const other = first.get(name)
    if (other === undefined) {
      first.set(name, index)
      return []
    }
    return [{ path: `guests[${index}]`, message: `is ${name}, as guests[${other}] is` }]
  })
}

function nodeConfig(driverName: string, entry: GuestEntry): NodeConfig | undefined {
  const { machine, guest, hypervisor, platform, prefix } = entry
  if ((entry.local ?? entry.ssh) === undefined) return undefined
  return {
    driverName,
    health: false,
    snapshotTopology: true,
    machine,
    guest,
    hypervisor,
    platform,
    shell: shellConfig(entry),
    root: '',
    prefix,
    attachLimit: UNASKED_LIMIT,
  }
}
