// Demands on making, finding and deleting volumes.

import { code, type World } from './world.ts'

export function volumeDemands(world: World): void {
  test('a volume needs a name and capabilities', async () => {
    expect(await code(world.controller.CreateVolume(world.createRequest('')))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(
      await code(
        world.controller.CreateVolume(world.createRequest('pvc', { volume_capabilities: [] })),
      ),
    ).toBe('INVALID_ARGUMENT')
  })

  test('a volume without a size gets one', async () => {
    expect(
      Number((await world.create('pvc', { capacity_range: undefined })).capacity_bytes),
    ).toBeGreaterThan(0)
  })

  test('a volume has exactly the size that was asked for, and tells where it can be reached', async () => {
    const volume = await world.create('pvc')
    const accessible_topology = await world.topology()
    expect(volume.capacity_bytes).toBe(String(world.installation.sizeBytes))
    expect(volume.accessible_topology).toContainEqual(accessible_topology)
  })

  test('the same request again is the same answer, also when it comes twice at once', async () => {
    const first = await world.create('pvc')
    expect(await world.create('pvc')).toEqual(first)
    expect(await Promise.all([world.create('pvc'), world.create('pvc')])).toEqual([first, first])
  })

  test('a volume that exists answers any range around its size', async () => {
    const first = await world.create('pvc')
    expect(await world.create('pvc', { capacity_range: { required_bytes: '1' } })).toEqual(first)
  })

  test('the same name with another size, parameter or kind is refused', async () => {
    await world.create('pvc')
    const bytes = String(2 * world.installation.sizeBytes)
    const { otherCapability: other } = world
    const larger = world.createRequest('pvc', {
      capacity_range: { required_bytes: bytes, limit_bytes: bytes },
    })
    const compressed = world.createRequest('pvc', {
      parameters: { ...world.installation.parameters, compression: 'gzip-3' },
    })
    expect(await code(world.controller.CreateVolume(larger))).toBe('ALREADY_EXISTS')
    expect(await code(world.controller.CreateVolume(compressed))).toBe('ALREADY_EXISTS')
    expect(
      await code(
        world.controller.CreateVolume(world.createRequest('pvc', { volume_capabilities: [other] })),
      ),
    ).toBe('ALREADY_EXISTS')
  })

  test('two names that differ only in case are two volumes', async () => {
    expect((await world.create('Pvc')).volume_id).not.toBe((await world.create('pvc')).volume_id)
  })

  const names = [
    { what: '128 bytes of mixed case', name: 'Ab0-'.repeat(32) },
    { what: 'other scripts', name: 'том/заявка №1' },
    { what: 'signs that mean something to ZFS', name: '-rf @snap tank/a%b\t"\'\n$(reboot)' },
  ]

  test.each(names)('a name may have $what', async ({ name }) => {
    const volume = await world.create(name)
    expect(await world.create(name)).toEqual(volume)
    expect(await world.listIds()).toEqual([volume.volume_id])
  })

  test('sizes that cannot be are out of range', async () => {
    const range = (required_bytes: string, limit_bytes: string) =>
      code(
        world.controller.CreateVolume(
          world.createRequest('pvc', { capacity_range: { required_bytes, limit_bytes } }),
        ),
      )
    expect(await range('-1', '0')).toBe('OUT_OF_RANGE')
    expect(await range('2000000000', '1000000000')).toBe('OUT_OF_RANGE')
    expect(await range('9223372036854775807', '0')).toBe('OUT_OF_RANGE')
  })

  test('unknown parameters, mutable or not, are refused', async () => {
    expect(
      await code(
        world.controller.CreateVolume(
          world.createRequest('pvc', { mutable_parameters: { XXX_FakeKey: 'x' } }),
        ),
      ),
    ).toBe('INVALID_ARGUMENT')
    expect(
      await code(
        world.controller.CreateVolume(
          world.createRequest('pvc', { parameters: { XXX_FakeKey: 'x' } }),
        ),
      ),
    ).toBe('INVALID_ARGUMENT')
  })

  test('a volume that must be where no pool reaches is not made', async () => {
    const segments = world.elsewhere.segments
    const request = world.createRequest('pvc', {
      accessibility_requirements: { requisite: [{ segments }] },
    })
    expect(await code(world.controller.CreateVolume(request))).toBe('RESOURCE_EXHAUSTED')
  })

  test('a volume that may be where the node is, is made', async () => {
    const accessible_topology = await world.topology()
    const terms = accessible_topology === undefined ? [] : [accessible_topology]
    const volume = await world.create('pvc', {
      accessibility_requirements: { requisite: terms, preferred: terms },
    })
    expect(volume.accessible_topology).toContainEqual(accessible_topology)
  })

  test('a volume is deleted once, twice, and when it never was', async () => {
    const { volume_id } = await world.create('pvc')
    expect(await code(world.controller.DeleteVolume({ volume_id: '' }))).toBe('INVALID_ARGUMENT')
    expect(await code(world.controller.DeleteVolume({ volume_id }))).toBe('OK')
    expect(await code(world.controller.DeleteVolume({ volume_id }))).toBe('OK')
    expect(await code(world.controller.DeleteVolume({ volume_id: 'reallyfakevolumeid' }))).toBe(
      'OK',
    )
    expect(await world.listIds()).toEqual([])
  })

  test('a published volume is not deleted', async () => {
    const volume = await world.create('pvc')
    await world.controller.ControllerPublishVolume(world.publishRequest(volume))
    expect(await code(world.controller.DeleteVolume({ volume_id: volume.volume_id }))).toBe(
      'FAILED_PRECONDITION',
    )
    expect(await world.listIds()).toEqual([volume.volume_id])
  })

  test('what a volume can be asked for is confirmed in the words of the question', async () => {
    const { volume_id, volume_context } = await world.create('pvc')
    const question = {
      volume_id,
      volume_context,
      volume_capabilities: [world.capability(), world.capability(7)],
      parameters: world.installation.parameters,
    }
    const { confirmed } = await world.controller.ValidateVolumeCapabilities(question)
    expect(confirmed).toMatchObject({ volume_context, parameters: world.installation.parameters })
    expect(
      confirmed?.volume_capabilities.map(each => [world.kind in each, each.access_mode?.mode]),
    ).toEqual([
      [true, 1],
      [true, 7],
    ])
  })

  test('what a volume cannot be asked for is denied with a reason', async () => {
    const { volume_id } = await world.create('pvc')
    const { otherCapability: other } = world
    const shared = world.capability(5, 'mount')
    for (const asked of [other, shared]) {
      const { confirmed, message } = await world.controller.ValidateVolumeCapabilities({
        volume_id,
        volume_capabilities: [world.capability(), asked],
      })
      expect(confirmed).toBeUndefined()
      expect(message).not.toBe('')
    }
  })

  test('a question about capabilities needs a volume and capabilities', async () => {
    const volume_capabilities = [world.capability()]
    const ask = (request: Parameters<typeof world.controller.ValidateVolumeCapabilities>[0]) =>
      code(world.controller.ValidateVolumeCapabilities(request))
    expect(await ask({ volume_id: '', volume_capabilities })).toBe('INVALID_ARGUMENT')
    expect(await ask({ volume_id: 'unknown', volume_capabilities: [] })).toBe('INVALID_ARGUMENT')
    expect(await ask({ volume_id: 'unknown', volume_capabilities })).toBe('NOT_FOUND')
  })
}
