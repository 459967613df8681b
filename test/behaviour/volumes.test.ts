import { MiB } from '../../src/storage/model.ts'
import { attachRequest, install, volumeSpec } from '../support/installation.ts'

describe.each(['silver', 'gold'])('in pool %s', pool => {
  test('a volume is made, listed, found and deleted, and nothing is left of it', async () => {
    const { driver } = install()
    const { volumes, attachments, audit } = driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    expect(await audit()).toEqual([])
    expect(volume.sizeBytes).toBe(16 * MiB)
    expect((await attachments.listPublished()).map(entry => entry.volume.id)).toEqual([volume.id])
    expect((await volumes.getVolume(volume.id)).name).toBe('pvc-1')
    await volumes.deleteVolume(volume.id)
    expect(await attachments.listPublished()).toEqual([])
    expect(await audit()).toEqual([])
  })

  test('a disk is attached, seen as published, detached', async () => {
    const { driver, world } = install()
    const { volumes, attachments, audit } = driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const attachment = await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
    expect(
      world
        .machine('m1')
        .guestDisks('ldg1')
        .list()
        .map(disk => disk.id),
    ).toEqual([attachment.slot])
    expect(await attachments.publishedTo(volume)).toEqual([{ machine: 'm1', guest: 'ldg1' }])
    expect(await audit()).toEqual([])
    await attachments.detach(volume.id, { machine: 'm1', guest: 'ldg1' })
    expect(world.machine('m1').guestDisks('ldg1').list()).toEqual([])
    expect(await audit()).toEqual([])
    await volumes.deleteVolume(volume.id)
  })
})
