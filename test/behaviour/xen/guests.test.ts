// Volumes inside guests of Xen: found by their number, grown while mounted, and back under the same
// number after a guest or the whole machine was started anew.

import { MiB } from '../../../src/model/volumes.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../../support/node.ts'
import { scene } from './scene.ts'

async function mounted() {
  const all = await scene()
  const plugin = all.node('x1/web')
  const attachment = await all.attach()
  await plugin.stage(stageRequest(all.volume, attachment))
  await plugin.publish(publishRequest(all.volume, attachment))
  const guest = all.world.guest('x1/web')
  const release = async () => {
    await plugin.unpublish({ volumeId: all.id, targetPath: TARGET })
    await plugin.unstage({ volumeId: all.id, stagingPath: STAGING })
  }
  return { ...all, plugin, attachment, guest, release }
}

test('from an empty volume to files, and back to nothing', async () => {
  const { guest, attachment, release, detach, volumes, id, audit } = await mounted()
  guest.writeFile(`${TARGET}/file`, 'bytes')
  expect(guest.readFile(`${TARGET}/file`)).toBe('bytes')
  expect(guest.formatCount(attachment.slot)).toBe(1)

  await release()
  await detach()
  await volumes.deleteVolume(id)
  expect(await audit()).toEqual([])
})

test('a volume that grows while it is mounted is larger in the guest, without being attached again', async () => {
  const { driver, plugin, attachment, volume, id, guest, release } = await mounted()
  await driver().changes.expandVolume(id, { requiredBytes: 64 * MiB, limitBytes: 0 })

  const grown = stageRequest(volume, attachment, { sizeBytes: 64 * MiB })
  await plugin.expand({ ...grown, path: TARGET, sizeBytes: 64 * MiB })
  expect(guest.disk(attachment.slot)?.sizeBytes()).toBe(64 * MiB)
  await release()
})

test('a guest that reboots has its disk again, under the same number', async () => {
  const { world, attachment, volume, plugin, attach, guest, audit } = await mounted()
  guest.writeFile(`${STAGING}/kept`, 'bytes')
  world.xen('x1').rebootGuest('web')

  expect(await attach()).toMatchObject({ slot: attachment.slot })
  await plugin.stage(stageRequest(volume, attachment))
  expect(guest.readFile(`${STAGING}/kept`)).toBe('bytes')
  expect(guest.formatCount(attachment.slot)).toBe(1)
  expect(await audit()).toEqual([])
})

describe.each([
  [
    'a guest that was destroyed and created',
    ({ world }: Awaited<ReturnType<typeof mounted>>) => {
      world.xen('x1').destroy('web')
      world.xen('x1').create('web')
    },
  ],
  [
    'dom0 lost power',
    ({ world }: Awaited<ReturnType<typeof mounted>>) => world.xen('x1').powerCycle(),
  ],
])('%s', (_, happen) => {
  test('the disk is gone, audit says so, and the next call brings it back under its number', async () => {
    const all = await mounted()
    const { attachment, volume, attach, guest, plugin, vbds, audit } = all
    guest.writeFile(`${STAGING}/kept`, 'bytes')
    happen(all)
    expect(vbds('web')).toEqual([])
    expect(await audit()).toMatchObject([{ kind: 'attachment-incomplete' }])

    expect(await attach()).toMatchObject({ slot: attachment.slot })
    await plugin.stage(stageRequest(volume, attachment))
    expect(guest.readFile(`${STAGING}/kept`)).toBe('bytes')
    expect(guest.formatCount(attachment.slot)).toBe(1)
    expect(await audit()).toEqual([])
  })

  test('the volume can be detached and given to another guest', async () => {
    const all = await mounted()
    happen(all)

    await all.detach()
    await all.attach('x1/db')
    expect(all.vbds('db')).toHaveLength(1)
    expect(await all.audit()).toEqual([])
  })
})

test('a guest that is off releases its volume: its disks are gone with it', async () => {
  const { world, detach, attach, audit, changes } = await mounted()
  world.xen('x1').destroy('web')
  const before = changes().filter(words => words[0] === 'xl').length

  await detach()
  expect(changes().filter(words => words[0] === 'xl')).toHaveLength(before)
  await attach('x1/db')
  expect(await audit()).toEqual([])
})

test('a disk that is removed while it is mounted loses what was not written: no guest refuses it', async () => {
  const { xl, vbds, guest } = await mounted()
  await xl('block-detach', 'web', vbds('web')[0]?.vdev ?? '')

  expect(vbds('web')).toEqual([])
  expect(() => guest.writeFile(`${TARGET}/late`, 'bytes')).toThrow()
})

test('the plugin of a guest with another bus says where it runs', async () => {
  const { node, volume, attachment } = await mounted()
  const plugin = node('x1/db')

  await expect(plugin.stage(stageRequest(volume, attachment))).rejects.toMatchObject({
    kind: 'unavailable',
  })
})
