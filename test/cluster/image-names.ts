// Names under which the test cluster's images are known: those that upstream uses, because nothing
// is pulled.

import type { Program } from './programs.ts'

export const PAUSE_IMAGE = 'registry.k8s.io/pause:3.10.2'
/** What examples and tests run; they name it in short. */
export const BUSYBOX_IMAGE = 'docker.io/library/busybox:1.37'

const SIG_STORAGE = 'registry.k8s.io/sig-storage'
export const SNAPSHOT_CONTROLLER_IMAGE = `${SIG_STORAGE}/snapshot-controller:v8.6.0`

/** Each of one program. The last two are our own: upstream's cannot be had as Go modules. */
export const SIDECAR_IMAGES: readonly (readonly [Program, string])[] = [
  ['csi-provisioner', `${SIG_STORAGE}/csi-provisioner:v6.3.0`],
  ['csi-attacher', `${SIG_STORAGE}/csi-attacher:v4.13.0`],
  ['csi-resizer', `${SIG_STORAGE}/csi-resizer:v2.3.0`],
  ['csi-snapshotter', `${SIG_STORAGE}/csi-snapshotter:v8.6.0`],
  ['snapshot-controller', SNAPSHOT_CONTROLLER_IMAGE],
  ['registrar', `${SIG_STORAGE}/csi-node-driver-registrar:v2.18.0`],
  ['prober', `${SIG_STORAGE}/livenessprobe:v2.20.0`],
]
