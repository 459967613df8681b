// A CSI driver that answers at once and stores nothing: with it the tests measure what Kubernetes
// itself takes for a claim. Arguments: `controller` or `node`, then the endpoint.

import { mkdirSync, rmSync } from 'node:fs'
import { identityService } from '../../src/csi/identity.ts'
import { type Service, service } from '../../src/csi/wire/handler.ts'
import { startServer } from '../../src/csi/wire/server.ts'
import {
  ControllerServiceCapabilityRPCType as ControllerCalls,
  NodeServiceCapabilityRPCType as NodeCalls,
} from '../../src/csi/wire/types.gen.ts'
import { silentLog } from '../../src/log.ts'

const NULL_DRIVER = 'null.ldom-csi.io'

const topology = { segments: { [`${NULL_DRIVER}/machine`]: 'm1' } }

const controller: Service = service('Controller', {
  ControllerGetCapabilities: async () => ({
    capabilities: [
      ControllerCalls.CREATE_DELETE_VOLUME,
      ControllerCalls.PUBLISH_UNPUBLISH_VOLUME,
      ControllerCalls.GET_CAPACITY,
    ].map(type => ({ rpc: { type } })),
  }),
  CreateVolume: async ({ name, capacity_range }) => ({
    volume: {
      volume_id: name,
      capacity_bytes: capacity_range?.required_bytes ?? '0',
      accessible_topology: [topology],
    },
  }),
  DeleteVolume: async () => ({}),
  ControllerPublishVolume: async () => ({}),
  ControllerUnpublishVolume: async () => ({}),
  GetCapacity: async () => ({ available_capacity: String(2 ** 40) }),
})

const node: Service = service('Node', {
  NodeGetCapabilities: async () => ({
    capabilities: [{ rpc: { type: NodeCalls.STAGE_UNSTAGE_VOLUME } }],
  }),
  NodeGetInfo: async () => ({ node_id: 'node', accessible_topology: topology }),
  NodeStageVolume: async () => ({}),
  NodeUnstageVolume: async () => ({}),
  NodePublishVolume: async ({ target_path }) => {
    mkdirSync(target_path, { recursive: true })
    return {}
  },
  NodeUnpublishVolume: async ({ target_path }) => {
    rmSync(target_path, { recursive: true, force: true })
    return {}
  },
})

// The first process of a container has no default action for it.
process.once('SIGTERM', () => process.exit(0))

const [role, endpoint = ''] = process.argv.slice(2)
await startServer({
  endpoint,
  services: [
    identityService({ driverName: NULL_DRIVER, version: '0', snapshotTopology: false }),
    role === 'node' ? node : controller,
  ],
  log: silentLog,
})
