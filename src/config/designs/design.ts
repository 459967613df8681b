// What the configuration knows about a pool design: the keys of such a pool, and the rules between
// them and the rest of the file. Each design has a file of its own.

import { z } from 'zod'
import type { MachinePlace } from '../hypervisors/hypervisor.ts'
import type { ConfigProblem } from '../problems.ts'
import { ldomName } from '../words.ts'

export interface PoolSurroundings {
  /** Key path of the pool. */
  readonly at: string
  readonly machines: ReadonlyMap<string, MachinePlace>
}

/** The keys of every pool: the storage host, the dataset, and the paths to it. */
export interface PoolKeys {
  readonly host: string
  readonly dataset: string
  readonly paths: readonly {
    readonly machine: string
    /** The rules of the machine's hypervisor say whether a path names these two. */
    readonly serviceDomain?: string | undefined
    readonly vds?: string | undefined
  }[]
}

export interface DesignConfig<S extends z.ZodType<PoolKeys>> {
  readonly schema: S
  /** The rules in Markdown, as list items of the generated reference. */
  readonly rules: string
  /** Skips a malformed pool, which the schema reports. */
  readonly check: (raw: unknown, surroundings: PoolSurroundings) => readonly ConfigProblem[]
}

export function defineDesign<S extends z.ZodType<PoolKeys>>(design: {
  readonly schema: S
  readonly rules: string
  readonly check: (pool: z.output<S>, surroundings: PoolSurroundings) => readonly ConfigProblem[]
}): DesignConfig<S> {
  const { schema, rules, check } = design
  return {
    schema,
    rules,
    check: (raw, surroundings) => {
      const parsed = schema.safeParse(raw)
      return parsed.success ? check(parsed.data, surroundings) : []
    },
  }
}

/**
 * The longest parent dataset name that leaves room for the driver's own names below it. OpenZFS
 * allows 255 bytes in all (recorded).
 */
const DATASET_LENGTH = 180

const serviceDomain = z.string()
const vds = ldomName('vds')

/** Keys of every path through a service domain. */
export const pathShape = {
  machine: z.string().describe('Machine this path serves.'),
  serviceDomain: serviceDomain.describe('Service domain of that machine.'),
  vds: vds.describe('Virtual disk server in that service domain.'),
}

/** Keys of a path to a machine of any hypervisor. */
export const anyPathShape = {
  machine: z.string().describe('Machine this path serves.'),
  serviceDomain: serviceDomain
    .optional()
    .describe('Service domain of that machine; only with Logical Domains, and required there.'),
  vds: vds
    .optional()
    .describe(
      'Virtual disk server in that service domain; only with Logical Domains, and required there.',
    ),
}

/** Keys of every pool. */
export const poolShape = {
  host: z.string().describe('Host where `zfs` runs: the storage host.'),
  dataset: z
    .string()
    .max(DATASET_LENGTH)
    .regex(/^[A-Za-z][A-Za-z0-9_.:-]*(\/[A-Za-z0-9][A-Za-z0-9_.:-]*)*$/, 'a ZFS dataset name')
    .describe(
      'Parent dataset of all volumes of this pool. It must exist; the driver owns what is below.',
    ),
}
