// Whose it is: what is found at a path of a guest is touched only when it is the volume's, and a
// disk is let go only when the kernel has let it go.

import { SimShell } from '../../../sim/sim-shell.ts'
import {
  DISK_BYTES,
  guestWorld,
  NOTES,
  PLATFORMS,
  type PlatformKind,
  published,
  STAGED,
  TARGET,
} from './world.ts'

const SECOND = { volumeId: 'silver/v2', stagingPath: '/staging/v2', targetPath: '/pods/b/mount' }

async function twoPublished(kind: PlatformKind) {
  const { world, disk } = await published(kind)
  const second = world.addDisk(101, DISK_BYTES)
  await world.volumes.stage(
    world.stageRequest(second, { volumeId: SECOND.volumeId, stagingPath: SECOND.stagingPath }),
  )
  await world.volumes.publish(world.publishRequest(second, SECOND))
  return { world, disk, second }
}

describe.each(PLATFORMS)('in a %s guest', kind => {
  test('unpublishing a volume at the target of another leaves it there', async () => {
    const { world } = await twoPublished(kind)

    await world.fresh().unpublish({ volumeId: 'silver/v1', targetPath: SECOND.targetPath })

    expect(world.guest.mounts().map(mount => mount.path)).toContain(SECOND.targetPath)
  })

  test(
    'unstaging a volume in the staging directory of another is refused while it is mounted, ' +
      'and leaves both',
    async () => {
      const { world } = await twoPublished(kind)
      await world.volumes.unpublish(TARGET)

      const unstaged = world
        .fresh()
        .unstage({ volumeId: 'silver/v1', stagingPath: SECOND.stagingPath })

      await expect(unstaged).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringContaining('/staging/v1'),
      })
      expect(world.guest.mounts()).toHaveLength(3)
    },
  )

  test('a mistyped staging directory does not answer that the volume is unstaged', async () => {
    const { world } = await published(kind)
    await world.volumes.unpublish(TARGET)

    const unstaged = world.fresh().unstage({ volumeId: 'silver/v1', stagingPath: '/stagging/v1' })

    await expect(unstaged).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('/staging/v1'),
    })
    expect(world.guest.mounts()).toHaveLength(1)
  })

  test('the guest keeps its own mounts whatever path is named', async () => {
    const { world } = await published(kind)

    const shell = new SimShell(world.host)
    const table = kind === 'linux' ? '/proc/self/mountinfo' : '/etc/mnttab'
    for (const volumeId of ['silver/v1', 'silver/never-seen']) {
      await world.fresh().unpublish({ volumeId, targetPath: '/proc' })
      await world.fresh().unstage({ volumeId: 'silver/never-seen', stagingPath: '/proc' })
      expect((await shell.run(['/bin/cat', table], { effect: 'read' })).stdout).toMatch(
        /[ \t]\/proc[ \t]/,
      )
    }
  })

  test('a volume without a note is unmounted where it can be no other volume’s', async () => {
    const { world } = await twoPublished(kind)
    const name = world.guest.names.children(NOTES).filter(at => at.startsWith('silver%2Fv1'))
    const shell = new SimShell(world.host)
    for (const note of name) {
      await shell.run(['/bin/rm', '-f', `${NOTES}/${note}`], { effect: 'write' })
    }

    await world.fresh().unpublish({ volumeId: 'silver/v1', targetPath: SECOND.targetPath })
    await world.fresh().unpublish(TARGET)
    await world.fresh().unstage(STAGED)

    expect(world.guest.mounts().map(mount => mount.path)).toEqual([
      SECOND.stagingPath,
      SECOND.targetPath,
    ])
  })

  test('a directory that was there before publishing stays, and one that was made goes', async () => {
    const { world, disk } = await published(kind)
    for (const path of ['/srv', '/srv/mail']) world.guest.names.makeDirectory(path)
    const second = { targetPath: '/srv/mail' }
    await world.volumes.publish(world.publishRequest(disk, second))

    await world.volumes.unpublish({ ...TARGET, ...second })
    await world.volumes.unpublish({ ...TARGET, ...second })
    await world.volumes.unpublish(TARGET)

    expect(world.guest.names.find('/srv/mail')).toEqual({ kind: 'directory' })
    expect(world.guest.names.find('/pods/a/mount')).toBeUndefined()
    await world.volumes.unstage(STAGED)
    expect(world.guest.names.children(NOTES)).toEqual([])
  })

  test('an empty directory stays when a refused publication is taken back', async () => {
    const world = guestWorld(kind)
    for (const path of ['/srv', '/srv/mail']) world.guest.names.makeDirectory(path)

    await world.volumes.unpublish({ ...TARGET, targetPath: '/srv/mail' })

    expect(world.guest.names.find('/srv/mail')).toEqual({ kind: 'directory' })
  })

  test('a target that is not empty is refused before anything is mounted over it', async () => {
    const { world, disk } = await published(kind)
    for (const path of ['/srv', '/srv/www', '/srv/www/pages']) world.guest.names.makeDirectory(path)

    const again = world.volumes.publish(world.publishRequest(disk, { targetPath: '/srv/www' }))

    await expect(again).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('/srv/www is not empty: it holds pages; move away'),
    })
    expect(world.guest.mounts()).toHaveLength(2)
  })

  test('a target in which another volume is mounted is refused with the path of that volume', async () => {
    const { world } = await twoPublished(kind)

    const third = world.addDisk(102, DISK_BYTES)
    const staged = { volumeId: 'silver/v3', stagingPath: '/staging/v3' }
    await world.volumes.stage(world.stageRequest(third, staged))
    const outer = world.volumes.publish(
      world.publishRequest(third, { ...staged, targetPath: '/pods' }),
    )

    await expect(outer).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining(
        '/pods is not empty: /pods/a/mount, /pods/b/mount is mounted inside it; mount the outer',
      ),
    })
  })

  test.each(['/pods/b/mount', '/staging/v2'])(
    'statistics and growth of a volume at %s, where another is, are not found',
    async path => {
      const { world } = await twoPublished(kind)
      const request = { volumeId: 'silver/v1', path, sizeBytes: 0 }

      await expect(world.volumes.statistics(request)).rejects.toMatchObject({ kind: 'not-found' })
      await expect(world.volumes.expand(request)).rejects.toMatchObject({ kind: 'not-found' })
    },
  )
})

describe.each(PLATFORMS)('a mount in a %s guest that a later one has covered', kind => {
  test('is not taken for a publication: the target is mounted again where it is seen', async () => {
    const { world, disk } = await published(kind)
    world.guest.coverWithOwn('/pods')
    const targets = () => world.guest.mounts().filter(mount => mount.path === '/pods/a/mount')
    expect(targets()).toHaveLength(1)

    await world.fresh().publish(world.publishRequest(disk))
    expect(targets()).toHaveLength(2)

    await world.fresh().unpublish(TARGET)
    expect(targets()).toHaveLength(1)
    const unstaged = world.fresh().unstage(STAGED)
    await expect(unstaged).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('/pods/a/mount'),
    })
  })
})
