// The words of the simulated Logical Domains Manager: its configuration as data, and the switches
// of its many releases. Data only; what a configuration does while it runs is in running.ts.

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
  /** Explicit numbers are kept; an implicit one exists from bind to unbind. */
  id: number | undefined
  readonly explicitId: boolean
}

export interface DomainEntry {
  readonly name: string
  readonly uuid: string
  readonly console: string
  readonly vcpus: number
  readonly memoryBytes: number
  /** `inactive`, `bound`, `active`, or any of the transient words. */
  state: string
  readonly servers: Map<string, DiskServer>
  readonly vdisks: Map<string, VdiskEntry>
  /**
   * OpenBoot variables; the domain's own administrator sets them, and a value may have several
   * lines.
   */
  readonly variables: Map<string, string>
}

/** What a service processor configuration holds. Plain data, so structuredClone copies it. */
export interface Configuration {
  readonly domains: Map<string, DomainEntry>
}

export const CONTROL_DOMAIN = 'primary'

export interface LdmSettings {
  /** The VERSION line of parseable output: the version of the format, not of the program. */
  formatVersion: '1.0' | '1.6' | '1.11'
  /** `norm_util` at the end of the domain records. */
  normUtil: boolean
  /** `%` after utilisation in parseable output. */
  percent: boolean
  /** Five positions up to 1.2, six later. */
  flagPositions: 5 | 6
  /** `list-bindings -p` prints flags as words, as `list -l -p` always does. */
  bindingsFlagWords: boolean
  /** Path lines below the vdisks of path groups (3.2 and later). */
  pathStates: boolean
  /** `1.2` also prints the narrower tables of that time. */
  managerVersion: '1.2' | '3.6'
  /**
   * A backend that is exported once more by the same service domain: a warning in 1.1, `-f` wanted
   * from 3.2 on.
   */
  secondExport: 'warning' | 'needs-force'
  /** The Logical Domains Manager looks whether a backend exists before it exports it. */
  validateBackends: boolean
  /** What the account may do. */
  authorisation: 'write' | 'read' | 'none'
  /** ldmd/autorecovery_policy: log, tell in the first output, overwrite the saved configuration. */
  autorecoveryPolicy: 1 | 2 | 3
  /** Every change waits for the next power-on (first set-up of a machine). */
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
