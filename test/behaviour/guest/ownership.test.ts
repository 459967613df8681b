// Whose it is: what is found at a path of a guest is touched only when it is the volume's, and a
// disk is let go only when the kernel has let it go.

import { SimShell } from '../../../sim/sim-shell.ts'
import type { GuestFormat } from '../../../src/guest/requests.ts'
import {
  BLOCK,
  DISK_BYTES,
  guestWorld,
  PLATFORMS,
  type PlatformKind,
  STAGED,
  TARGET,
} from './world.ts'

const SECOND = { volumeId: 'silver/v2', stagingPath: '/staging/v2', targetPath: '/pods/b/mount' }
const NOTES = '/var/lib/ldom-csi/volumes'

async function published(kind: PlatformKind, format?: GuestFormat) {
  const world = guestWorld(kind)
  const disk = world.addDisk(100, DISK_BYTES)
  const other = format ? { format } : {}
  await world.volumes.stage(world.stageRequest(disk, other))
  await world.volumes.publish(world.publishRequest(disk, other))
  return { world, disk }
}

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
        '/pods is not empty, /pods/a/mount, /pods/b/mount is mounted in it; mount the outer',
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

  test('statistics of a raw volume tell its size only', async () => {
    const world = guestWorld(kind)
    for (const path of ['/pods', '/pods/a']) world.guest.names.makeDirectory(path)
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))

    const { bytes } = await world.volumes.statistics({ volumeId: 'silver/v1', path: '/staging/v1' })

    expect(bytes).toEqual({ total: DISK_BYTES, used: 0, available: 0 })
  })

  test('a raw volume that is attached writable is not published read-only', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))

    const reader = world.volumes.publish(
      world.publishRequest(disk, { format: BLOCK, readonly: true }),
    )

    await expect(reader).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('attach it read-only'),
    })
    expect(world.guest.names.find('/pods/a/mount')).toBeUndefined()
  })

  test('other mount options than those in effect are refused, at staging and at publishing', async () => {
    const { world, disk } = await published(kind)
    const format = { kind: 'filesystem' as const, type: '', mountOptions: ['nosuid'] }

    await expect(world.fresh().stage(world.stageRequest(disk, { format }))).rejects.toMatchObject({
      kind: 'already-exists',
      message: expect.stringContaining('other mount options'),
    })
    await expect(
      world.fresh().publish(world.publishRequest(disk, { format, targetPath: '/pods/c' })),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
    })
    await world.fresh().stage(world.stageRequest(disk))
  })

  test('the publish flag ro makes the target read-only', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk))

    await world.volumes.publish(
      world.publishRequest(disk, {
        format: { kind: 'filesystem', type: '', mountOptions: ['ro'] },
      }),
    )

    expect(world.guest.mounts().map(mount => mount.readonly)).toEqual([false, true])
  })

  test(
    'a raw volume whose old number another volume has by now is staged anew, and its old ' +
      'target does not lead there',
    async () => {
      const { world, disk } = await published(kind, BLOCK)
      // A reboot: mounts are gone, links and notes are not; the volume has another number now.
      world.restart()
      const moved = world.addDisk(101, disk.store)
      const other = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }
      await world.volumes.stage(
        world.stageRequest(disk, { ...other, written: true, format: BLOCK }),
      )

      await world.fresh().stage(world.stageRequest(moved, { format: BLOCK }))
      await world.fresh().publish(world.publishRequest(moved, { format: BLOCK }))
      await world.fresh().unpublish(TARGET)
      await world.fresh().unstage(STAGED)
      await world.fresh().unstage({ volumeId: 'silver/v2', stagingPath: '/staging/v2' })

      expect(world.guest.names.find('/pods/a/mount')).toBeUndefined()
      expect(world.guest.names.children(NOTES)).toEqual([])
    },
  )

  test('a raw volume whose old number another volume uses can be unstaged', async () => {
    const { world, disk } = await published(kind, BLOCK)
    world.restart()
    const other = { volumeId: 'silver/v2', stagingPath: '/staging/v2' }
    await world.volumes.stage(world.stageRequest(disk, { ...other, format: BLOCK }))
    const end = world.guest.holdOpen(kind === 'linux' ? '/dev/vdiskcw' : '/dev/dsk/c0d100s0')

    await world.fresh().unstage(STAGED)

    expect(world.guest.names.children('/staging/v1')).toEqual([])
    await expect(world.fresh().unstage(other)).rejects.toMatchObject({ kind: 'busy' })
    end()
  })
})

