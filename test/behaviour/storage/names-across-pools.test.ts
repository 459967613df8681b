// A volume's name is unique over all pools of the driver: whoever asks for a known name in another
// pool gets no second, empty volume.

import { SimShell } from '../../../sim/sim-shell.ts'
import { install, volumeSpec } from '../../support/installation.ts'

const elsewhere = {
  kind: 'already-exists',
  message: expect.stringMatching(/exists in pool silver/),
}

test('a known name in another pool is refused, also by a driver that has just started', async () => {
  const installation = install()
  const { volumes } = installation.driver()
  const first = await volumes.ensureVolume(volumeSpec())
  await expect(volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).rejects.toMatchObject(elsewhere)
  const restarted = installation.driver()
  await expect(restarted.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).rejects.toMatchObject(
    elsewhere,
  )
  expect((await restarted.attachments.listPublished()).map(({ volume }) => volume.id)).toEqual([
    first.id,
  ])
  expect(await restarted.volumes.ensureVolume(volumeSpec())).toMatchObject({ id: first.id })
})

test('a copy of a volume of another pool under a known name is refused as well', async () => {
  const { volumes } = install().driver()
  await volumes.ensureVolume(volumeSpec())
  const source = {
    kind: 'volume',
    id: (await volumes.ensureVolume(volumeSpec({ name: 'origin', pool: 'gold' }))).id,
  } as const
  await expect(volumes.ensureVolume(volumeSpec({ pool: undefined, source }))).rejects.toMatchObject(
    elsewhere,
  )
})

test('a name is free for another pool once its volume is deleted', async () => {
  const installation = install()
  const { volumes, snapshots } = installation.driver()
  const volume = await volumes.ensureVolume(volumeSpec())
  await volumes.deleteVolume(volume.id)
  const second = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await snapshots.createSnapshot({ name: 's', volumeId: second.id })
  await volumes.deleteVolume(second.id)
  // It lives on under its snapshot, and nobody can ask for it.
  expect((await volumes.ensureVolume(volumeSpec())).id).toBe(volume.id)
  await installation.driver().volumes.deleteVolume(volume.id)
  expect((await installation.driver().volumes.ensureVolume(volumeSpec({ name: 'pvc-1' }))).id).toBe(
    volume.id,
  )
})

