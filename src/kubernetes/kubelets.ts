// In which guests a kubelet runs: what the node plugins of the driver have registered, as CSINode
// objects say.

import { V1CSINode } from '@kubernetes/client-node/dist/gen/models/V1CSINode.js'
import type { ApiServer } from './api-server.ts'
import { readObject } from './objects.ts'
import { pagesOf } from './pages.ts'

const CSI_NODES = '/apis/storage.k8s.io/v1/csinodes'

/** `<machine>/<guest>` of every node that the driver serves. */
export async function readKubelets(
  api: Pick<ApiServer, 'send'>,
  driverName: string,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const guests = new Set<string>()
  for await (const { items } of pagesOf(api, { path: CSI_NODES }, signal)) {
    // A node on which no driver has registered has null in their place.
    const nodes = items.map(item => readObject(V1CSINode, item))
    for (const { name, nodeID } of nodes.flatMap(({ spec }) => spec?.drivers ?? [])) {
      if (name === driverName) guests.add(nodeID)
    }
  }
  return guests
}
