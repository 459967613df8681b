// The life of a volume, call by call.

import { MiB } from '../../../src/model/volumes.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { byHand } from '../../support/meddling.ts'
import { block, gold } from './attachment-scene.ts'

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

test('fifty disks attached to one guest at once have fifty numbers', async () => {
  const { driver, world } = install()
  const { volumes, attachments, audit } = driver()
  const names = Array.from({ length: 50 }, (_, at) => `pvc-${at}`)
  const made = await Promise.all(
    names.map(name =>
      volumes.ensureVolume(volumeSpec({ name, size: { requiredBytes: 1 * MiB, limitBytes: 0 } })),
    ),
  )
  const attached = await Promise.all(
    made.map(volume => attachments.attach(attachRequest(volume.id, 'm1/ldg1'))),
  )
  expect(new Set(attached.map(attachment => attachment.slot)).size).toBe(50)
  expect(world.machine('m1').guestDisks('ldg1').list()).toHaveLength(50)
  expect(await audit()).toEqual([])
})

test('a number that was taken while the guest was without its disk is not fought for', async () => {
  const installation = install()
  const { world } = installation
  const { volumes, attachments, audit } = installation.driver()
  const volume = await volumes.ensureVolume(volumeSpec())
  const before = await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
  world.machine('m1').powerCycle()
  // Nobody else gets it from the driver, not even who asks for it.
  const other = await volumes.ensureVolume(volumeSpec({ name: 'other', format: { kind: 'block' } }))
  const asked = attachRequest(other.id, 'm1/ldg1', { slot: before.slot, format: { kind: 'block' } })
  await expect(attachments.attach(asked)).rejects.toMatchObject({ kind: 'in-use' })
  await byHand(
    installation,
    'm1-primary',
    '/usr/sbin/ldm add-vdsdev /dev/dsk/theirs theirs@primary-vds0',
  )
  await byHand(
    installation,
    'm1-primary',
    `/usr/sbin/ldm add-vdisk id=${before.slot} theirs theirs@primary-vds0 ldg1`,
  )
  const after = await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
  expect(after.slot).not.toBe(before.slot)
  expect(await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))).toEqual(after)
  expect(await audit()).toEqual([])
})

test(
  'a raw volume that grows is told to its guest where that does not look at the size of its ' +
    'disk again',
  async () => {
    const installation = install()
    const driver = installation.driver()
    const { id } = await gold(driver)
    const larger = (count: number) =>
      driver.changes.expandVolume(id, { requiredBytes: count * 32 * MiB, limitBytes: 0 })
    expect(await larger(1)).toMatchObject({ guestMustGrow: false })
    await driver.attachments.attach(attachRequest(id, 'm1/ldg1', { format: block }))
    expect(await larger(2)).toMatchObject({ guestMustGrow: false })
    await driver.attachments.detach(id, undefined)
    await driver.attachments.attach(attachRequest(id, 'm1/ldg2', { format: block }))
    expect(await larger(3)).toMatchObject({ guestMustGrow: true })
  },
)
