// The volume capability of CSI for a volume and for the path of a disk.

import { VolumeCapabilityAccessModeMode as Mode } from '../csi/wire/types.gen.ts'
import type { Access } from '../model/access.ts'

/** What a capability says of a volume. */
export interface Usage {
  readonly access: Access
  readonly mode: 'filesystem' | 'block'
  readonly fileSystem: string // '' leaves it to the guest's platform
  readonly mountOptions: readonly string[]
}

// The modes that the provisioner sends to a driver with the capability SINGLE_NODE_MULTI_WRITER.
const MODES: Readonly<Record<Access, Mode>> = {
  'one-workload': Mode.SINGLE_NODE_SINGLE_WRITER,
  'one-guest': Mode.SINGLE_NODE_MULTI_WRITER,
  'many-readers': Mode.MULTI_NODE_READER_ONLY,
  'many-writers': Mode.MULTI_NODE_MULTI_WRITER,
}

// A disk is mounted at one path of its guest. With a mode that allows a second path, a changed
// mount path would leave the volume mounted at both.
const MODES_AT_PATH: Readonly<Record<Access, Mode>> = {
  'one-workload': Mode.SINGLE_NODE_SINGLE_WRITER,
  'one-guest': Mode.SINGLE_NODE_SINGLE_WRITER,
  'many-readers': Mode.SINGLE_NODE_READER_ONLY,
  'many-writers': Mode.SINGLE_NODE_SINGLE_WRITER,
}

export function capabilityOf({ access, mode, fileSystem, mountOptions }: Usage) {
  const type =
    mode === 'block' ? { block: {} } : { mount: { fs_type: fileSystem, mount_flags: mountOptions } }
  return { access_mode: { mode: MODES[access] }, ...type }
}

/** The capability for publishing at the path in a guest. */
export function capabilityAtPath(usage: Usage) {
  return { ...capabilityOf(usage), access_mode: { mode: MODES_AT_PATH[usage.access] } }
}
