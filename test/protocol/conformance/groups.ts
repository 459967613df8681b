// Demands on the GroupController service.

import { code, idsOf, type World } from './world.ts'

export function groupDemands(world: World): void {
  // Where the dialect cannot, every test ends at the refusal, which must leave nothing behind.
  const testCut = (title: string, body: () => Promise<void>) =>
    test(title, async () => {
      if (world.installation.groups === 'cut') return body()
      const source_volume_ids = (await twoVolumes()).map(({ volume_id }) => volume_id)
      expect(
        await code(world.groups.CreateVolumeGroupSnapshot({ name: 'night', source_volume_ids })),
      ).toBe('FAILED_PRECONDITION')
      expect(await world.listSnapshotIds()).toEqual([])
    })
  const twoVolumes = async () => [await world.create('one'), await world.create('two')] as const

  test('a group needs a name and volumes, before anything is looked for', async () => {
    const create = (name: string, source_volume_ids: readonly string[]) =>
      code(world.groups.CreateVolumeGroupSnapshot({ name, source_volume_ids }))
    const [one] = await twoVolumes()
    expect(await create('', ['unknown'])).toBe('INVALID_ARGUMENT')
    expect(await create('night', [])).toBe('INVALID_ARGUMENT')
    expect(await create('night', [one.volume_id, 'unknown'])).toBe('NOT_FOUND')
    expect(await world.listSnapshotIds()).toEqual([])
  })

  testCut('a group is one snapshot of each volume, cut at one time', async () => {
    const volumes = await twoVolumes()
    const group = await world.group('night', volumes)
    expect(group.ready_to_use).toBe(true)
    expect(group.snapshots.map(({ source_volume_id }) => source_volume_id).sort()).toEqual(
      volumes.map(({ volume_id }) => volume_id).sort(),
    )
    for (const snapshot of group.snapshots) {
      expect(snapshot).toMatchObject({
        group_snapshot_id: group.group_snapshot_id,
        creation_time: group.creation_time,
        ready_to_use: true,
      })
    }
    expect(new Set(idsOf(group)).size).toBe(2)
  })

  testCut(
    'the same request again is the same group, in whatever order its volumes are named',
    async () => {
      const [one, two] = await twoVolumes()
      const group = await world.group('night', [one, two])
      expect(await world.group('night', [one, two])).toEqual(group)
      expect(await world.group('night', [two, one])).toEqual(group)
    },
  )

  testCut('the same name with other volumes is refused', async () => {
    const [one, two] = await twoVolumes()
    await world.group('night', [one, two])
    const request = { name: 'night', source_volume_ids: [one.volume_id] }
    expect(await code(world.groups.CreateVolumeGroupSnapshot(request))).toBe('ALREADY_EXISTS')
  })

  test('parameters that nobody knows are refused', async () => {
    const [one] = await twoVolumes()
    const request = {
      name: 'night',
      source_volume_ids: [one.volume_id],
      parameters: { XXX_FakeKey: 'x' },
    }
    expect(await code(world.groups.CreateVolumeGroupSnapshot(request))).toBe('INVALID_ARGUMENT')
  })

  testCut(
    'members are listed, got and restored like other snapshots, and not deleted alone',
    async () => {
      const group = await world.group('night', await twoVolumes())
      const [member] = group.snapshots
      const snapshot_id = member?.snapshot_id ?? ''
      expect(await world.listSnapshotIds()).toEqual([...idsOf(group)].sort())
      expect(await world.controller.GetSnapshot({ snapshot_id })).toEqual({ snapshot: member })
      expect(await code(world.controller.DeleteSnapshot({ snapshot_id }))).toBe('INVALID_ARGUMENT')
      expect(
        (await world.create('copy', { volume_content_source: { snapshot: { snapshot_id } } }))
          .content_source,
      ).toEqual({
        snapshot: { snapshot_id },
      })
    },
  )

  testCut('a group is got by its id and its members', async () => {
    const group = await world.group('night', await twoVolumes())
    const get = (group_snapshot_id: string, snapshot_ids: readonly string[] = []) =>
      world.groups.GetVolumeGroupSnapshot({ group_snapshot_id, snapshot_ids })
    expect(await get(group.group_snapshot_id, idsOf(group))).toEqual({ group_snapshot: group })
    expect(await code(get(''))).toBe('INVALID_ARGUMENT')
    expect(await code(get('fake-group-id'))).toBe('NOT_FOUND')
    expect(await code(get('fake-group-id', idsOf(group)))).toBe('NOT_FOUND')
    expect(await code(get(group.group_snapshot_id, idsOf(group).slice(1)))).toBe('INVALID_ARGUMENT')
  })

  testCut('a group is deleted with its members, once, twice, and when it never was', async () => {
    const group = await world.group('night', await twoVolumes())
    const { group_snapshot_id } = group
    const remove = (id: string, snapshot_ids: readonly string[] = []) =>
      code(world.groups.DeleteVolumeGroupSnapshot({ group_snapshot_id: id, snapshot_ids }))
    expect(await remove('')).toBe('INVALID_ARGUMENT')
    expect(await remove(group_snapshot_id, ['fake-snapshot-id'])).toBe('INVALID_ARGUMENT')
    expect(await world.listSnapshotIds()).toEqual([...idsOf(group)].sort())
    expect(await remove(group_snapshot_id, idsOf(group))).toBe('OK')
    expect(await remove(group_snapshot_id, idsOf(group))).toBe('OK')
    expect(await remove('fake-group-id')).toBe('OK')
    expect(await world.listSnapshotIds()).toEqual([])
  })
}
