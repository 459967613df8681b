import { MiB } from '../../../src/model/volumes.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../../support/node.ts'

const ways = [
  { pool: 'silver', guest: 'm1/ldg1', what: 'one path, Solaris' },
  { pool: 'silver', guest: 'm1/ldg2', what: 'one path, Linux' },
  { pool: 'gold', guest: 'm1/ldg1', what: 'two paths, Solaris' },
  { pool: 'gold', guest: 'm1/ldg2', what: 'two paths, Linux' },
]

describe.each(ways)('$what', ({ pool, guest }) => {
  test('a claim goes in, a mounted file system comes out, and everything goes again', async () => {
    const { driver, node, world } = install()
    const { volumes, attachments, audit } = driver()
    const plugin = node(guest)
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const attachment = await attachments.attach(attachRequest(volume.id, guest))
    await plugin.stage(stageRequest(volume, attachment))
    await plugin.publish(publishRequest(volume, attachment))
    world.guest(guest).writeFile(`${TARGET}/hello`, 'world')
    expect(world.guest(guest).readFile(`${STAGING}/hello`)).toBe('world')
    expect(world.guest(guest).formatCount(attachment.slot)).toBe(1)
    expect(
      (await plugin.statistics({ volumeId: volume.id, path: TARGET })).bytes.total,
    ).toBeGreaterThan(0)

    await plugin.unpublish({ volumeId: volume.id, targetPath: TARGET })
    await plugin.unstage({ volumeId: volume.id, stagingPath: STAGING })
    await attachments.detach(volume.id, attachment.guest)

    const again = await attachments.attach(attachRequest(volume.id, guest))
    expect(again.slot).toBe(attachment.slot)
    await plugin.stage(stageRequest(volume, again))
    expect(world.guest(guest).readFile(`${STAGING}/hello`)).toBe('world')
    expect(world.guest(guest).formatCount(attachment.slot)).toBe(1)
    await plugin.unstage({ volumeId: volume.id, stagingPath: STAGING })
    await attachments.detach(volume.id, undefined)
    await volumes.deleteVolume(volume.id)
    expect(await audit()).toEqual([])
  })

  test('a raw block volume is the device itself', async () => {
    const { driver, node, world } = install()
    const { volumes, attachments } = driver()
    const plugin = node(guest)
    const volume = await volumes.ensureVolume(volumeSpec({ pool, format: { kind: 'block' } }))
    const attachment = await attachments.attach(
      attachRequest(volume.id, guest, { format: { kind: 'block' } }),
    )
    await plugin.stage(stageRequest(volume, attachment))
    await plugin.publish(publishRequest(volume, attachment))
    const { total } = (await plugin.statistics({ volumeId: volume.id, path: TARGET })).bytes
    // The label of a whole disk takes 34 sectors and a reserved slice of 8 MiB.
    const label = pool === 'gold' && guest === 'm1/ldg1' ? 9 * MiB : 0
    expect(total).toBeGreaterThanOrEqual(volume.sizeBytes - label)
    if (guest === 'm1/ldg1') {
      // A whole disk without a label could not even be opened there.
      const device = `/dev/rdsk/c0d${attachment.slot}s0`
      const read = await world.guests
        .get(guest)
        ?.host.perform(['/usr/bin/dd', `if=${device}`, 'of=/dev/null', 'bs=512', 'count=1'], '')
      expect(read).toMatchObject({ answer: { exitStatus: 0 } })
    }
    await plugin.unpublish({ volumeId: volume.id, targetPath: TARGET })
    await plugin.unstage({ volumeId: volume.id, stagingPath: STAGING })
    await attachments.detach(volume.id, attachment.guest)
  })
})

test.each([
  { guest: 'm1/ldg1', program: 'newfs', mkfsOptions: '-i 16384' },
  { guest: 'm1/ldg2', program: 'mkfs.ext4', mkfsOptions: '-m 1 -O ^has_journal' },
])(
  'the options of a class reach $program, and one that forces reaches nothing',
  async ({ guest, program, mkfsOptions }) => {
    const { driver, node, world } = install()
    const { volumes, attachments } = driver()
    const volume = await volumes.ensureVolume(volumeSpec({ parameters: { mkfsOptions } }))
    const attachment = await attachments.attach(attachRequest(volume.id, guest))
    const format = { kind: 'filesystem', type: '', mountOptions: [] } as const
    await expect(
      node(guest).stage(
        stageRequest(volume, attachment, { format: { ...format, mkfsOptions: '-F' } }),
      ),
    ).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    expect(world.guest(guest).formatCount(attachment.slot)).toBe(0)
    await node(guest).stage(
      stageRequest(volume, attachment, { format: { ...format, mkfsOptions } }),
    )
    const made = world.timeline.commands
      .filter(({ argv }) => argv[0]?.endsWith(`/${program}`))
      .map(({ argv }) => argv.join(' '))
    expect(made).toEqual([expect.stringContaining(` ${mkfsOptions} /dev/`)])
  },
)
