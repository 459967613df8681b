// What room pools have: the answer of GetCapacity where several share one ZFS pool, and the
// warnings of a pool that fills up.

import { examine } from '../../../src/cli/doctor.ts'
import { type LogFields, silentLog } from '../../../src/log.ts'
import { GiB, MiB } from '../../../src/model/volumes.ts'
import { FullnessWatch } from '../../../src/storage/fullness.ts'
import { keepSweeping } from '../../../src/storage/volumes/sweep.ts'
import {
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'

/** Pool `bronze` beside `silver`, below the same ZFS pool. */
const withBronze = () =>
  install(spec => {
    const host = spec.hosts['m1-primary']
    if (host === undefined) throw new Error('no m1-primary')
    const pools = host.pools.map(pool => ({
      ...pool,
      datasets: [...pool.datasets, 'mtank/bronze'],
    }))
    return {
      ...spec,
      hosts: { ...spec.hosts, 'm1-primary': { ...host, pools } },
      pools: { ...spec.pools, bronze: { ...Object(spec.pools.silver), dataset: 'mtank/bronze' } },
    }
  })

const run = ({ world }: TestInstallation, ...args: readonly string[]) =>
  world.host('m1-primary').perform(['/usr/sbin/zfs', ...args], '')

describe('two pools below one ZFS pool', () => {
  const capacity = async (
    installation: TestInstallation,
    change: { pool?: string; machine?: string } = {},
  ) => {
    const query = { pool: undefined, machine: undefined, parameters: {}, ...change }
    return (await installation.driver().volumes.capacity(query)).availableBytes
  }

  test('have its room once', async () => {
    const installation = withBronze()
    const silver = await capacity(installation, { pool: 'silver' })
    const gold = await capacity(installation, { pool: 'gold' })
    expect(silver).toBeGreaterThan(15 * GiB)
    expect(await capacity(installation, { machine: 'm1' })).toBe(silver + gold)
  })

  test('have what their quotas leave them, together no more than it has', async () => {
    const installation = withBronze()
    const gold = await capacity(installation, { pool: 'gold' })
    await run(installation, 'set', 'quota=2G', 'mtank/kubernetes')
    await run(installation, 'set', 'quota=3G', 'mtank/bronze')
    const both = (await capacity(installation, { machine: 'm1' })) - gold
    expect(both).toBeGreaterThan(4.9 * GiB)
    expect(both).toBeLessThanOrEqual(5 * GiB)
  })

  test('have what one of them has reserved for itself', async () => {
    const installation = withBronze()
    const gold = await capacity(installation, { pool: 'gold' })
    await run(installation, 'set', 'reservation=10G', 'mtank/bronze')
    expect((await capacity(installation, { machine: 'm1' })) - gold).toBe(
      await capacity(installation, { pool: 'bronze' }),
    )
  })
})

describe('a pool that is nearly full', () => {
  async function fill({ volumes }: Pick<Driver, 'volumes'>, mebibytes: number) {
    await volumes.ensureVolume(
      volumeSpec({ name: `${mebibytes}`, size: { requiredBytes: mebibytes * MiB, limitBytes: 0 } }),
    )
  }

  test('is warned about by doctor, with what that means', async () => {
    const installation = install()
    const warnings = async () =>
      (await examine(installation.driver())).filter(
        ({ level, object }) => level === 'warn' && object === 'pool silver',
      )
    expect(await warnings()).toEqual([])
    await fill(installation.driver(), 13.5 * 1024)
    expect(await warnings()).toEqual([
      expect.objectContaining({
        what: expect.stringMatching(/^8\d % of mtank\/kubernetes .*writes to thin volumes fail/),
      }),
    ])
  })

  test(
    'is logged once, and again when it has become fuller; a pool that does not answer hides ' +
      'no other',
    async () => {
      const installation = install()
      const lines: LogFields[] = []
      const log = { ...silentLog, warn: (fields: LogFields) => void lines.push(fields) }
      const { pools, reaper, volumes } = installation.driver()
      const watch = new FullnessWatch({ pools, log })
      await watch.look()
      expect(lines).toEqual([])
      await fill({ volumes }, 13.5 * 1024)
      installation.world.host('m2-primary').down = true
      await watch.look()
      await watch.look()
      expect(lines).toEqual([
        {
          pool: 'silver',
          host: 'm1-primary',
          percent: expect.any(Number),
          availableBytes: expect.any(Number),
        },
      ])
      await fill({ volumes }, 1.5 * 1024)
      const stop = keepSweeping(reaper, {
        clock: installation.clock,
        log: silentLog,
        fullness: watch,
      })
      while (lines.length < 2) await installation.clock.sleep(1)
      await stop()
      expect(lines[1]?.percent).toBeGreaterThanOrEqual(90)
    },
  )
})
