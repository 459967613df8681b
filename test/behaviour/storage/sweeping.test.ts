import { silentLog } from '../../../src/log.ts'
import { keepSweeping } from '../../../src/storage/volumes/sweep.ts'
import { install, volumeSpec } from '../../support/installation.ts'

test(
  'what a cut left waiting goes with the next round, and an unreachable pool ends no round ' +
    'for ever',
  async () => {
    const { driver, world, clock } = install()
    const before = driver()
    const volume = await before.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    const snapshot = await before.snapshots.createSnapshot({ name: 'cut', volumeId: volume.id })
    await before.volumes.deleteVolume(volume.id)
    // Behind the driver's back: the last dependant goes, and nobody tells.
    await world
      .host('storage1')
      .perform(['zfs', 'destroy', `tank/kubernetes/${snapshot.id.slice('gold/'.length)}`], '')
    world.host('m1-primary').down = true

    const { reaper } = driver()
    const rounds: string[] = []
    const stop = keepSweeping(reaper, {
      clock,
      log: {
        ...silentLog,
        info: (_fields, message) => void rounds.push(message),
        warn: (_fields, message) => void rounds.push(message),
      },
    })
    while (rounds.length < 1) await clock.sleep(1)
    expect(rounds[0]).toContain('could not be looked at')
    world.host('m1-primary').down = false
    while (world.zfs('storage1').dataset(`tank/kubernetes/${volume.leaf}`) !== undefined) {
      await clock.sleep(1)
    }
    await stop()
    expect(await driver().audit()).toEqual([])
  },
)
