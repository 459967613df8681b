// Demands on what lists, look-ups and capacity tell.

import { code, type World } from './world.ts'

export function listDemands(world: World): void {
  test('a list has every volume once and none that is gone', async () => {
    const before = await world.listIds()
    const { volume_id } = await world.create('pvc')
    expect(await world.listIds()).toEqual([...before, volume_id])
    await world.controller.DeleteVolume({ volume_id })
    expect(await world.listIds()).toEqual(before)
  })

  test('a list in pages is the same list, whatever is made and deleted meanwhile', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await world.create(name)
    const all = await world.listIds()
    const first = await world.controller.ListVolumes({ max_entries: 2 })
    await world.controller.DeleteVolume({ volume_id: all[1] })
    const { volume_id: late } = await world.create('late')
    const second = await world.controller.ListVolumes({
      max_entries: 2,
      starting_token: first.next_token,
    })
    const rest = await world.controller.ListVolumes({ starting_token: second.next_token })
    const ids = [first, second, rest].flatMap(page =>
      page.entries.map(entry => entry.volume?.volume_id),
    )
    expect({
      ids: ids.filter(id => id !== late),
      last: rest.next_token,
      sizes: [first, second].map(page => page.entries.length),
    }).toEqual({
      ids: all,
      last: '',
      sizes: [2, 2],
    })
  })

  test('a list is refused for a token of somebody else and a negative page', async () => {
    expect(await code(world.controller.ListVolumes({ starting_token: 'invalid-token' }))).toBe(
      'ABORTED',
    )
    expect(await code(world.controller.ListVolumes({ max_entries: -1 }))).toBe('INVALID_ARGUMENT')
  })

  test('list and volume tell where it is published', async () => {
    const volume = await world.create('pvc')
    const { volume_id } = volume
    const seen = async () => {
      const [entry] = (await world.controller.ListVolumes({})).entries
      const one = await world.controller.ControllerGetVolume({ volume_id })
      expect(one).toEqual({ volume: entry?.volume, status: entry?.status })
      expect(one.volume).toEqual(volume)
      return one.status?.published_node_ids
    }
    expect(await seen()).toEqual([])
    await world.controller.ControllerPublishVolume(world.publishRequest(volume))
    expect(await seen()).toEqual([world.installation.nodeId])
    await world.controller.ControllerUnpublishVolume({
      volume_id,
      node_id: world.installation.nodeId,
    })
    expect(await seen()).toEqual([])
  })

  test('a volume is looked for by its id', async () => {
    expect(await code(world.controller.ControllerGetVolume({ volume_id: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await code(world.controller.ControllerGetVolume({ volume_id: 'unknown' }))).toBe(
      'NOT_FOUND',
    )
  })

  test('there is room, less of it after a volume was made, and none at a place that is not ours', async () => {
    const accessible_topology = await world.topology()
    const { parameters } = world.installation
    const room = async () =>
      Number(
        (
          await world.controller.GetCapacity({
            parameters,
            accessible_topology,
            volume_capabilities: [world.capability()],
          })
        ).available_capacity,
      )
    const before = await room()
    await world.create('pvc')
    expect(before - (await room())).toBeGreaterThanOrEqual(world.installation.sizeBytes)
    const segments = { 'topology.kubernetes.io/zone': 'a' }
    expect(
      (await world.controller.GetCapacity({ parameters, accessible_topology: { segments } }))
        .available_capacity,
    ).toBe('0')
  })
}
