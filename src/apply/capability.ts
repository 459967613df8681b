// How a claim uses its volume, in the words of CSI.

import { VolumeCapabilityAccessModeMode as Mode } from '../csi/wire/types.gen.ts'
import type { Access, Claim } from '../manifests/objects.ts'

// What the provisioner sends to a driver that knows SINGLE_NODE_MULTI_WRITER.
const MODES: Readonly<Record<Access, Mode>> = {
  'one-workload': Mode.SINGLE_NODE_SINGLE_WRITER,
  'one-guest': Mode.SINGLE_NODE_MULTI_WRITER,
  'many-readers': Mode.MULTI_NODE_READER_ONLY,
  'many-writers': Mode.MULTI_NODE_MULTI_WRITER,
}

// `apply` has one path in a guest: where its volume appears already at another one, a changed mount
// path would leave it at both.
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

/** For the path in a guest. */
export function capabilityAtPath(claim: Claim) {
  return { ...capabilityOf(claim), access_mode: { mode: MODES_AT_PATH[claim.access] } }
}
