// The bridges of the test cluster: each node and its pods share one. Nothing is forwarded and
// nothing leaves the machine. The bridges also carry the addresses of the services.

import { attempt, run } from '../support/commands.ts'
import { API_ADDRESS, NODES, nodeAddress, STORAGE_ADDRESS } from './settings.ts'

// The bridge gets its address here: the CNI plugin, asked to do it, would switch IP forwarding on.
export async function createBridges(): Promise<void> {
  for (const node of NODES) {
    const exists = (await attempt(['ip', 'link', 'show', node.bridge])) !== ''
    if (!exists) await run(['ip', 'link', 'add', node.bridge, 'type', 'bridge'])
    await address(node.bridge, `${nodeAddress(node)}/24`)
    await run(['ip', 'link', 'set', node.bridge, 'up'])
  }
  // In place of kube-proxy. The kernel answers for an address of any bridge on every bridge.
  await address(NODES[0].bridge, `${API_ADDRESS}/32`)
  await address(NODES[0].bridge, `${STORAGE_ADDRESS}/32`)
}

const address = (bridge: string, value: string) =>
  run(['ip', 'address', 'replace', value, 'dev', bridge])

export async function deleteBridges(): Promise<void> {
  for (const { bridge } of NODES) await attempt(['ip', 'link', 'delete', bridge])
}
