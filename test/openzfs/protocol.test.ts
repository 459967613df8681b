// The protocol suite on the real storage host. The guest is a simulated Solaris, because such a
// guest sees a disk grow; its bytes are those of the real zvols.

import { SimShell } from '../../sim/sim-shell.ts'
import { MiB } from '../../src/model/volumes.ts'
import { MUTABLE_PARAMETERS } from '../protocol/conformance/world.ts'
import { conformanceSuite } from '../protocol/conformance-suite.ts'
import { OpenZfsInstallation } from './installation.ts'
import { DRIVER_NAME, serveController, serveNode } from './plugins.ts'

const STAGING = '/var/lib/staging'
const TARGETS = '/var/lib/targets'

let installation: OpenZfsInstallation

beforeAll(async () => {
  installation = await OpenZfsInstallation.onShared('protocol')
  const guest = new SimShell(installation.world.host('m1-ldg1'))
  await guest.run(['/bin/mkdir', '-p', STAGING, TARGETS], { effect: 'write' })
})

afterAll(() => installation?.end())

conformanceSuite('a pool on OpenZFS', async () => {
  const controller = await serveController(installation)
  const node = await serveNode(installation, 'm1/ldg1')
  return {
    controller: controller.client,
    node: node.client,
    driverName: DRIVER_NAME,
    nodeId: 'm1/ldg1',
    otherNodeId: 'm1/ldg2',
    parameters: { pool: 'silver' },
    mutableParameters: MUTABLE_PARAMETERS,
    groups: 'cut',
    readOnlyNodes: 'impossible',
    sizeBytes: 16 * MiB,
    stagingPath: STAGING,
    targetDirectory: TARGETS,
    end: async () => {
      await Promise.all([controller.end(), node.end()])
    },
  }
})
