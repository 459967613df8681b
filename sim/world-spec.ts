// The YAML file that describes a simulated installation: hosts, machines, guests. This file checks
// its shape only; world.ts builds the installation.

import { parseDocument } from 'yaml'
import { z } from 'zod'
import { DISKS } from './zfs/empty.ts'

const pool = z.strictObject({
  name: z.string().describe('ZFS pool'),
  sizeBytes: z.int().min(1),
  dialect: z.enum(['openzfs-2.3', 'illumos', 'solaris-11', 'solaris-10']),
  datasets: z.array(z.string()).default([]).describe('file systems that exist at the start'),
  disks: z
    .enum(DISKS)
    .optional()
    .describe('sectors of its disks, which decide what empty datasets take; 512 if left out'),
  sizelessSnapshots: z
    .boolean()
    .optional()
    .describe('snapshots have no volsize (a dash), as in releases of 2009'),
})

const target = z.strictObject({
  target: z.string().describe('iSCSI name'),
  targetGroup: z.string(),
  hostGroups: z.record(z.string(), z.array(z.string())).describe('initiator names by group'),
})

const initiator = z.strictObject({
  iqn: z.string(),
  controller: z.int().min(0).default(0).describe('N of /dev/dsk/cN…'),
  targets: z.array(z.string()).describe('hosts whose targets the initiator is logged in to'),
})

const host = z.strictObject({
  pools: z.array(pool).default([]),
  comstar: target.optional(),
  initiator: initiator.optional(),
  banner: z.string().default('').describe('what a login script prints'),
})

const guest = z.strictObject({
  platform: z.enum(['solaris', 'linux']),
  state: z.enum(['active', 'bound', 'inactive']).default('active'),
  controller: z.int().min(0).default(0).describe('N of /dev/dsk/cN…, Solaris only'),
})

const machine = z.strictObject({
  controlDomain: z.string().describe('host of the control domain'),
  serviceDomains: z.record(
    z.string(),
    z.strictObject({ host: z.string(), vds: z.array(z.string()) }),
  ),
  guests: z.record(z.string(), guest),
})

const xenMachine = z.strictObject({
  controlDomain: z.string().describe('host of dom0'),
  guests: z.record(
    z.string(),
    z.strictObject({ state: z.enum(['active', 'inactive']).default('active') }),
  ),
})

const world = z.strictObject({
  hosts: z.record(z.string(), host).describe('everything with a shell except the guests'),
  machines: z.record(z.string(), machine).describe('machines with Logical Domains'),
  xenMachines: z.record(z.string(), xenMachine).default({}),
  pools: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('`pools` of the controller.yaml that `serve` writes, copied as they are'),
})

export type WorldSpec = z.infer<typeof world>
export type WorldInput = z.input<typeof world>

/** Throws an error that names the file; if the shape is wrong, it lists every problem. */
export function parseWorld(text: string, file: string): WorldSpec {
  const document = parseDocument(text)
  const [wrong] = document.errors
  if (wrong !== undefined) throw new Error(`${file}: ${wrong.message.split('\n')[0]}`)
  const parsed = world.safeParse(read(document, file))
  if (parsed.success) return parsed.data
  throw new Error(`${file}:\n${z.prettifyError(parsed.error)}`)
}

function read(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    // The parser reports an alias without its anchor only here.
    throw new Error(`${file}: ${error instanceof Error ? error.message : error}`)
  }
}

export function completeWorld(input: WorldInput): WorldSpec {
  return world.parse(input)
}
