// Demands on expansion, on the controller and on the node, and on ControllerModifyVolume.

import { code, type World } from './world.ts'

export function changeDemands(world: World): void {
  test('an expansion needs a volume and a range, before anything is looked for', async () => {
    const capacity_range = world.range(2)
    expect(
      await code(world.controller.ControllerExpandVolume({ volume_id: '', capacity_range })),
    ).toBe('INVALID_ARGUMENT')
    expect(await code(world.controller.ControllerExpandVolume({ volume_id: 'unknown' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(
      await code(world.controller.ControllerExpandVolume({ volume_id: 'unknown', capacity_range })),
    ).toBe('NOT_FOUND')
  })

  test('a volume grows to exactly what is asked, and stays so when asked again', async () => {
    const { volume_id } = await world.create('pvc')
    const request = {
      volume_id,
      capacity_range: world.range(2),
      volume_capability: world.capability(),
    }
    const answer = {
      capacity_bytes: String(2 * world.installation.sizeBytes),
      node_expansion_required: world.kind === 'mount',
    }
    expect(await world.controller.ControllerExpandVolume(request)).toEqual(answer)
    expect(await world.controller.ControllerExpandVolume(request)).toEqual(answer)
    const { volume } = await world.controller.ControllerGetVolume({ volume_id })
    expect(volume?.capacity_bytes).toBe(answer.capacity_bytes)
  })

  test('a volume never shrinks', async () => {
    const { volume_id, capacity_bytes } = await world.create('pvc')
    const half = world.range(0.5)
    const { required_bytes } = half
    expect(
      await code(world.controller.ControllerExpandVolume({ volume_id, capacity_range: half })),
    ).toBe('OUT_OF_RANGE')
    const answer = await world.controller.ControllerExpandVolume({
      volume_id,
      capacity_range: { required_bytes },
    })
    expect(answer.capacity_bytes).toBe(capacity_bytes)
  })

  test('a volume that grew is still the volume of its first request', async () => {
    const volume = await world.create('pvc', {
      capacity_range: { required_bytes: String(world.installation.sizeBytes) },
    })
    await world.controller.ControllerExpandVolume({
      volume_id: volume.volume_id,
      capacity_range: world.range(2),
    })
    const again = await world.create('pvc', {
      capacity_range: { required_bytes: String(world.installation.sizeBytes) },
    })
    expect(again.volume_id).toBe(volume.volume_id)
  })

  test('on the node, an expansion needs a volume and its path', async () => {
    const volume = await world.published('pvc')
    const ask = (volume_id: string, volume_path: string) =>
      code(world.node.NodeExpandVolume({ volume_id, volume_path }))
    expect(await ask('', world.target('a'))).toBe('INVALID_ARGUMENT')
    expect(await ask(volume.volume_id, '')).toBe('INVALID_ARGUMENT')
    expect(await ask('unknown', 'some/path')).toBe('NOT_FOUND')
    expect(await ask(volume.volume_id, world.target('b'))).toBe('NOT_FOUND')
  })

  test('a volume that grew before it was attached has its size on the node', async () => {
    const { volume_id } = await world.create('pvc')
    const capacity_range = world.range(2)
    await world.controller.ControllerExpandVolume({ volume_id, capacity_range })
    const { volume } = await world.controller.ControllerGetVolume({ volume_id })
    if (volume === undefined) throw new Error('ControllerGetVolume answered without a volume')
    const { publish_context } = await world.controller.ControllerPublishVolume(
      world.publishRequest(volume),
    )
    await world.node.NodeStageVolume(world.stageRequest(volume, publish_context))
    await world.node.NodePublishVolume(world.targetRequest(volume, publish_context))
    for (const volume_path of [world.target('a'), world.installation.stagingPath]) {
      const { capacity_bytes } = await world.node.NodeExpandVolume({
        volume_id,
        volume_path,
        capacity_range: { required_bytes: capacity_range.required_bytes },
      })
      expect(capacity_bytes).toBe(capacity_range.required_bytes)
    }
    expect(
      await code(world.node.NodeExpandVolume({ volume_id, volume_path: world.target('a') })),
    ).toBe('OK')
  })

  test('a change needs a volume and parameters that are known', async () => {
    const mutable_parameters = world.installation.mutableParameters
    const { volume_id } = await world.create('pvc')
    const change = (id: string, parameters: Record<string, string>) =>
      code(
        world.controller.ControllerModifyVolume({ volume_id: id, mutable_parameters: parameters }),
      )
    expect(await change('', mutable_parameters)).toBe('INVALID_ARGUMENT')
    expect(await change('unknown', {})).toBe('NOT_FOUND')
    expect(await change('unknown', { XXX_FakeKey: 'x' })).toBe('INVALID_ARGUMENT')
    expect(await change(volume_id, { ...mutable_parameters, XXX_FakeKey: 'XXX_FakeValue' })).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await change(volume_id, { sync: 'disabled' })).toBe('INVALID_ARGUMENT')
  })

  test('a change is made, once and again, and a repeated creation still finds its volume', async () => {
    const mutable_parameters = world.installation.mutableParameters
    const volume = await world.create('pvc')
    const request = { volume_id: volume.volume_id, mutable_parameters }
    expect(await world.controller.ControllerModifyVolume(request)).toEqual({})
    expect(await world.controller.ControllerModifyVolume(request)).toEqual({})
    expect(await world.create('pvc')).toEqual(volume)
  })

  test('a volume can be made with mutable parameters, which no repetition is measured by', async () => {
    const mutable_parameters = world.installation.mutableParameters
    const volume = await world.create('pvc', { mutable_parameters })
    expect(await world.create('pvc', { mutable_parameters })).toEqual(volume)
    await world.controller.ControllerModifyVolume({
      volume_id: volume.volume_id,
      mutable_parameters: { compression: 'off' },
    })
    expect(await world.create('pvc', { mutable_parameters })).toEqual(volume)
  })

  test('a question about capabilities includes the mutable parameters', async () => {
    const mutable_parameters = world.installation.mutableParameters
    const { volume_id } = await world.create('pvc')
    const question = { volume_id, volume_capabilities: [world.capability()] }
    const yes = await world.controller.ValidateVolumeCapabilities({
      ...question,
      mutable_parameters,
    })
    const no = await world.controller.ValidateVolumeCapabilities({
      ...question,
      mutable_parameters: { XXX_FakeKey: 'x' },
    })
    expect(yes.confirmed?.mutable_parameters).toEqual(mutable_parameters)
    expect({ confirmed: no.confirmed, told: no.message !== '' }).toEqual({
      confirmed: undefined,
      told: true,
    })
  })
}
