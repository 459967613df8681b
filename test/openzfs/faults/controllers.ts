// Controllers on an installation whose storage host is broken meanwhile. Its simulated control
// domain exports blank memory, as a disk that vanishes with the machine would hang this process.

import type { SimDevice } from '../../../sim/devices.ts'
import type { OpenShell } from '../../../src/bin/compose/hosts.ts'
import type { ControllerConfig } from '../../../src/config/config.ts'
import type { CsiClient } from '../../../src/csi/wire/client.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { code } from '../../protocol/conformance/world.ts'
import { pause } from '../../support/commands.ts'
import type { OpenZfsInstallation } from '../installation.ts'
import { serveDriver } from '../plugins.ts'

export type Controller = CsiClient['controller']

export interface Running {
  readonly calls: Controller
  end(): Promise<void>
}

const BLANK: SimDevice = {
  sizeBytes: 64 * MiB,
  file: undefined,
  read: (_, length) => Buffer.alloc(length),
  write: () => {},
  open: () => () => {},
}

/** From now on what is exported is not what is on the storage host. */
export function exportBlankMemory({ world }: OpenZfsInstallation): void {
  const { devices } = world.host('m1-storage')
  devices.splice(0, devices.length, path => (path.startsWith('/dev/zvol/') ? BLANK : undefined))
}

/** A controller that has just started. */
export async function startController(
  installation: OpenZfsInstallation,
  {
    config,
    openShell,
  }: { readonly config?: ControllerConfig; readonly openShell?: OpenShell | undefined },
): Promise<Running> {
  const driver = await installation.driver(config, openShell)
  const { client, end } = await serveDriver(installation, driver)
  return { calls: client.controller, end }
}

const TRIES = 60

/** As an orchestrator: the same call until it succeeds, while the answer is that it may yet. */
export async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const running = call()
    const answer = await code(running)
    if (answer === 'OK' || attempt === TRIES) return running
    if (answer !== 'UNAVAILABLE' && answer !== 'ABORTED') return running
    await pause(500)
  }
}

const bytes = (count: number) => ({ required_bytes: String(count) })

/** Of a volume that is larger than others. */
export const GROWN = bytes(32 * MiB)

const ACCESS = { mount: {}, access_mode: { mode: 1 as const } }

export async function create(calls: Controller, name: string, source = {}): Promise<string> {
  const { volume } = await calls.CreateVolume({
    name,
    volume_capabilities: [ACCESS],
    parameters: { pool: 'silver', reservation: 'thick' },
    capacity_range: bytes(16 * MiB),
    ...source,
  })
  return volume?.volume_id ?? ''
}

export async function snapshot(
  calls: Controller,
  source_volume_id: string,
  name: string,
): Promise<string> {
  const { snapshot: made } = await calls.CreateSnapshot({ name, source_volume_id })
  return made?.snapshot_id ?? ''
}

/** The guest to which volumes are published. */
export const NODE = 'm1/ldg1'

/** Returns the number of the guest's disk. */
export async function publish(calls: Controller, volume_id: string): Promise<string | undefined> {
  const request = { volume_id, node_id: NODE, volume_capability: ACCESS }
  return (await calls.ControllerPublishVolume(request)).publish_context.vdisk
}

export const unpublish = (calls: Controller, volume_id: string) =>
  calls.ControllerUnpublishVolume({ volume_id, node_id: NODE })

/** Where a volume is published. */
export async function nodesOf(calls: Controller, volume_id: string): Promise<readonly string[]> {
  const { status } = await calls.ControllerGetVolume({ volume_id })
  return status?.published_node_ids ?? []
}

export const expand = (calls: Controller, volume_id: string) =>
  calls.ControllerExpandVolume({ volume_id, capacity_range: GROWN })
