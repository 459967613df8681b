// Volume capabilities: one table says which access modes the driver serves and what each allows. A
// malformed capability is `invalid-argument`. A well-formed one that the driver does not serve is
// `unsupported`.

import { StorageError } from '../errors.ts'
import type { FileSystemType, Sharing, VolumeFormat } from '../model/volumes.ts'
import { checkText, checkTexts, invalid } from './fields.ts'
import { VolumeCapabilityAccessModeMode as Mode, type VolumeCapability } from './wire/types.gen.ts'

/** What one capability asks for. */
export interface Access {
  readonly format: VolumeFormat
  readonly mountOptions: readonly string[]
  readonly writable: boolean
  /** Whether the volume may be attached to other guests at the same time. */
  readonly sharing: Sharing
  /** One workload at a time: the guest rejects a second target path. */
  readonly exclusive: boolean
}

interface AccessRule extends Pick<Access, 'writable' | 'sharing' | 'exclusive'> {
  readonly name: string
}

// SINGLE_NODE_WRITER says nothing about workloads of one node. Callers that do not know the two
// newer modes also send it for two pods on one node, so it is not exclusive.
const RULES: ReadonlyMap<number, AccessRule> = new Map([
  [
    Mode.SINGLE_NODE_WRITER,
    { name: 'SINGLE_NODE_WRITER', sharing: 'exclusive', writable: true, exclusive: false },
  ],
  [
    Mode.SINGLE_NODE_READER_ONLY,
    { name: 'SINGLE_NODE_READER_ONLY', sharing: 'exclusive', writable: false, exclusive: true },
  ],
  [
    Mode.SINGLE_NODE_SINGLE_WRITER,
    { name: 'SINGLE_NODE_SINGLE_WRITER', sharing: 'exclusive', writable: true, exclusive: true },
  ],
  [
    Mode.SINGLE_NODE_MULTI_WRITER,
    { name: 'SINGLE_NODE_MULTI_WRITER', sharing: 'exclusive', writable: true, exclusive: false },
  ],
  [
    Mode.MULTI_NODE_READER_ONLY,
    { name: 'MULTI_NODE_READER_ONLY', sharing: 'shared', writable: false, exclusive: false },
  ],
  [
    Mode.MULTI_NODE_SINGLE_WRITER,
    { name: 'MULTI_NODE_SINGLE_WRITER', sharing: 'shared', writable: true, exclusive: false },
  ],
  [
    Mode.MULTI_NODE_MULTI_WRITER,
    { name: 'MULTI_NODE_MULTI_WRITER', sharing: 'shared', writable: true, exclusive: false },
  ],
])

const FILE_SYSTEMS: readonly FileSystemType[] = ['ext4', 'xfs', 'ufs']

export function requireCapability(capability: VolumeCapability | undefined, field: string): Access {
  if (capability === undefined) throw invalid(field, 'is missing')
  const { block, mount, access_mode: mode } = capability
  if (block === undefined && mount === undefined) {
    throw invalid(field, 'has neither block nor mount')
  }
  if (block !== undefined && mount !== undefined) throw invalid(field, 'has both block and mount')
  if (mode === undefined || mode.mode === Mode.UNKNOWN) throw invalid(field, 'has no access_mode')
  const rule = RULES.get(mode.mode)
  if (rule === undefined) throw invalid(field, `has the unknown access_mode ${mode.mode}`)
  const mountOptions = checkTexts(mount?.mount_flags ?? [], `${field}.mount.mount_flags`)
  const type = checkText(mount?.fs_type ?? '', `${field}.mount.fs_type`)
  // Callers send it only to drivers that declare VOLUME_MOUNT_GROUP.
  if (mount && mount.volume_mount_group !== '') {
    throw invalid(`${field}.mount.volume_mount_group`, 'is not served')
  }
  refuseWritersOnManyNodes(rule, mount !== undefined)
  const format: VolumeFormat =
    mount === undefined ? { kind: 'block' } : { kind: 'filesystem', type: parseFileSystem(type) }
  const { writable, sharing, exclusive } = rule
  return { format, mountOptions, writable, sharing, exclusive }
}

export function requireCapabilities(capabilities: readonly VolumeCapability[]): readonly Access[] {
  if (capabilities.length === 0) throw invalid('volume_capabilities', 'is missing')
  return capabilities.map((capability, at) =>
    requireCapability(capability, `volume_capabilities[${at}]`),
  )
}

/** The one format that satisfies all capabilities. */
export function commonFormat(accesses: readonly Access[]): VolumeFormat {
  return accesses
    .map(access => access.format)
    .reduce((a, b) => {
      if (!isCompatible(a, b)) {
        throw new StorageError(
          'unsupported',
          `one volume cannot be ${describe(a)} and ${describe(b)}`,
        )
      }
      return a.kind === 'filesystem' && a.type === 'any' ? b : a
    })
}

export function isCompatible(a: VolumeFormat, b: VolumeFormat): boolean {
  if (a.kind === 'block' || b.kind === 'block') return a.kind === b.kind
  return a.type === b.type || a.type === 'any' || b.type === 'any'
}

export function describe(format: VolumeFormat): string {
  if (format.kind === 'block') return 'a raw block device'
  return format.type === 'any' ? 'a file system' : `an ${format.type} file system`
}

// Several guests may share a volume read-only, or as a raw device whose users coordinate. Several
// writers would destroy a file system.
function refuseWritersOnManyNodes(rule: AccessRule, mounted: boolean): void {
  if (rule.sharing === 'exclusive' || !rule.writable || !mounted) return
  throw new StorageError(
    'unsupported',
    `access mode ${rule.name} with a file system: writers on several nodes would destroy it`,
  )
}

/** An empty type means any. */
export function parseFileSystem(type: string): FileSystemType | 'any' {
  if (type === '') return 'any'
  const known = FILE_SYSTEMS.find(name => name === type)
  if (known === undefined) {
    throw new StorageError(
      'unsupported',
      `file system ${JSON.stringify(type)} is not served; served are ${FILE_SYSTEMS.join(', ')}`,
    )
  }
  return known
}
