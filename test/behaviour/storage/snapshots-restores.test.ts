// Clones and restores, and how they and their sources grow.

import { GiB, MiB } from '../../../src/model/volumes.ts'
import { attachRequest, volumeSpec } from '../../support/installation.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../../support/node.ts'
import { guest, left, scene, sourced } from './snapshot-scene.ts'

describe.each(['silver', 'gold'])('what is made from something in pool %s', pool => {
  test('a restore shows what the snapshot held, is never formatted, and outlives its source', async () => {
    const { volumes, attachments, snapshots, audit, node, world, reaper } = scene()
    const plugin = node('m1/ldg1')
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const attachment = await attachments.attach(attachRequest(volume.id, guest))
    await plugin.stage(stageRequest(volume, attachment))
    world.guest('m1/ldg1').writeFile(`${STAGING}/a`, 'then')
    const snapshot = await snapshots.createSnapshot({ name: 'before', volumeId: volume.id })
    world.guest('m1/ldg1').writeFile(`${STAGING}/a`, 'now')

    const copy = await volumes.ensureVolume(
      sourced('copy', pool, { kind: 'snapshot', id: snapshot.id }, 32 * MiB),
    )
    expect(copy.sizeBytes).toBe(32 * MiB)
    expect(
      await volumes.ensureVolume(
        sourced('copy', pool, { kind: 'snapshot', id: snapshot.id }, 32 * MiB),
      ),
    ).toMatchObject({
      id: copy.id,
      sizeBytes: copy.sizeBytes,
    })
    const second = await attachments.attach(attachRequest(copy.id, guest))
    const stagingPath = '/var/lib/ldom-csi/staging/two'
    await plugin.stage(stageRequest(copy, second, { stagingPath }))
    expect(world.guest('m1/ldg1').readFile(`${stagingPath}/a`)).toBe('then')
    expect(world.guest('m1/ldg1').readFile(`${STAGING}/a`)).toBe('now')
    expect(world.guest('m1/ldg1').formatCount(second.slot)).toBe(1)

    await plugin.unstage({ volumeId: volume.id, stagingPath: STAGING })
    await attachments.detach(volume.id, guest)
    await volumes.deleteVolume(volume.id)
    await snapshots.deleteSnapshot(snapshot.id)
    expect(world.guest('m1/ldg1').readFile(`${stagingPath}/a`)).toBe('then')
    await expect(volumes.getVolume(volume.id)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(volumes.ensureVolume(volumeSpec({ pool }))).rejects.toMatchObject({
      kind: 'already-exists',
    })
    await plugin.unstage({ volumeId: copy.id, stagingPath })
    await attachments.detach(copy.id, guest)
    await volumes.deleteVolume(copy.id)
    await reaper.sweep()
    expect(await audit()).toEqual([])
    expect(left(world)).toEqual([])
  })

  test('a volume is cloned while it is attached, and the hidden snapshot goes with the clone', async () => {
    const { volumes, attachments, world, audit } = scene()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    await attachments.attach(attachRequest(volume.id, guest))
    const copy = await volumes.ensureVolume(
      sourced('copy', pool, { kind: 'volume', id: volume.id }),
    )
    expect(
      await volumes.ensureVolume(sourced('copy', pool, { kind: 'volume', id: volume.id })),
    ).toMatchObject({ id: copy.id })
    await volumes.deleteVolume(copy.id)
    await attachments.detach(volume.id, guest)
    await volumes.deleteVolume(volume.id)
    expect(left(world)).toEqual([])
    expect(await audit()).toEqual([])
  })

  test('a replay succeeds after its source has gone', async () => {
    const { volumes } = scene()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const copy = await volumes.ensureVolume(
      sourced('copy', pool, { kind: 'volume', id: volume.id }),
    )
    await volumes.deleteVolume(volume.id)
    expect(
      await volumes.ensureVolume(sourced('copy', pool, { kind: 'volume', id: volume.id })),
    ).toMatchObject({ id: copy.id })
  })

  test.each([
    {
      name: 'less than the source',
      change: { size: { requiredBytes: 0, limitBytes: 8 * MiB } },
      kind: 'out-of-range',
    },
    {
      name: 'another block size',
      change: { parameters: { blockSizeBytes: 65536 } },
      kind: 'invalid-argument',
    },
  ])('$name is refused', async ({ change, kind }) => {
    const { volumes } = scene()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    await expect(
      volumes.ensureVolume({
        ...sourced('copy', pool, { kind: 'volume', id: volume.id }),
        ...change,
      }),
    ).rejects.toMatchObject({
      kind,
    })
  })
})

describe('growth', () => {
  test.each(['silver', 'gold'])(
    'of an attached volume in pool %s reaches every layer',
    async pool => {
      const { volumes, attachments, changes, node, world, audit } = scene()
      const plugin = node('m1/ldg1')
      const volume = await volumes.ensureVolume(volumeSpec({ pool }))
      const attachment = await attachments.attach(attachRequest(volume.id, guest))
      await plugin.stage(stageRequest(volume, attachment))
      await plugin.publish(publishRequest(volume, attachment))
      const before = (await plugin.statistics({ volumeId: volume.id, path: TARGET })).bytes.total
      const grown = await changes.expandVolume(volume.id, {
        requiredBytes: 64 * MiB,
        limitBytes: 0,
      })
      expect(grown).toEqual({ sizeBytes: 64 * MiB, guestMustGrow: true })
      expect(
        await changes.expandVolume(volume.id, { requiredBytes: 32 * MiB, limitBytes: 0 }),
      ).toEqual(grown)
      await plugin.expand({ volumeId: volume.id, path: TARGET, sizeBytes: grown.sizeBytes })
      expect(
        (await plugin.statistics({ volumeId: volume.id, path: TARGET })).bytes.total,
      ).toBeGreaterThan(before)
      expect(await audit()).toEqual([])
      expect(world.guest('m1/ldg1').formatCount(attachment.slot)).toBe(1)
    },
  )

  test('below the present size with a limit is out of range', async () => {
    const { volumes, changes } = scene()
    const volume = await volumes.ensureVolume(volumeSpec())
    await expect(
      changes.expandVolume(volume.id, { requiredBytes: 0, limitBytes: 8 * MiB }),
    ).rejects.toMatchObject({ kind: 'out-of-range' })
    await expect(
      changes.expandVolume(volume.id, { requiredBytes: 1024 * GiB, limitBytes: 0 }),
    ).rejects.toMatchObject({ kind: 'out-of-range' })
  })

  test('parameters change, and the creation can still be replayed', async () => {
    const { volumes, changes } = scene()
    const volume = await volumes.ensureVolume(volumeSpec())
    await changes.modifyVolume(volume.id, {
      compression: 'lzjb',
      reservation: 'thin',
      logbias: 'throughput',
    })
    expect((await volumes.getVolume(volume.id)).reservedBytes).toBe(0)
    await changes.modifyVolume(volume.id, { reservation: 'thick' })
    expect((await volumes.getVolume(volume.id)).reservedBytes).toBeGreaterThanOrEqual(
      volume.sizeBytes,
    )
    expect((await volumes.ensureVolume(volumeSpec())).id).toBe(volume.id)
  })
})
