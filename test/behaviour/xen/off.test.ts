// Removals that depend on the state of a guest of Xen, or whose answer was lost.

import { scene } from './scene.ts'

const WEB = { machine: 'x1', guest: 'web' }

test('while a guest runs, a removal that wants it off changes nothing', async () => {
  const { attach, attachments, id, vbds, changes } = await scene()
  await attach()
  const before = changes().length

  await expect(attachments.detachWhileOff(id, WEB)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('is not off'),
  })
  expect(changes()).toHaveLength(before)
  expect(vbds('web')).toHaveLength(1)
})

test('a guest that runs keeps its record, also when a person took the disk: it may be mounted', async () => {
  const { attach, detach, attachments, id, world, audit } = await scene()
  await attach()
  const xen = world.xen('x1')
  const [domain] = xen.domains.filter(({ name }) => name === 'web')
  for (const vbd of domain?.vbds.values() ?? []) xen.detach(domain!, vbd, { force: false })

  await expect(attachments.detachWhileOff(id, WEB)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('is not off'),
  })
  expect(await audit()).toMatchObject([{ kind: 'attachment-incomplete' }])

  await detach()
  await attachments.detachWhileOff(id, WEB)
  expect(await audit()).toEqual([])
})

test('a guest that went off meanwhile has no disk to be removed, and its volume is free', async () => {
  const { attach, attachments, world, id, audit } = await scene()
  await attach()
  world.xen('x1').destroy('web')

  await attachments.detachWhileOff(id, WEB)
  await attach('x1/db')
  expect(await audit()).toEqual([])
})

test('a disk is removed while its guest is off by the domain that has it, which is gone then', async () => {
  const { attach, driver, world, vbds } = await scene()
  await attach()
  const machine = driver().machines.get('x1')
  const view = await machine?.observe()
  const uses = view?.uses.filter(({ kind }) => kind === 'disk') ?? []
  world.xen('x1').destroy('web')
  world.xen('x1').create('web')
  expect(vbds('web')).toEqual([])

  await machine?.remove(uses, { only: 'while-off' })
})

test('a removal whose answer was lost is waited for, although it names no volume', async () => {
  const { attach, detach, attachments, id, world, vbds, audit } = await scene()
  await attach()
  world.timeline.rules.push(argv =>
    argv.includes('block-detach') ? { kind: 'late', afterCommands: 12 } : undefined,
  )
  await expect(detach()).rejects.toMatchObject({ kind: 'unavailable' })
  world.timeline.rules.length = 0

  const again = attachments.attach({ ...REQUEST, volumeId: id })
  await expect(again).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('an earlier command is still running'),
  })
  await world.timeline.settle()
  await attach()
  expect(vbds('web')).toMatchObject([{ front: 4 }])
  expect(await audit()).toEqual([])
})

const REQUEST = {
  guest: WEB,
  mode: 'rw',
  sharing: 'exclusive',
  format: { kind: 'filesystem', type: 'any' },
} as const
