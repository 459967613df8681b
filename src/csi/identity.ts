// The Identity service: who the plugin is. It never asks a host: sidecars allow one second, and a
// storage host that is down must not make the liveness probe restart the plugin.

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
   * Whether snapshots tell where they can be used. CSI 1.13; some callers of 1.12 refuse a
   * capability they do not know.
   */
  readonly snapshotTopology: boolean
  /**
   * What `apply` must know of the plugin. The controller's: its cluster, from which names can be
   * computed anew.
   */
  readonly manifest?: Readonly<Record<string, string>>
  /** False while the plugin is still starting; callers then ask again once a second. */
  readonly isReady?: () => boolean
}

/** The same on the controller's and on the nodes' sockets, as CSI demands. */
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
