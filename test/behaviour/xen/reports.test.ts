// What reports say of volumes on Xen.

import { reportVolumes } from '../../../src/cli/volumes.ts'
import { Health } from '../../../src/storage/health.ts'
import { SeenDisks } from '../../../src/storage/seen-disks.ts'
import { scene } from './scene.ts'

async function reported() {
  const all = await scene()
  const { pools } = all.driver()
  return {
    ...all,
    rows: async () => (await reportVolumes(pools)).rows,
    health: async () => (await new Health({ pools }).volumeHealth(all.id)).problems,
    seen: async () => (await new SeenDisks({ pools }).list(undefined)).disks,
  }
}

test('an attached volume is healthy, and has one path, through dom0', async () => {
  const { attach, rows, health, seen, device } = await reported()
  const { slot } = await attach()

  expect(await rows()).toMatchObject([
    {
      state: 'attached',
      guest: 'x1/web',
      vdisk: slot,
      paths: [{ serviceDomain: 'Domain-0', vds: 'vbd', device, state: 'active' }],
    },
  ])
  expect(await health()).toEqual([])
  expect(await seen()).toMatchObject([{ isAttached: true, missing: undefined, slot }])
})

test('a disk that its guest does not take is incomplete, and its path is down', async () => {
  const { attach, world, rows, health, seen } = await reported()
  world.xen('x1').domain('web')!.wedged = true
  await expect(attach()).rejects.toThrow()

  expect(await rows()).toMatchObject([{ state: 'incomplete', paths: [{ state: 'down' }] }])
  expect(await health()).toMatchObject([{ kind: 'inaccessible', reason: 'NoActivePath' }])
  expect(await seen()).toMatchObject([
    { missing: expect.stringContaining('is not connected'), paths: [{ state: 'down' }] },
  ])
})

test('after its guest was started anew, a volume is recorded and has no disk', async () => {
  const { attach, world, rows, health } = await reported()
  await attach()
  world.xen('x1').destroy('web')
  world.xen('x1').create('web')

  expect(await rows()).toMatchObject([{ state: 'incomplete', paths: [] }])
  expect(await health()).toMatchObject([{ reason: 'DiskMissing' }])
})

describe('doctor', () => {
  test('names the version, the domains and the disks of a machine that is well', async () => {
    const { attach, doctor } = await reported()
    await attach()

    const checks = await doctor()
    expect(checks.filter(({ level }) => level !== 'ok')).toEqual([])
    expect(checks).toContainEqual(
      expect.objectContaining({
        object: 'machine x1',
        what: 'Xen 4.17.7 lists 3 domains, 1 disks',
      }),
    )
  })

  test('says which account is missing a right when xl is refused', async () => {
    const { doctor, world } = await reported()
    world.host('dom0').forbidden.add('xl')

    expect(await doctor()).toContainEqual(
      expect.objectContaining({
        level: 'FAIL',
        object: 'machine x1',
        wayOut: expect.stringContaining('allow the account on dom0 to run xl and xenstore-ls'),
      }),
    )
  })

  test('names a paused guest, and one that no rule matches', async () => {
    const { doctor, world } = await reported()
    world.xen('x1').pause(world.xen('x1').domain('db')!)
    world.xen('x1').addGuest({ name: 'stranger' })

    const warnings = (await doctor()).filter(({ level }) => level === 'warn')
    expect(warnings).toMatchObject([
      { object: 'guest x1/db', what: expect.stringContaining('paused') },
      { object: 'guest x1/stranger', what: expect.stringContaining('no rule') },
    ])
  })
})

describe('a machine that does not answer', () => {
  test('is never an empty one: nothing is attached or detached', async () => {
    const { attach, detach, world, audit } = await reported()
    await attach()
    world.host('dom0').programs.delete('xenstore-ls')

    await expect(detach()).rejects.toThrow()
    await expect(attach('x1/db')).rejects.toThrow()
    expect(await audit()).toMatchObject([{ kind: 'not-seen' }])
  })

  test.each(['list', 'block-list', '-f'])('text that is no listing is refused: %s', async word => {
    const { attach, world } = await reported()
    world.timeline.rules.push(argv =>
      argv.includes(word)
        ? { kind: 'answer', answer: { exitStatus: 0, stdout: 'oops', stderr: '' } }
        : undefined,
    )

    await expect(attach()).rejects.toMatchObject({ kind: 'internal' })
  })

  test('a store that shows nothing while a guest has a disk is not believed', async () => {
    const { attach, detach, world, vbds } = await reported()
    await attach()
    world.timeline.rules.push(argv =>
      argv.includes('-f')
        ? { kind: 'answer', answer: { exitStatus: 0, stdout: '', stderr: '' } }
        : undefined,
    )

    await expect(detach()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('contradict each other'),
    })
    expect(vbds('web')).toHaveLength(1)
  })

  // Recorded in transcripts/xen/17-leaving.txt: another call detaches a disk at that moment.
  describe('a disk that goes while the store is listed', () => {
    const at = '/local/domain/0/backend/vbd/2/268439552'
    const LEAVING = `${at} = ""\n${at}/params = "/dev/zvol/tank/other"\n${at}/mode:\n\n`
    const listed = (times: number) => {
      let count = 0
      return (argv: readonly string[]) => {
        if (!argv.includes('-f') || count++ >= times) return undefined
        return { kind: 'answer', answer: { exitStatus: 0, stdout: LEAVING, stderr: '' } } as const
      }
    }

    test('is listed again, and no call notices', async () => {
      const { attach, world, audit } = await reported()
      world.timeline.rules.push(listed(1))

      await attach()
      expect(await audit()).toEqual([])
    })

    test('is nobody\u2019s answer: a call that meets it every time is repeated', async () => {
      const { attach, world, vbds } = await reported()
      world.timeline.rules.push(listed(Infinity))

      await expect(attach()).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('was removed while it was listed'),
      })
      expect(vbds('web')).toEqual([])
    })
  })
})
