// Demands on ControllerPublishVolume and its opposite.

import { code, type World } from './world.ts'

export function attachingDemands(world: World): void {
  test('publishing needs volume, node and capability, before anything is looked for', async () => {
    const request = {
      volume_id: 'unknown',
      node_id: 'unknown',
      volume_capability: world.capability(),
    }
    expect(
      await code(world.controller.ControllerPublishVolume({ ...request, volume_id: '' })),
    ).toBe('INVALID_ARGUMENT')
    expect(await code(world.controller.ControllerPublishVolume({ ...request, node_id: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(
      await code(
        world.controller.ControllerPublishVolume({ ...request, volume_capability: undefined }),
      ),
    ).toBe('INVALID_ARGUMENT')
  })

  test('publishing an unknown volume, or to an unknown node, finds nothing', async () => {
    const volume = await world.create('pvc')
    const machine = world.installation.nodeId.split('/')[0]
    expect(
      await code(
        world.controller.ControllerPublishVolume(
          world.publishRequest(volume, { volume_id: 'unknown' }),
        ),
      ),
    ).toBe('NOT_FOUND')
    for (const node_id of [
      'some-fake-node-id',
      `${machine}/no-such-guest`,
      'no-such-machine/ldg1',
    ]) {
      expect(
        await code(
          world.controller.ControllerPublishVolume(world.publishRequest(volume, { node_id })),
        ),
      ).toBe('NOT_FOUND')
    }
  })

  test('publishing again is the same answer, publishing otherwise is refused', async () => {
    const volume = await world.create('pvc')
    const first = await world.controller.ControllerPublishVolume(world.publishRequest(volume))
    expect(await world.controller.ControllerPublishVolume(world.publishRequest(volume))).toEqual(
      first,
    )
    expect(
      await code(
        world.controller.ControllerPublishVolume(world.publishRequest(volume, { readonly: true })),
      ),
    ).toBe('ALREADY_EXISTS')
  })

  test('unpublishing needs a volume, and succeeds when there is nothing to take away', async () => {
    const volume = await world.create('pvc')
    const { volume_id } = volume
    await world.controller.ControllerPublishVolume(world.publishRequest(volume))
    expect(await code(world.controller.ControllerUnpublishVolume({ volume_id: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    for (const node_id of [
      'some-fake-node-id',
      world.installation.nodeId,
      world.installation.nodeId,
      '',
    ]) {
      expect(await code(world.controller.ControllerUnpublishVolume({ volume_id, node_id }))).toBe(
        'OK',
      )
    }
    expect(
      await code(
        world.controller.ControllerUnpublishVolume({
          volume_id: 'unknown',
          node_id: world.installation.nodeId,
        }),
      ),
    ).toBe('OK')
  })

  test('unpublishing without a node takes the volume from where it is', async () => {
    const volume = await world.create('pvc')
    await world.controller.ControllerPublishVolume(world.publishRequest(volume))
    await world.controller.ControllerUnpublishVolume({ volume_id: volume.volume_id })
    expect(
      (await world.controller.ListVolumes({})).entries.map(
        entry => entry.status?.published_node_ids,
      ),
    ).toEqual([[]])
  })

  test('a volume of one node is not given to another as well', async () => {
    const volume = await world.create('pvc')
    await world.controller.ControllerPublishVolume(world.publishRequest(volume))
    const elsewhere = world.publishRequest(volume, { node_id: world.installation.otherNodeId })
    expect(await code(world.controller.ControllerPublishVolume(elsewhere))).toBe(
      'FAILED_PRECONDITION',
    )
  })

  test('a volume of several nodes is given to each, and taken from each', async () => {
    const { nodeId, otherNodeId } = world.installation
    const volume_capability = world.capability(world.kind === 'block' ? 5 : 3)
    const volume = await world.create('pvc', { volume_capabilities: [volume_capability] })
    const { volume_id } = volume
    const seen = async () =>
      (await world.controller.ControllerGetVolume({ volume_id })).status?.published_node_ids
    for (const node_id of [nodeId, otherNodeId]) {
      await world.controller.ControllerPublishVolume(
        world.publishRequest(volume, { volume_capability, node_id }),
      )
    }
    expect(await seen()).toEqual([nodeId, otherNodeId].sort())
    await world.controller.ControllerUnpublishVolume({ volume_id, node_id: nodeId })
    expect(await seen()).toEqual([otherNodeId])
    expect(await code(world.controller.DeleteVolume({ volume_id }))).toBe('FAILED_PRECONDITION')
    await world.controller.ControllerUnpublishVolume({ volume_id })
    expect(await seen()).toEqual([])
  })

  test('a file system is never given to writers on several nodes', async () => {
    const volume_capability = world.capability(5, 'mount')
    expect(
      await code(
        world.controller.CreateVolume(
          world.createRequest('pvc', { volume_capabilities: [volume_capability] }),
        ),
      ),
    ).toBe('INVALID_ARGUMENT')
    const volume = await world.create('pvc')
    expect(
      await code(
        world.controller.ControllerPublishVolume(
          world.publishRequest(volume, { volume_capability }),
        ),
      ),
    ).toBe('INVALID_ARGUMENT')
  })
}
