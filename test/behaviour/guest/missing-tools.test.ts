// A guest that lacks a program: what could not be looked at is neither absent, nor blank, nor let
// go. env says of a missing program what many tools say of a missing object.

import { readSuperblock } from '../../../sim/guest/file-system.ts'
import {
  BLOCK,
  files,
  guestWorld,
  type PlatformKind,
  STAGED,
  stagedWorld,
  TARGET,
  type TestDisk,
} from './world.ts'

const FORMATS = [
  { name: 'file system', format: files() },
  { name: 'raw disk', format: BLOCK },
] as const

function programsOf(kind: PlatformKind): readonly string[] {
  return [...guestWorld(kind).host.programs.keys()].sort()
}

describe.each(['linux', 'solaris'] as const)('in a %s guest', kind => {
  describe.each(FORMATS)('a published $name', ({ format }) => {
    test.each(programsOf(kind))('without %s is let go truly, or not at all', async name => {
      const { world, disk } = await stagedWorld(kind, { format })
      await world.volumes.publish(world.publishRequest(disk, { format }))
      world.host.programs.delete(name)

      const isOver = await world
        .fresh()
        .unpublish(TARGET)
        .then(() => world.fresh().unstage(STAGED))
        .then(
          () => true,
          () => false,
        )

      const left = [
        ...world.guest.mounts().map(mount => mount.path),
        ...[STAGED.stagingPath, TARGET.targetPath].filter(
          path => world.guest.names.find(path)?.kind === 'link',
        ),
      ]
      if (isOver) expect(left).toEqual([])
    })
  })

  test.each(programsOf(kind))('without %s a disk with data is not formatted', async name => {
    const { world, disk } = await stagedWorld(kind)
    await world.volumes.unstage(STAGED)
    const made = generationOf(disk)
    world.host.programs.delete(name)

    // As a controller asks that believes the volume to be new.
    await world
      .fresh()
      .stage(world.stageRequest(disk))
      .catch(() => undefined)

    expect(generationOf(disk)).toBe(made)
  })
})

/** How often the disk was formatted. */
function generationOf(disk: TestDisk): number | undefined {
  return readSuperblock(disk.store)?.generation
}
