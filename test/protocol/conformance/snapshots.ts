// Demands on CreateSnapshot, DeleteSnapshot, GetSnapshot and ListSnapshots.

import { code, type World } from './world.ts'

export function snapshotDemands(world: World): void {
  test('a snapshot needs a name and a source, before anything is looked for', async () => {
    expect(await code(world.controller.CreateSnapshot({ source_volume_id: 'unknown' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await code(world.controller.CreateSnapshot({ name: 'daily' }))).toBe('INVALID_ARGUMENT')
    expect(
      await code(world.controller.CreateSnapshot({ name: 'daily', source_volume_id: 'unknown' })),
    ).toBe('NOT_FOUND')
  })

  test('a snapshot has an id, its source, its size and its time, and is ready', async () => {
    const volume = await world.create('pvc')
    const snapshot = await world.snapshot('daily', volume)
    expect(snapshot).toMatchObject({
      source_volume_id: volume.volume_id,
      size_bytes: volume.capacity_bytes,
      ready_to_use: true,
      group_snapshot_id: '',
      accessible_topology: volume.accessible_topology,
    })
    expect(Number(snapshot.creation_time?.seconds)).toBeGreaterThan(0)
    expect(Buffer.byteLength(snapshot.snapshot_id)).toBeLessThanOrEqual(128)
  })

  test('the same request again is the same snapshot, its time included', async () => {
    const volume = await world.create('pvc')
    const first = await world.snapshot('daily', volume)
    expect(await world.snapshot('daily', volume)).toEqual(first)
    expect(
      await Promise.all([world.snapshot('daily', volume), world.snapshot('daily', volume)]),
    ).toEqual([first, first])
    expect(await world.listSnapshotIds()).toEqual([first.snapshot_id])
  })

  test('a name is one snapshot in the whole driver', async () => {
    const volume = await world.create('pvc')
    const other = await world.create('other')
    await world.snapshot('daily', volume)
    const request = { name: 'daily', source_volume_id: other.volume_id }
    expect(await code(world.controller.CreateSnapshot(request))).toBe('ALREADY_EXISTS')
    await world.snapshot('weekly', volume)
  })

  test('a name that was deleted is free again, also for another volume', async () => {
    const volume = await world.create('pvc')
    const other = await world.create('other')
    const { snapshot_id } = await world.snapshot('daily', volume)
    await world.controller.DeleteSnapshot({ snapshot_id })
    expect((await world.snapshot('daily', other)).source_volume_id).toBe(other.volume_id)
  })

  const names = [
    { what: '128 bytes of mixed case', name: 'Ab0-'.repeat(32) },
    { what: 'signs that mean something to ZFS', name: '-r @a/b%c#d\t"\'\n$(reboot)' },
  ]
  test.each(names)('a name may have $what', async ({ name }) => {
    const volume = await world.create('pvc')
    const snapshot = await world.snapshot(name, volume)
    expect(await world.snapshot(name, volume)).toEqual(snapshot)
  })

  test('a volume in use is cut as well', async () => {
    const snapshot = await world.snapshot('daily', await world.published('pvc'))
    expect(snapshot.ready_to_use).toBe(true)
  })

  test('parameters that nobody knows are refused, those of sidecars are not', async () => {
    const volume = await world.create('pvc')
    const request = { name: 'daily', source_volume_id: volume.volume_id }
    expect(
      await code(world.controller.CreateSnapshot({ ...request, parameters: { XXX_FakeKey: 'x' } })),
    ).toBe('INVALID_ARGUMENT')
    const parameters = {
      'csi.storage.k8s.io/volumesnapshot/name': 'daily',
      'csi.storage.k8s.io/volumesnapshot/namespace': 'default',
    }
    await world.snapshot('daily', volume, { parameters })
  })

  test('a snapshot is usable where it was asked for, or is not made', async () => {
    const volume = await world.create('pvc')
    const here = await world.topology()
    const requirements = { requisite: [here], preferred: [here] }
    const { snapshot_id } = await world.snapshot('daily', volume, {
      accessibility_requirements: requirements,
    })
    const { snapshot } = await world.controller.GetSnapshot({ snapshot_id })
    expect(snapshot?.accessible_topology).toContainEqual(here)
    const request = {
      name: 'weekly',
      source_volume_id: volume.volume_id,
      accessibility_requirements: { requisite: [world.elsewhere] },
    }
    expect(await code(world.controller.CreateSnapshot(request))).toBe('RESOURCE_EXHAUSTED')
    expect(await world.listSnapshotIds()).toEqual([snapshot_id])
  })

  test('who names several places hears in which of them a snapshot can be used', async () => {
    const here = await world.topology()
    const requirements = { requisite: [world.elsewhere, here] }
    const snapshot = await world.snapshot('daily', await world.create('pvc'), {
      accessibility_requirements: requirements,
    })
    expect(snapshot.accessible_topology).toEqual([here])
  })

  test('a snapshot is deleted once, twice, and when it never was', async () => {
    const { snapshot_id } = await world.snapshot('daily', await world.create('pvc'))
    expect(await code(world.controller.DeleteSnapshot({ snapshot_id: '' }))).toBe(
      'INVALID_ARGUMENT',
    )
    expect(await code(world.controller.DeleteSnapshot({ snapshot_id }))).toBe('OK')
    expect(await code(world.controller.DeleteSnapshot({ snapshot_id }))).toBe('OK')
    expect(
      await code(world.controller.DeleteSnapshot({ snapshot_id: 'reallyfakesnapshotid' })),
    ).toBe('OK')
    expect(await world.listSnapshotIds()).toEqual([])
  })

  test('a snapshot is got by its id', async () => {
    const snapshot = await world.snapshot('daily', await world.create('pvc'))
    await world.snapshot('unrelated', await world.create('other'))
    expect(await world.controller.GetSnapshot({ snapshot_id: snapshot.snapshot_id })).toEqual({
      snapshot,
    })
    expect(await code(world.controller.GetSnapshot({ snapshot_id: '' }))).toBe('INVALID_ARGUMENT')
    expect(await code(world.controller.GetSnapshot({ snapshot_id: 'none-exist-id' }))).toBe(
      'NOT_FOUND',
    )
    await world.controller.DeleteSnapshot({ snapshot_id: snapshot.snapshot_id })
    expect(await code(world.controller.GetSnapshot({ snapshot_id: snapshot.snapshot_id }))).toBe(
      'NOT_FOUND',
    )
  })

  test('a list can be of one snapshot, or of those of one volume', async () => {
    const [volume, other] = [await world.create('pvc'), await world.create('other')]
    const daily = await world.snapshot('daily', volume)
    const weekly = await world.snapshot('weekly', volume)
    const unrelated = await world.snapshot('unrelated', other)
    const all = [daily, weekly, unrelated].map(({ snapshot_id }) => snapshot_id).sort()
    expect(await world.listSnapshotIds()).toEqual(all)
    expect(
      (await world.controller.ListSnapshots({ snapshot_id: daily.snapshot_id })).entries,
    ).toEqual([{ snapshot: daily }])
    const ofVolume = [daily, weekly].map(({ snapshot_id }) => snapshot_id).sort()
    expect(await world.listSnapshotIds({ source_volume_id: volume.volume_id })).toEqual(ofVolume)
    expect(
      await world.listSnapshotIds({
        source_volume_id: other.volume_id,
        snapshot_id: daily.snapshot_id,
      }),
    ).toEqual([])
  })

  test('a list for something unknown is empty, not an error', async () => {
    await world.snapshot('daily', await world.create('pvc'))
    expect(await world.listSnapshotIds({ snapshot_id: 'none-exist-id' })).toEqual([])
    expect(await world.listSnapshotIds({ source_volume_id: 'none-exist-id' })).toEqual([])
  })

  test('a list in pages has every snapshot that was there throughout, once', async () => {
    const volume = await world.create('pvc')
    for (const name of ['a', 'b', 'c', 'd', 'e']) await world.snapshot(name, volume)
    const all = await world.listSnapshotIds()
    const first = await world.controller.ListSnapshots({ max_entries: 2 })
    await world.controller.DeleteSnapshot({ snapshot_id: all[1] })
    const { snapshot_id: late } = await world.snapshot('late', volume)
    const rest = await world.controller.ListSnapshots({ starting_token: first.next_token })
    const ids = [first, rest].flatMap(page =>
      page.entries.map(({ snapshot }) => snapshot?.snapshot_id),
    )
    expect({
      ids: ids.filter(id => id !== late),
      first: first.entries.length,
      last: rest.next_token,
    }).toEqual({
      ids: all,
      first: 2,
      last: '',
    })
  })

  test('a list is refused for a token of somebody else and a negative page', async () => {
    const [volumeId] = [(await world.create('pvc')).volume_id]
    expect(await code(world.controller.ListSnapshots({ starting_token: 'invalid-token' }))).toBe(
      'ABORTED',
    )
    expect(await code(world.controller.ListSnapshots({ starting_token: volumeId }))).toBe('ABORTED')
    expect(await code(world.controller.ListSnapshots({ max_entries: -1 }))).toBe('INVALID_ARGUMENT')
  })

  test('a volume is deleted while it has snapshots, and they stay', async () => {
    const volume = await world.create('pvc')
    const snapshot = await world.snapshot('daily', volume)
    expect(await code(world.controller.DeleteVolume({ volume_id: volume.volume_id }))).toBe('OK')
    expect(await world.listIds()).toEqual([])
    expect(await world.controller.GetSnapshot({ snapshot_id: snapshot.snapshot_id })).toEqual({
      snapshot,
    })
    const copy = await world.create('copy', {
      volume_content_source: { snapshot: { snapshot_id: snapshot.snapshot_id } },
    })
    expect(copy.capacity_bytes).toBe(volume.capacity_bytes)
  })
}