describe.each(['ext4', 'xfs'])('the kernel of a linux guest with %s', type => {
  async function staged() {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(
      world.stageRequest(disk, { format: { kind: 'filesystem', type, mountOptions: [] } }),
    )
    return { world, disk }
  }

  test(
    'keeps a volume that a container has mounted in its own namespace, and every unstaging ' +
      'says so',
    async () => {
      const { world, disk } = await staged()
      const end = world.guest.keepInNamespace('/staging/v1')

      for (const volumes of [world.volumes, world.volumes, world.fresh()]) {
        await expect(volumes.unstage(STAGED)).rejects.toMatchObject({
          kind: 'busy',
          message: expect.stringMatching(
            /the kernel has not let go.*process 4000, which has it mounted/,
          ),
        })
      }
      end()
      await world.fresh().unstage(STAGED)
      expect([...disk.holders]).toEqual([])
    },
  )

  test('keeps a volume that was unmounted lazily', async () => {
    const { world } = await staged()
    const end = world.guest.unmountLazily('/staging/v1')

    for (const volumes of [world.volumes, world.fresh()]) {
      await expect(volumes.unstage(STAGED)).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringContaining('lazy unmount'),
      })
    }
    end()
    await world.fresh().unstage(STAGED)
  })
})

describe('a raw volume of a linux guest', () => {
  async function staged() {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk, { format: BLOCK }))
    return world
  }

  test('is held by a program that opened a node of its own', async () => {
    const world = await staged()
    world.linux?.makeNode('/containers/x/dev/data', 100)
    const end = world.guest.holdOpen('/containers/x/dev/data')

    await expect(world.volumes.unstage(STAGED)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('process 4000'),
    })

    end()
    await world.volumes.unstage(STAGED)
  })

  test('is not let go while a process cannot be looked into, save the first', async () => {
    const world = await staged()
    world.linux?.unseen.add(1).add(77)

    await expect(world.volumes.unstage(STAGED)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('process 77, which cannot be looked into'),
    })

    world.linux?.unseen.delete(77)
    await world.volumes.unstage(STAGED)
  })
})

test.each(['shut-down', 'turned-readonly'] as const)(
  'a file system that the kernel has made %s is neither published nor measured',
  async how => {
    const world = guestWorld('linux')
    const disk = world.addDisk(100, DISK_BYTES)
    await world.volumes.stage(world.stageRequest(disk))
    world.guest.failFileSystem('/staging/v1', how)

    const refusal = {
      kind: 'failed-precondition',
      message: expect.stringContaining('stage it anew'),
    }

    await expect(world.volumes.publish(world.publishRequest(disk))).rejects.toMatchObject(refusal)
    await expect(
      world.volumes.statistics({ volumeId: 'silver/v1', path: '/staging/v1' }),
    ).rejects.toMatchObject(refusal)
  },
)

test('the label of SELinux, with its commas, is one mount option', async () => {
  const world = guestWorld('linux')
  const disk = world.addDisk(100, DISK_BYTES)
  const mountOptions = ['context="system_u:object_r:container_file_t:s0:c127,c456"']

  await world.volumes.stage(
    world.stageRequest(disk, { format: { kind: 'filesystem', type: '', mountOptions } }),
  )

  expect(world.guest.mounts()).toHaveLength(1)
})

test('a file system that cannot grow is staged as it is, and who asks for growth is told', async () => {
  const world = guestWorld('linux')
  const disk = world.addDisk(100, DISK_BYTES)
  await world.volumes.stage(world.stageRequest(disk))
  await world.volumes.unstage(STAGED)
  const stderr = 'resize2fs: Permission denied to resize filesystem\n'
  world.host.programs.set('resize2fs', () => ({ exitStatus: 1, stdout: '', stderr }))

  await world.volumes.stage(world.stageRequest(disk, { written: true }))

  expect(world.guest.mounts()).toHaveLength(1)
  const growth = world.volumes.expand({ volumeId: 'silver/v1', path: '/staging/v1', sizeBytes: 0 })
  await expect(growth).rejects.toMatchObject({ kind: 'permission-denied' })
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
