import { controllerService } from '../../src/csi/controller.ts'
import { identityService } from '../../src/csi/identity.ts'
import { nodeService } from '../../src/csi/node.ts'
import { GiB } from '../../src/storage/model.ts'
import { conformanceSuite } from './conformance-suite.ts'
import { MemoryGuest } from './memory-guest.ts'
import { MemoryStorage } from './memory-storage.ts'
import { servePlugin } from './plugin.ts'

const driverName = 'vdisk.ldom-csi.io'

conformanceSuite('services on storage in memory', async () => {
  const storage = new MemoryStorage({ machine: 'm1', guests: ['ldg1', 'ldg2'] })
  const identity = identityService({ driverName, version: '1.2.3' })
  const guest = { machine: 'm1', guest: 'ldg1' }
  const controller = await servePlugin([identity, controllerService({ driverName, volumes: storage, attachments: storage })])
  const node = await servePlugin([identity, nodeService({ driverName, guest, attachLimit: 60, volumes: new MemoryGuest() })])
  return {
    ...{ controller: controller.client, node: node.client, driverName, nodeId: 'm1/ldg1', parameters: { pool: 'silver' } },
    ...{ sizeBytes: 10 * GiB, stagingPath: '/var/lib/staging', targetDirectory: '/var/lib/targets' },
    end: async () => {
      await Promise.all([controller.end(), node.end()])
    },
  }
})
