// Demands on the Identity service, and on what both services say they can do.

import type { World } from './world.ts'

export function identityDemands(world: World): void {
  test('both sockets name the same plugin, with the same capabilities, and are ready', async () => {
    const { controller, node, driverName } = world.installation
    const answers = [controller, node].map(async ({ identity }) => {
      const { name, vendor_version } = await identity.GetPluginInfo({})
      const { capabilities } = await identity.GetPluginCapabilities({})
      expect(vendor_version).not.toBe('')
      const services = capabilities.flatMap(({ service }) => service?.type ?? [])
      const expansions = capabilities.flatMap(
        ({ volume_expansion: expansion }) => expansion?.type ?? [],
      )
      return { name, ready: (await identity.Probe({})).ready?.value, services, expansions }
    })
    const same = { name: driverName, ready: true, services: [1, 2, 3, 5], expansions: [1] }
    expect(await Promise.all(answers)).toEqual([same, same])
    expect(driverName).toMatch(/^[a-z][a-z0-9.-]{0,61}[a-z]$/)
  })

  // Numbers that 1.13 reserves (4 of the node, 11 of the controller) and numbers it does not know
  // are in none of these lists.
  test('the capabilities are those whose every promise holds', async () => {
    const controls = (await world.controller.ControllerGetCapabilities({})).capabilities.map(
      ({ rpc }) => rpc?.type,
    )
    const groups = (await world.groups.GroupControllerGetCapabilities({})).capabilities.map(
      ({ rpc }) => rpc?.type,
    )
    const nodes = (await world.node.NodeGetCapabilities({})).capabilities.map(
      ({ rpc }) => rpc?.type,
    )
    expect({ controls, groups, nodes }).toEqual({
      controls: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17],
      groups: [1],
      nodes: [1, 2, 3, 5, 7, 8],
    })
  })

  test('the node says its id and its place', async () => {
    const { node_id, max_volumes_per_node, accessible_topology } = await world.node.NodeGetInfo({})
    expect(node_id).toBe(world.installation.nodeId)
    expect(Number(max_volumes_per_node)).toBeGreaterThanOrEqual(0)
    expect(Object.keys(accessible_topology?.segments ?? {})).toEqual([
      `${world.installation.driverName}/machine`,
    ])
  })
}
