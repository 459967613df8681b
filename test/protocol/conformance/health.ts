// Demands on the health calls of CSI 1.13, of an installation in which nothing is wrong.

import { code, type World } from './world.ts'

export function healthDemands(world: World): void {
  test('the health of a volume is asked by its id', async () => {
    const { volume_id } = await world.create('pvc')
    expect(await world.controller.ControllerGetVolumeHealth({ volume_id })).toEqual({
      volume_health: { volume_id, health_statuses: [] },
    })
    expect(await code(world.controller.ControllerGetVolumeHealth({ volume_id: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await code(world.controller.ControllerGetVolumeHealth({ volume_id: 'unknown' }))).toBe(
      'NOT_FOUND',
    )
  })

  test('healthy volumes, attached or not, are not in the list of the others', async () => {
    await world.create('pvc')
    await world.published('used')
    expect(await world.controller.ControllerListVolumeHealth({})).toEqual({
      entries: [],
      next_token: '',
    })
  })

  test('a list is refused for a token of somebody else and a negative page', async () => {
    expect(
      await code(world.controller.ControllerListVolumeHealth({ starting_token: 'invalid-token' })),
    ).toBe('ABORTED')
    expect(await code(world.controller.ControllerListVolumeHealth({ max_entries: -1 }))).toBe(
      'INVALID_ARGUMENT',
    )
  })

  test('the node knows the health of what it staged, with paths or without', async () => {
    const { volume_id } = await world.published('pvc')
    const places = [
      {},
      { staging_target_path: world.installation.stagingPath },
      { volume_publish_path: world.target('a') },
    ]
    for (const paths of places) {
      expect(await world.node.NodeGetVolumeHealth({ volume_id, ...paths })).toEqual({
        volume_health: { volume_id, health_statuses: [] },
      })
    }
  })

  test('the node tells a volume that is not where it should be from a healthy one', async () => {
    const { volume_id } = await world.published('pvc')
    const { volume_health } = await world.node.NodeGetVolumeHealth({
      volume_id,
      volume_publish_path: world.target('b'),
    })
    expect(volume_health?.health_statuses).toMatchObject([
      { status: 2, reason: expect.stringMatching(/^[A-Z][A-Za-z]+$/) },
    ])
  })

  test('the node does not vouch for a volume it knows nothing of', async () => {
    const { volume_id } = await world.create('pvc')
    expect(await code(world.node.NodeGetVolumeHealth({ volume_id: '' }))).toBe('INVALID_ARGUMENT')
    expect(await code(world.node.NodeGetVolumeHealth({ volume_id: 'unknown' }))).toBe('NOT_FOUND')
    expect(await code(world.node.NodeGetVolumeHealth({ volume_id }))).toBe('FAILED_PRECONDITION')
  })

  test('the way to the storage is healthy, used or not', async () => {
    expect(await world.node.NodeGetStorageHealth({})).toEqual({ backend_health: [] })
    await world.published('pvc')
    expect(await world.node.NodeGetStorageHealth({})).toEqual({ backend_health: [] })
  })
}
