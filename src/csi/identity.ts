// The Identity service: name, version and capabilities of the plugin. It never asks a host.
// Sidecars allow one second, and a storage host that is down must not make the liveness probe
// restart the plugin.

import { type Service, service } from './wire/handler.ts'
import {
  PluginCapabilityVolumeExpansionType as Expansion,
  PluginCapabilityServiceType as Type,
} from './wire/types.gen.ts'

const SERVICES = [
  Type.CONTROLLER_SERVICE,
  Type.VOLUME_ACCESSIBILITY_CONSTRAINTS,
  Type.GROUP_CONTROLLER_SERVICE,
]

export interface IdentityOptions {
  readonly driverName: string
  readonly version: string
  /**
   * Whether snapshots say where they can be used (CSI 1.13). Some callers of 1.12 reject a
   * capability that they do not know.
   */
  readonly snapshotTopology: boolean
  /**
   * What `apply` must know about the controller: its cluster, from which `apply` computes snapshot
   * names.
   */
  readonly manifest?: Readonly<Record<string, string>>
  /** False while the plugin is starting. Callers then ask once a second. */
  readonly isReady?: () => boolean
}

/** The answers are the same on the controller's and the nodes' sockets, as CSI requires. */
export function identityService({
  driverName,
  version,
  snapshotTopology,
  manifest = {},
  isReady = () => true,
}: IdentityOptions): Service {
  const services = [
    ...SERVICES,
    ...(snapshotTopology ? [Type.SNAPSHOT_ACCESSIBILITY_CONSTRAINTS] : []),
  ]
  return service('Identity', {
    GetPluginInfo: async () => ({ name: driverName, vendor_version: version, manifest }),
    GetPluginCapabilities: async () => ({
      capabilities: [
        ...services.map(type => ({ service: { type } })),
        { volume_expansion: { type: Expansion.ONLINE } },
      ],
    }),
    Probe: async () => ({ ready: { value: isReady() } }),
  })
}