test('of two requests for one name in two pools at one moment one is refused', async () => {
  const { volumes, attachments } = install().driver()
  const asked = ['silver', 'gold'].map(pool => volumes.ensureVolume(volumeSpec({ pool })))
  const ends = await Promise.allSettled(asked)
  expect(ends.map(end => end.status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(ends.flatMap(end => (end.status === 'rejected' ? [end.reason] : []))).toMatchObject([
    { kind: 'already-exists' },
  ])
  expect(await attachments.listPublished()).toHaveLength(1)
})

test(
  'volumes of one name in two pools, as earlier versions made them, are each found by their ' +
    'own request',
  async () => {
    const installation = install()
    const unaware = installation.driver()
    await unaware.volumes.ensureVolume(volumeSpec({ name: 'other', pool: 'gold' }))
    const first = await installation.driver().volumes.ensureVolume(volumeSpec())
    const second = await unaware.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    const { volumes } = installation.driver()
    expect((await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).id).toBe(second.id)
    expect((await volumes.ensureVolume(volumeSpec())).id).toBe(first.id)
  },
)

describe('while a pool cannot be read', () => {
  test(
    'a driver that has listed it before makes volumes in the others, and refuses the names ' +
      'that it had',
    async () => {
      const installation = install()
      const { volumes } = installation.driver()
      await volumes.ensureVolume(volumeSpec())
      await volumes.ensureVolume(volumeSpec({ name: 'first', pool: 'gold' }))
      installation.world.host('m1-primary').down = true
      await volumes.ensureVolume(volumeSpec({ name: 'second', pool: 'gold' }))
      await expect(volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).rejects.toMatchObject({
        kind: 'unavailable',
      })
    },
  )

  test('a driver that started while it could be read makes volumes in the others', async () => {
    const installation = install()
    const { volumes, resume } = installation.driver()
    await resume()
    installation.world.host('m1-primary').down = true
    expect((await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).pool).toBe('gold')
  })

  test(
    'a driver that has never listed it says which pool it needs, and goes on when it has ' +
      'seen it',
    async () => {
      const installation = install()
      installation.world.host('m1-primary').down = true
      const { volumes } = installation.driver()
      await expect(volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringMatching(
          /pool silver could not be listed since this driver started.*m1-primary/,
        ),
      })
      installation.world.host('m1-primary').down = false
      await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    },
  )

  test(
    'it is waited for ten minutes: a machine that is off for a week does not keep every new ' +
      'volume waiting',
    async () => {
      const installation = install()
      const { clock, world } = installation
      const first = await installation.driver().volumes.ensureVolume(volumeSpec())
      world.host('m1-primary').down = true
      const { volumes, resume } = installation.driver()
      await resume()
      const make = (name: string) => volumes.ensureVolume(volumeSpec({ name, pool: 'gold' }))
      await clock.sleep(9 * 60_000)
      await expect(make('other')).rejects.toMatchObject({ kind: 'unavailable' })
      await clock.sleep(60_000)
      await make('other')
      // It is known as soon as it answers.
      world.host('m1-primary').down = false
      await make('third')
      await expect(make('pvc-1')).rejects.toMatchObject({
        kind: 'already-exists',
        message: expect.stringContaining(first.id),
      })
    },
  )

  test('one that hangs keeps nobody waiting after that', async () => {
    const installation = install()
    const { volumes, resume } = installation.driver(host => {
      const shell = new SimShell(host)
      return host.name === 'm1-primary' ? { run: () => new Promise(() => {}) } : shell
    })
    void resume()
    const make = (signal?: AbortSignal) =>
      volumes.ensureVolume(volumeSpec({ pool: 'gold' }), signal)
    const late = new AbortController()
    const waiting = make(late.signal)
    await new Promise(resolve => setImmediate(resolve))
    late.abort()
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' })
    await installation.clock.sleep(10 * 60_000)
    expect((await make()).pool).toBe('gold')
  })
})

test('a creation that was refused for good does not keep its name from another pool', async () => {
  const installation = install()
  const { volumes } = installation.driver()
  await volumes.ensureVolume(volumeSpec({ name: 'first', pool: 'gold' }))
  const tooLarge = volumeSpec({ size: { requiredBytes: 2 ** 40, limitBytes: 0 } })
  await expect(volumes.ensureVolume(tooLarge)).rejects.toMatchObject({ kind: 'no-space' })
  installation.world.host('m1-primary').down = true
  expect((await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))).pool).toBe('gold')
})

test('a creation whose end nobody knows keeps its name from another pool', async () => {
  const installation = install()
  const { volumes } = installation.driver()
  await volumes.ensureVolume(volumeSpec({ name: 'first', pool: 'gold' }))
  const { rules } = installation.world.timeline
  rules.push(([, verb], { name }) =>
    name === 'm1-primary' && verb === 'create' ? { kind: 'late', afterCommands: 2 } : undefined,
  )
  await expect(volumes.ensureVolume(volumeSpec())).rejects.toMatchObject({ kind: 'unavailable' })
  const again = () => volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await expect(again()).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/still running/),
  })
  await installation.world.host('m1-primary').perform(['/usr/bin/true'], '')
  await expect(again()).rejects.toMatchObject(elsewhere)
})

test('one pool alone has no other that would be asked', async () => {
  const installation = install(spec => ({ ...spec, pools: { silver: spec.pools.silver ?? {} } }))
  const { volumes } = installation.driver()
  await volumes.ensureVolume(volumeSpec({ name: 'first' }))
  const before = installation.world.timeline.commands.length
  await volumes.ensureVolume(volumeSpec())
  expect(installation.world.timeline.commands.length - before).toBe(1)
})
