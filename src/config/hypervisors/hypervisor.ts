// What the configuration knows about a hypervisor: the keys of such a machine, and how a pool may
// reach it. Each hypervisor has a file of its own.

import { z } from 'zod'
import type { ConfigProblem } from '../problems.ts'

/** The keys of a pool's path, as far as the file has them. Malformed values are possible. */
export interface PathKeys {
  readonly machine?: unknown
  readonly serviceDomain?: unknown
  readonly vds?: unknown
  readonly device?: unknown
}

/** A machine as the rules for pools see it. */
export interface MachinePlace {
  /** Host of each domain that serves disks. */
  readonly serviceDomains: ReadonlyMap<string, unknown>
  /** The host whose devices a path leads to; undefined while it cannot be known. */
  readonly hostOf: (path: PathKeys) => unknown
  /** The domain that serves a path, for messages. */
  readonly server: (path: PathKeys) => string
  /** Undefined where several paths are possible; otherwise the reason why not. */
  readonly onePath: string | undefined
}

export interface HypervisorConfig<S extends z.ZodType> {
  readonly schema: S
  /** The rules in Markdown, as list items of the generated reference. */
  readonly rules: string
  /** Operating systems that guests may have. */
  readonly platforms: readonly string[]
  /** `machine` is raw: keys that are malformed count as absent. */
  readonly place: (
    machine: Readonly<Record<string, unknown>>,
    serviceDomains: ReadonlyMap<string, unknown>,
  ) => MachinePlace
  /** `at`: the key path of the path. `name` is that of the machine. */
  readonly checkPath: (
    path: PathKeys,
    about: { readonly at: string; readonly name: string; readonly place: MachinePlace },
  ) => readonly ConfigProblem[]
}

/** The key of every machine beside its kind. */
export const controlDomain = (tool: string) => z.string().describe(`Host where \`${tool}\` runs.`)
