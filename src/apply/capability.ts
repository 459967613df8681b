// The volume capability of CSI for a claim.

import { VolumeCapabilityAccessModeMode as Mode } from '../csi/wire/types.gen.ts'
import type { Access, Claim } from '../manifests/objects.ts'

// The modes that the provisioner sends to a driver with the capability SINGLE_NODE_MULTI_WRITER.
const MODES: Readonly<Record<Access, Mode>> = {
  'one-workload': Mode.SINGLE_NODE_SINGLE_WRITER,
  'one-guest': Mode.SINGLE_NODE_MULTI_WRITER,
  'many-readers': Mode.MULTI_NODE_READER_ONLY,
  'many-writers': Mode.MULTI_NODE_MULTI_WRITER,
}

// `apply` mounts a volume at one path of a guest. With a mode that allows a second path, a changed
// mount path would leave the volume mounted at both.
const MODES_AT_PATH: Readonly<Record<Access, Mode>> = {
  'one-workload': Mode.SINGLE_NODE_SINGLE_WRITER,
  'one-guest': Mode.SINGLE_NODE_SINGLE_WRITER,
  'many-readers': Mode.SINGLE_NODE_READER_ONLY,
  'many-writers': Mode.SINGLE_NODE_SINGLE_WRITER,
}

export function capabilityOf({ access, mode, storageClass }: Claim) {
  const { fileSystem, mountOptions } = storageClass
  const type =
    mode === 'block' ? { block: {} } : { mount: { fs_type: fileSystem, mount_flags: mountOptions } }
  return { access_mode: { mode: MODES[access] }, ...type }
}

/** The capability for publishing at the path in a guest. */
export function capabilityAtPath(claim: Claim) {
  return { ...capabilityOf(claim), access_mode: { mode: MODES_AT_PATH[claim.access] } }
}
