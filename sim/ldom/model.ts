// The data of the simulated Logical Domains Manager: its configuration, and the settings by which
// its releases differ. Data only; running.ts says what a configuration does while it runs.

export type VolumeOption = 'ro' | 'slice' | 'excl'

export interface Volume {
  readonly name: string
  readonly device: string
  options: VolumeOption[]
  mpgroup: string // empty: none
}

export interface DiskServer {
  readonly name: string
  readonly volumes: Map<string, Volume>
}

export interface VdiskEntry {
  readonly name: string
  volume: string
  vds: string
  timeout: number | undefined
  /** An explicit number is permanent; an implicit one exists from bind to unbind. */
  id: number | undefined
  readonly explicitId: boolean
}

export interface DomainEntry {
  readonly name: string
  readonly uuid: string
  readonly console: string
  readonly vcpus: number
  readonly memoryBytes: number
  /** `inactive`, `bound`, `active`, or a transient state. */
  state: string
  readonly servers: Map<string, DiskServer>
  readonly vdisks: Map<string, VdiskEntry>
  /** OpenBoot variables. The domain's own administrator sets them; a value may have many lines. */
  readonly variables: Map<string, string>
}

/** The contents of a service processor configuration. Plain data, so structuredClone copies it. */
export interface Configuration {
  readonly domains: Map<string, DomainEntry>
}

export const CONTROL_DOMAIN = 'primary'

export interface LdmSettings {
  /** Version in the VERSION line of parseable output: that of the format, not of the program. */
  formatVersion: '1.0' | '1.6' | '1.11'
  /** Whether domain records end with `norm_util`. */
  normUtil: boolean
  /** Whether parseable output has `%` after the utilisation. */
  percent: boolean
  /** Number of flags: five up to 1.2, six later. */
  flagPositions: 5 | 6
  /** Whether `list-bindings -p` prints flags as words, as `list -l -p` always does. */
  bindingsFlagWords: boolean
  /** Whether vdisks of path groups have path lines below them (3.2 and later). */
  pathStates: boolean
  /** Release of the program. `1.2` also prints narrower tables. */
  managerVersion: '1.2' | '3.6'
  /**
   * What happens when a service domain exports a backend a second time: a warning in 1.1; from 3.2
   * on an error without `-f`.
   */
  secondExport: 'warning' | 'needs-force'
  /** Whether the Logical Domains Manager checks that a backend exists before it exports it. */
  validateBackends: boolean
  /** What the account may do. */
  authorisation: 'write' | 'read' | 'none'
  /**
   * ldmd/autorecovery_policy. 1: log. 2: print a notice with the first output. 3: overwrite the
   * saved configuration.
   */
  autorecoveryPolicy: 1 | 2 | 3
  /** First set-up of a machine: every change waits for the next power-on. */
  configurationMode: boolean
  /** Logical domain channels that each domain can have. */
  ldcBudget: number
}

export const DEFAULT_SETTINGS: LdmSettings = {
  formatVersion: '1.11',
  normUtil: true,
  percent: true,
  flagPositions: 6,
  bindingsFlagWords: false,
  pathStates: true,
  managerVersion: '3.6',
  secondExport: 'needs-force',
  validateBackends: false,
  authorisation: 'write',
  autorecoveryPolicy: 1,
  configurationMode: false,
  ldcBudget: 4080,
}
