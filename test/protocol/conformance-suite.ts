// What CSI's own test program demands, asked of any installation through its sockets, and what it
// leaves out. csi-sanity itself runs in the system tests; this suite runs anywhere.

import { attachingDemands } from './conformance/attaching.ts'
import { changeDemands } from './conformance/changes.ts'
import { groupDemands } from './conformance/groups.ts'
import { healthDemands } from './conformance/health.ts'
import { identityDemands } from './conformance/identity.ts'
import { listDemands } from './conformance/lists.ts'
import { nodeDemands } from './conformance/node.ts'
import { snapshotDemands } from './conformance/snapshots.ts'
import { sourceDemands } from './conformance/sources.ts'
import { volumeDemands } from './conformance/volumes.ts'
import { type Installation, World } from './conformance/world.ts'

export type { Installation } from './conformance/world.ts'

const DEMANDS: Readonly<Record<string, (world: World) => void>> = {
  'identity and capabilities': identityDemands,
  volumes: volumeDemands,
  lists: listDemands,
  attaching: attachingDemands,
  'the node': nodeDemands,
  snapshots: snapshotDemands,
  'volumes from snapshots and volumes': sourceDemands,
  changes: changeDemands,
  'group snapshots': groupDemands,
  health: healthDemands,
}

/** The installation has to have every capability switched on. */
export function conformanceSuite(name: string, install: () => Promise<Installation>): void {
  describe.each(['mount', 'block'] as const)(`${name}, %s volumes`, kind => {
    const world = new World(kind)
    beforeEach(async () => world.begin(await install()))
    afterEach(() => world.end())
    for (const [subject, demands] of Object.entries(DEMANDS)) {
      describe(subject, () => demands(world))
    }
  })
}
