// Demands on volumes made from snapshots and from volumes.

import type { Draft } from '../../../src/csi/wire/proto.ts'
import type { VolumeContentSource } from '../../../src/csi/wire/types.gen.ts'
import { code, type World } from './world.ts'

export function sourceDemands(world: World): void {
  const sources = [
    {
      from: 'a snapshot',
      make: async () => ({
        snapshot: {
          snapshot_id: (await world.snapshot('daily', await world.create('source'))).snapshot_id,
        },
      }),
      unknown: { snapshot: { snapshot_id: 'non-existing-snapshot-id' } },
    },
    {
      from: 'a volume',
      make: async () => ({ volume: { volume_id: (await world.create('source')).volume_id } }),
      unknown: { volume: { volume_id: 'non-existing-volume-id' } },
    },
    {
      from: 'a volume in use',
      make: async () => ({ volume: { volume_id: (await world.published('source')).volume_id } }),
      unknown: { volume: { volume_id: 'non-existing-volume-id' } },
    },
  ] as const

  describe.each(sources)('from $from', ({ make, unknown }) => {
    const create = (volume_content_source: Draft<VolumeContentSource>, factor = 1) =>
      world.create('copy', { volume_content_source, capacity_range: world.range(factor) })

    test('a volume says where it came from, once and again', async () => {
      const source = await make()
      const copy = await create(source)
      expect(copy).toMatchObject({
        content_source: source,
        capacity_bytes: String(world.installation.sizeBytes),
      })
      expect(await create(source)).toEqual(copy)
      const { volume } = await world.controller.ControllerGetVolume({ volume_id: copy.volume_id })
      expect(volume).toEqual(copy)
    })

    test('a volume may be larger, not smaller', async () => {
      const source = await make()
      expect((await create(source, 2)).capacity_bytes).toBe(
        String(2 * world.installation.sizeBytes),
      )
      const half = world.createRequest('small', {
        volume_content_source: source,
        capacity_range: world.range(0.5),
      })
      expect(await code(world.controller.CreateVolume(half))).toBe('OUT_OF_RANGE')
    })

    test('a volume without a size has that of its source', async () => {
      const volume_content_source = await make()
      const copy = await world.create('copy', { volume_content_source, capacity_range: undefined })
      expect(copy.capacity_bytes).toBe(String(world.installation.sizeBytes))
    })

    test('a source that is not there is not found', async () => {
      const request = world.createRequest('copy', { volume_content_source: unknown })
      expect(await code(world.controller.CreateVolume(request))).toBe('NOT_FOUND')
    })

    test('the same name from another source is refused', async () => {
      const source = await make()
      await create(source)
      expect(await code(world.controller.CreateVolume(world.createRequest('copy')))).toBe(
        'ALREADY_EXISTS',
      )
      const other = { volume: { volume_id: (await world.create('other')).volume_id } }
      const request = world.createRequest('copy', { volume_content_source: other })
      expect(await code(world.controller.CreateVolume(request))).toBe('ALREADY_EXISTS')
    })
  })

  test('a volume from a volume leaves no snapshot to be seen', async () => {
    const { volume_id } = await world.create('source')
    await world.create('copy', { volume_content_source: { volume: { volume_id } } })
    expect(await world.listSnapshotIds()).toEqual([])
  })

  test('what was made outlives what it was made from', async () => {
    const source = await world.create('source')
    const { snapshot_id } = await world.snapshot('daily', source)
    const first = await world.create('first', {
      volume_content_source: { snapshot: { snapshot_id } },
    })
    const second = await world.create('second', {
      volume_content_source: { volume: { volume_id: first.volume_id } },
    })
    expect(await code(world.controller.DeleteVolume({ volume_id: source.volume_id }))).toBe('OK')
    expect(await code(world.controller.DeleteSnapshot({ snapshot_id }))).toBe('OK')
    expect(await code(world.controller.DeleteVolume({ volume_id: first.volume_id }))).toBe('OK')
    expect({ volumes: await world.listIds(), snapshots: await world.listSnapshotIds() }).toEqual({
      volumes: [second.volume_id],
      snapshots: [],
    })
  })
}
