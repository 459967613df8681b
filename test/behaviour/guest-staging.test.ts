// Staging in a guest: what is formatted, what never is, and that every call can be repeated.

import { type GuestWorld, guestWorld, MiB, type PlatformKind } from './guest-world.ts'

const PLATFORMS: readonly PlatformKind[] = ['linux', 'solaris']

describe.each(PLATFORMS)('in a %s guest', kind => {
  test('a blank disk gets a file system once, and its files come back after the guest restarts', async () => {
    const world = guestWorld(kind)
    const disk = world.addDisk(100, 600 * MiB)

    await world.volumes.stage(world.stageRequest(disk))
    world.guest.writeFile('/staging/v1/data', 'kept')
    world.restart()
    await world.fresh().stage(world.stageRequest(disk, { written: true }))

    expect(world.guest.readFile('/staging/v1/data')).toBe('kept')
    expect(world.guest.formatCount(100)).toBe(1)
  })
})
