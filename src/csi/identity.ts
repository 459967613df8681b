// The Identity service: who the plugin is. It never asks a host: sidecars allow one second, and a storage host that is down
// must not make the liveness probe restart the plugin.

import { type Service, service } from './handler.ts'
import { PluginCapabilityServiceType as Type } from './types.gen.ts'

const CAPABILITIES = [Type.CONTROLLER_SERVICE, Type.VOLUME_ACCESSIBILITY_CONSTRAINTS]

export interface IdentityOptions {
  readonly driverName: string
  readonly version: string
  /** False while the plugin is still starting; callers then ask again once a second. */
  readonly isReady?: () => boolean
}

export function identityService({ driverName, version, isReady = () => true }: IdentityOptions): Service {
  return service('Identity', {
    GetPluginInfo: async () => ({ name: driverName, vendor_version: version }),
    GetPluginCapabilities: async () => ({ capabilities: CAPABILITIES.map(type => ({ service: { type } })) }),
    Probe: async () => ({ ready: { value: isReady() } }),
  })
}
