import { type LogFields, silentLog } from '../../../src/log.ts'
import { Health } from '../../../src/storage/health.ts'
import { type PathChange, PathWatch } from '../../../src/storage/path-watch.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'

/** A volume of `gold`, attached to m1/ldg1 through both service domains. */
async function used() {
  const { world, driver, clock } = install()
  const { volumes, attachments, pools } = driver()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'used' }))
  await attachments.attach(attachRequest(id, 'm1/ldg1'))
  const changes: PathChange[] = []
  const warnings: LogFields[] = []
  const watch = new PathWatch({
    pools,
    health: new Health({ pools }),
    clock,
    log: { ...silentLog, warn: fields => void warnings.push(fields) },
    tell: change => void changes.push(change),
  })
  const told = () =>
    changes.splice(0).map(change => (change.kind === 'lost' ? change.problem.reason : 'back'))
  return { world, volumes, attachments, clock, watch, changes, told, warnings, id }
}

test('a path that is lost is told when a second look agrees, once; and again when it is back', async () => {
  const { world, watch, changes, told, id } = await used()
  await watch.look()
  world.machine('m1').setServiceDomain('alternate', 'down')
  await watch.look()
  expect(told()).toEqual([])
  await watch.look()
  expect(changes).toEqual([
    {
      kind: 'lost',
      volumeId: id,
      problem: expect.objectContaining({
        reason: 'ServiceDomainDown',
        message: expect.stringContaining('guest m1/ldg1 is not served by'),
      }),
    },
  ])
  expect(told()).toEqual(['ServiceDomainDown'])
  await watch.look()
  expect(told()).toEqual([])
  world.machine('m1').setServiceDomain('alternate', 'up')
  await watch.look()
  expect(told()).toEqual(['back'])
  await watch.look()
  expect(told()).toEqual([])
})

test('another trouble in its place is told as well, and only the end of both as the way back', async () => {
  const { world, watch, told, attachments, id } = await used()
  world.machine('m1').setServiceDomain('alternate', 'down')
  await watch.look()
  await watch.look()
  expect(told()).toEqual(['ServiceDomainDown'])
  world.machine('m1').setServiceDomain('alternate', 'up')
  world.machine('m1').powerCycle()
  await watch.look()
  expect(told()).toEqual([])
  await watch.look()
  expect(told()).toEqual(['DiskMissing'])
  await attachments.attach(attachRequest(id, 'm1/ldg1'))
  await watch.look()
  expect(told()).toEqual(['back'])
})

test('a machine that is silent, and a pool that cannot be listed, change nothing that is known', async () => {
  const { world, watch, told, warnings } = await used()
  world.machine('m1').setServiceDomain('alternate', 'down')
  await watch.look()
  await watch.look()
  expect(told()).toEqual(['ServiceDomainDown'])
  world.host('m1-primary').down = true
  await watch.look()
  world.host('m1-primary').down = false
  world.host('storage1').down = true
  await watch.look()
  world.host('storage1').down = false
  await watch.look()
  await watch.look()
  expect(told()).toEqual([])
  expect(warnings.map(({ pool }) => pool)).toContain('gold')
})

test('a volume that is detached with its trouble is forgotten', async () => {
  const { world, watch, told, attachments, id } = await used()
  world.machine('m1').setServiceDomain('alternate', 'down')
  await watch.look()
  await watch.look()
  expect(told()).toEqual(['ServiceDomainDown'])
  world.machine('m1').setServiceDomain('alternate', 'up')
  await attachments.detach(id, undefined)
  await watch.look()
  await watch.look()
  expect(told()).toEqual([])
})

test('a look takes the same commands for one attached volume and for many of both kinds', async () => {
  const { world, watch, volumes, attachments } = await used()
  const commandsOfALook = async () => {
    world.timeline.commands.splice(0)
    await watch.look()
    return world.timeline.commands.map(({ host, argv }) => `${host} ${argv.join(' ')}`).sort()
  }
  const before = await commandsOfALook()
  for (let at = 0; at < 12; at++) {
    const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: `more-${at}` }))
    if (at % 2 === 0) await attachments.attach(attachRequest(id, 'm1/ldg1'))
  }

  expect(await commandsOfALook()).toEqual(before)
})

test('it looks until it is stopped', async () => {
  const { world, watch, told, clock } = await used()
  world.machine('m1').setServiceDomain('alternate', 'down')
  const begunMs = clock.nowMs()
  const stop = watch.keepLooking()
  const seen: string[] = []
  while (seen.length === 0) {
    await new Promise(resolve => setImmediate(resolve))
    seen.push(...told())
  }
  await stop()

  expect(seen).toEqual(['ServiceDomainDown'])
  expect(clock.nowMs() - begunMs).toBeGreaterThanOrEqual(2 * 60_000)
})
