// Hosts whose login shell or prefix says something on standard error before every command.

import { SimHost, Timeline } from '../../../sim/host.ts'
import { SimShell } from '../../../sim/sim-shell.ts'
import { ALL_CHANGES } from '../../../src/bin/compose/changes.ts'
import { examine } from '../../../src/cli/doctor.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { createHost } from '../../../src/shell/late-effects.ts'
import { attachRequest, install, LeapingClock, volumeSpec } from '../../support/installation.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../../support/node.ts'

// The first is recorded of Solaris 9 to 11 (blog and coreutils' test suite), the second is sudo's
// (plugins/sudoers/sudoers.c, recalled).
const NOISES = {
  'a locale that the shell does not have': "couldn't set locale correctly\n",
  'sudo in a host that does not find itself':
    'sudo: unable to resolve host m1: Name or service not known\n',
  'both of them': "couldn't set locale correctly\nsudo: unable to resolve host m1\n",
}

const WAYS = [
  { pool: 'silver', guest: 'm1/ldg1' },
  { pool: 'silver', guest: 'm1/ldg2' },
  { pool: 'gold', guest: 'm1/ldg1' },
  { pool: 'gold', guest: 'm1/ldg2' },
]

const cases = Object.entries(NOISES).flatMap(([name, noise]) =>
  WAYS.map(way => ({ ...way, name, noise })),
)

test.each(cases)(
  '$name changes nothing of a life in pool $pool and guest $guest',
  async ({ pool, guest, noise }) => {
    const { driver, node, world } = install()
    for (const host of [
      ...world.hosts.values(),
      ...[...world.guests.values()].map(each => each.host),
    ]) {
      host.noise = noise
    }
    const { volumes, attachments, changes, audit } = driver()
    const plugin = node(guest)

    for (const _ of [1, 2]) {
      const volume = await volumes.ensureVolume(volumeSpec({ pool }))
      const attachment = await attachments.attach(attachRequest(volume.id, guest))
      await attachments.attach(attachRequest(volume.id, guest))
      await plugin.stage(stageRequest(volume, attachment))
      await plugin.publish(publishRequest(volume, attachment))
      expect(world.guest(guest).formatCount(attachment.slot)).toBe(1)
      expect(await volumes.getVolume(volume.id)).toMatchObject({ id: volume.id })
      await plugin.unpublish({ volumeId: volume.id, targetPath: TARGET })
      await plugin.unstage({ volumeId: volume.id, stagingPath: STAGING })
      for (const _again of [1, 2]) await attachments.detach(volume.id, attachment.guest)
      await changes.expandVolume(volume.id, { requiredBytes: 64 * MiB, limitBytes: 0 })
      for (const _again of [1, 2]) await volumes.deleteVolume(volume.id)
      await expect(volumes.getVolume(volume.id)).rejects.toMatchObject({ kind: 'not-found' })
    }
    expect(await audit()).toEqual([])
  },
)

test('a failure is told in the words of the tool', async () => {
  const { driver, world } = install()
  world.host('m1-primary').noise = NOISES['a locale that the shell does not have']
  world.host('m1-primary').forbidden.add('zfs')
  await expect(driver().volumes.ensureVolume(volumeSpec())).rejects.toMatchObject({
    kind: 'permission-denied',
    message: expect.stringContaining('cannot execute'),
  })
})

test('doctor names what a host prints: on standard error a warning, on standard output a failure', async () => {
  const { driver, world } = install()
  world.host('m1-primary').noise = NOISES['a locale that the shell does not have']
  world.host('m2-primary').banner = 'Authorised use only\n'
  const checks = await examine(driver())
  expect(checks).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      object: 'host m1-primary',
      what: expect.stringContaining("couldn't set locale correctly"),
    }),
  )
  expect(checks).toContainEqual(
    expect.objectContaining({
      level: 'FAIL',
      object: 'host m2-primary',
      what: expect.stringContaining('Authorised use only'),
    }),
  )
  expect(checks.filter(({ object }) => object === 'host storage1')).toEqual([
    expect.objectContaining({ level: 'ok' }),
  ])
})

describe('what is cut', () => {
  function world() {
    const clock = new LeapingClock()
    const sim = new SimHost('storage1', new Timeline())
    let stderr = ''
    sim.programs.set('zfs', () => ({ exitStatus: 1, stdout: '', stderr }))
    const run = async (says: string) => {
      stderr = says
      return (await createdHost.shell.run(['/usr/sbin/zfs', 'x'], { effect: 'read' })).stderr
    }
    const createdHost = createHost({
      changes: ALL_CHANGES,
      name: 'storage1',
      shell: new SimShell(sim),
      clock,
    })
    const asked = () => sim.timeline.commands.filter(({ argv }) => argv[0] === '/usr/bin/ps').length
    return { sim, clock, host: createdHost, run, asked }
  }

  test('only what every command prints, only at the beginning, and learnt once', async () => {
    const { sim, run, asked } = world()
    sim.noise = 'noise\n'
    expect(await run('cannot open\nnoise\n')).toBe('cannot open\nnoise\n')
    expect(await run('other\n')).toBe('other\n')
    expect(asked()).toBe(1)
  })

  test('nothing is asked of a host that is asked for its processes anyway, or says nothing', async () => {
    const { sim, host, run, asked } = world()
    expect(await run('')).toBe('')
    expect(asked()).toBe(0)
    sim.noise = 'noise\n'
    await host.settled([])
    expect(await run('cannot open\n')).toBe('cannot open\n')
    expect(asked()).toBe(1)
  })

  test('noise that comes later is learnt, but a host that fails often is not asked each time', async () => {
    const { sim, clock, run, asked } = world()
    await run('cannot open\n')
    sim.noise = 'noise\n'
    await run('cannot open\n')
    expect(asked()).toBe(1)
    await clock.sleep(300_000)
    expect(await run('cannot open\n')).toBe('cannot open\n')
    expect(asked()).toBe(2)
  })

  test('complaints of the asked command itself, and an answer that never came, teach nothing', async () => {
    const { sim, run } = world()
    sim.programs.set('ps', () => ({
      exitStatus: 0,
      stdout: 'COMMAND\n',
      stderr: 'ps: a complaint\n',
    }))
    expect(await run('ps: a complaint\ncannot open\n')).toBe('ps: a complaint\ncannot open\n')
    const lost = world()
    lost.sim.noise = 'noise\n'
    lost.sim.timeline.rules.push(argv =>
      argv[0] === '/usr/bin/ps' ? { kind: 'cut-before' } : undefined,
    )
    expect(await lost.run('cannot open\n')).toBe('noise\ncannot open\n')
  })
})
