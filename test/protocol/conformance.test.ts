import { controllerService } from '../../src/csi/controller.ts'
import { identityService } from '../../src/csi/identity.ts'
import { nodeService } from '../../src/csi/node.ts'
import { groupControllerService } from '../../src/csi/snapshots.ts'
import { GiB } from '../../src/model/volumes.ts'
import { MUTABLE_PARAMETERS } from './conformance/world.ts'
import { conformanceSuite } from './conformance-suite.ts'
import { MemoryGuest } from './memory-guest.ts'
import { controllerOptions, MemoryStorage } from './memory-storage.ts'
import { servePlugin } from './plugin.ts'

const driverName = 'vdisk.ldom-csi.io'

conformanceSuite('services on storage in memory', async () => {
  const storage = new MemoryStorage({ machine: 'm1', guests: ['ldg1', 'ldg2'] })
  const identity = identityService({ driverName, version: '1.2.3', snapshotTopology: true })
  const guest = { machine: 'm1', guest: 'ldg1' }
  const options = { driverName, ...controllerOptions(storage) }
  const controller = await servePlugin([
    identity,
    controllerService(options),
    groupControllerService({ ...options, groups: storage.snapshots }),
  ])
  const volumes = new MemoryGuest()
  const node = await servePlugin([
    identity,
    nodeService({ driverName, guest, attachLimit: 60, volumes, health: volumes }),
  ])
  return {
    ...{
      controller: controller.client,
      node: node.client,
      driverName,
      nodeId: 'm1/ldg1',
      otherNodeId: 'm1/ldg2',
      parameters: { pool: 'silver' },
    },
    mutableParameters: MUTABLE_PARAMETERS,
    ...{
      groups: 'cut' as const,
      readOnlyNodes: 'made' as const,
      sizeBytes: 10 * GiB,
      stagingPath: '/var/lib/staging',
      targetDirectory: '/var/lib/targets',
    },
    end: async () => {
      await Promise.all([controller.end(), node.end()])
    },
  }
})
