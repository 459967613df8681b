// Demands on the Node service, and on the whole life of a volume.

import { code, type World } from './world.ts'

export function nodeDemands(world: World): void {
  test('staging needs volume, path and capability', async () => {
    const request = {
      volume_id: 'unknown',
      staging_target_path: world.installation.stagingPath,
      volume_capability: world.capability(),
    }
    expect(await code(world.node.NodeStageVolume({ ...request, volume_id: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await code(world.node.NodeStageVolume({ ...request, staging_target_path: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(
      await code(world.node.NodeStageVolume({ ...request, volume_capability: undefined })),
    ).toBe('INVALID_ARGUMENT')
  })

  test(
    'unstaging and unpublishing on the node need what they name, and succeed when nothing is ' +
      'there',
    async () => {
      const { volume_id } = await world.create('pvc')
      const staging_target_path = world.installation.stagingPath
      expect(await code(world.node.NodeUnstageVolume({ volume_id: '', staging_target_path }))).toBe(
        'INVALID_ARGUMENT',
      )
      expect(await code(world.node.NodeUnstageVolume({ volume_id }))).toBe('INVALID_ARGUMENT')
      expect(
        await code(
          world.node.NodeUnpublishVolume({ volume_id: '', target_path: world.target('a') }),
        ),
      ).toBe('INVALID_ARGUMENT')
      expect(await code(world.node.NodeUnpublishVolume({ volume_id }))).toBe('INVALID_ARGUMENT')
      for (const id of [volume_id, 'unknown']) {
        expect(
          await code(world.node.NodeUnstageVolume({ volume_id: id, staging_target_path })),
        ).toBe('OK')
        expect(
          await code(
            world.node.NodeUnpublishVolume({ volume_id: id, target_path: world.target('a') }),
          ),
        ).toBe('OK')
      }
    },
  )

  test('publishing on the node needs volume, target and capability, and a volume that is staged', async () => {
    const request = {
      volume_id: 'unknown',
      target_path: world.target('a'),
      volume_capability: world.capability(),
    }
    expect(await code(world.node.NodePublishVolume({ ...request, volume_id: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await code(world.node.NodePublishVolume({ ...request, target_path: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(
      await code(world.node.NodePublishVolume({ ...request, volume_capability: undefined })),
    ).toBe('INVALID_ARGUMENT')
    expect(await code(world.node.NodePublishVolume(request))).toBe('FAILED_PRECONDITION')
  })

  test('statistics need a volume and a path, and are found only where the volume is', async () => {
    const { volume, publish_context } = await world.staged('pvc', 1)
    const { volume_id } = volume
    await world.node.NodePublishVolume(world.targetRequest(volume, publish_context))
    const ask = (volume_id: string, volume_path: string) =>
      code(world.node.NodeGetVolumeStats({ volume_id, volume_path }))
    expect(await ask('', world.target('a'))).toBe('INVALID_ARGUMENT')
    expect(await ask(volume_id, '')).toBe('INVALID_ARGUMENT')
    expect(await ask('unknown', 'some/path')).toBe('NOT_FOUND')
    expect(await ask(volume_id, 'some/path')).toBe('NOT_FOUND')
    expect(await ask(volume_id, world.target('b'))).toBe('NOT_FOUND')
    const { usage } = await world.node.NodeGetVolumeStats({
      volume_id,
      volume_path: world.target('a'),
    })
    expect(usage.map(({ unit }) => unit)).toEqual(world.kind === 'block' ? [1] : [1, 2])
    expect(Number(usage[0]?.total)).toBeGreaterThan(0)
  })

  test('a volume lives its whole life, every step done twice, ten times over', async () => {
    for (let round = 0; round < 10; round++) {
      const volume = await world.create('pvc')
      const { volume_id } = volume
      await world.create('pvc')
      const { publish_context } = await world.controller.ControllerPublishVolume(
        world.publishRequest(volume),
      )
      const steps = [
        () => world.controller.ControllerPublishVolume(world.publishRequest(volume)),
        () => world.node.NodeStageVolume(world.stageRequest(volume, publish_context)),
        () => world.node.NodePublishVolume(world.targetRequest(volume, publish_context)),
        () => world.node.NodeUnpublishVolume({ volume_id, target_path: world.target('a') }),
        () =>
          world.node.NodeUnstageVolume({
            volume_id,
            staging_target_path: world.installation.stagingPath,
          }),
        () =>
          world.controller.ControllerUnpublishVolume({
            volume_id,
            node_id: world.installation.nodeId,
          }),
        () => world.controller.DeleteVolume({ volume_id }),
      ]
      for (const step of steps) expect(await step()).toEqual(await step())
    }
    expect(await world.listIds()).toEqual([])
  })

  test('one workload at a time: a second target of SINGLE_NODE_SINGLE_WRITER is refused', async () => {
    const { volume, publish_context } = await world.staged('pvc', 6)
    const fields = { volume_capability: world.capability(6) }
    expect(
      await code(
        world.node.NodePublishVolume(world.targetRequest(volume, publish_context, fields)),
      ),
    ).toBe('OK')
    expect(
      await code(
        world.node.NodePublishVolume(world.targetRequest(volume, publish_context, fields)),
      ),
    ).toBe('OK')
    const second = world.targetRequest(volume, publish_context, {
      ...fields,
      target_path: world.target('b'),
    })
    expect(await code(world.node.NodePublishVolume(second))).toBe('FAILED_PRECONDITION')
  })

  test('several workloads of one node: a second target of SINGLE_NODE_MULTI_WRITER is made', async () => {
    const { volume, publish_context } = await world.staged('pvc', 7)
    for (const name of ['a', 'b']) {
      const request = world.targetRequest(volume, publish_context, {
        volume_capability: world.capability(7),
        target_path: world.target(name),
      })
      expect(await code(world.node.NodePublishVolume(request))).toBe('OK')
    }
  })

  test('the same target with other terms is refused', async () => {
    const { volume, publish_context } = await world.staged('pvc', 7)
    const fields = { volume_capability: world.capability(7) }
    const publish = (readonly: boolean) =>
      code(
        world.node.NodePublishVolume(
          world.targetRequest(volume, publish_context, { ...fields, readonly }),
        ),
      )
    expect(await publish(false)).toBe('OK')
    // A raw volume that is attached writable has no readers, whatever the target.
    const refusals =
      world.kind === 'mount' ? ['ALREADY_EXISTS'] : ['ALREADY_EXISTS', 'FAILED_PRECONDITION']
    expect(refusals).toContain(await publish(true))
  })
}
