// What the configuration knows about a pool design: the keys of such a pool, and the rules between
// them and the rest of the file. Each design has a file of its own.

import { z } from 'zod'
import type { ConfigProblem } from '../problems.ts'
import { ldomName } from '../words.ts'

export interface PoolSurroundings {
  /** Key path of the pool. */
  readonly at: string
  /** Host of each service domain of each machine. */
  readonly machines: ReadonlyMap<string, ReadonlyMap<string, unknown>>
}

/** The keys of every pool: the storage host, the dataset, and the paths to it. */
export interface PoolKeys {
  readonly host: string
  readonly dataset: string
  readonly paths: readonly {
    readonly machine: string
    readonly serviceDomain: string
    readonly vds: string
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

/** Keys of every path. */
export const pathShape = {
  machine: z.string().describe('Machine this path serves.'),
  serviceDomain: z.string().describe('Service domain of that machine.'),
  vds: ldomName('vds').describe('Virtual disk server in that service domain.'),
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
