// A condition that `apply` attaches to a call, for which CSI has no field. No sidecar sends it. A
// controller that knows it says so in the manifest of GetPluginInfo. One that does not know it
// would act without the condition.

import { Metadata } from '@grpc/grpc-js'

export interface Conditions {
  /** Detach only while the machine shows the guest off. */
  readonly onlyWhileOff: boolean
}

export const NO_CONDITIONS: Conditions = { onlyWhileOff: false }

const ONLY_WHILE_OFF = 'ldom-csi-only-while-off'

/** An entry of the controller's manifest. */
export const KNOWS_CONDITIONS = { 'only-while-off': 'known' } as const

export function knowsConditions(manifest: Readonly<Record<string, string>>): boolean {
  return manifest['only-while-off'] === 'known'
}

export function formatConditions({ onlyWhileOff }: Conditions): Metadata {
  const metadata = new Metadata()
  if (onlyWhileOff) metadata.set(ONLY_WHILE_OFF, 'yes')
  return metadata
}

/** Any value counts: a condition that is not understood must not be dropped. */
export function parseConditions(metadata: Metadata): Conditions {
  return { onlyWhileOff: metadata.get(ONLY_WHILE_OFF).length > 0 }
}
