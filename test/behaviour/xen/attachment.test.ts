// Volumes attached to guests of Xen, on the simulated machine: what is done, what is refused, and
// what a failed command leaves behind.

import { attachRequest } from '../../support/installation.ts'
import { scene } from './scene.ts'

test('a volume becomes a disk beyond xvdp, connected on both sides, and goes without a trace', async () => {
  const { attach, detach, vbds, device, audit } = await scene()

  const { slot } = await attach()
  expect(slot).toBeGreaterThanOrEqual(16)
  expect(vbds('web')).toMatchObject([
    { number: 2 ** 28 + slot * 256, target: device, access: 'w', front: 4, back: 4 },
  ])
  expect(await audit()).toEqual([])

  await detach()
  expect(vbds('web')).toEqual([])
  expect(await audit()).toEqual([])
})

test('attached again it is the same disk, and no command changes anything', async () => {
  const { attach, changes } = await scene()
  const first = await attach()
  const before = changes().length

  expect(await attach()).toEqual(first)
  expect(changes().slice(before)).toEqual([])
})

test('commands name a guest by its id: one that was started anew is not met by a late command', async () => {
  const { attach, changes, world } = await scene()
  world.xen('x1').destroy('web')
  world.xen('x1').create('web')
  await attach()

  const ids = changes()
    .filter(words => words[0] === 'xl')
    .map(words => words[2])
  expect(ids).toEqual(['3'])
})

test('success of xl is no disk: while the guest does not connect, the call is told to try again', async () => {
  const { attach, world, vbds } = await scene()
  const domain = world.xen('x1').domain('web')!
  domain.wedged = true

  await expect(attach()).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('states 1 in the guest, 2 in dom0'),
  })
  expect(vbds('web')).toHaveLength(1)
})

test('a disk that waits for its guest is neither removed nor attached again', async () => {
  const { attach, world, changes, vbds } = await scene()
  const xen = world.xen('x1')
  const domain = xen.domain('web')!
  domain.wedged = true
  await expect(attach()).rejects.toThrow()
  const before = changes().filter(words => words[0] === 'xl')
  await expect(attach()).rejects.toMatchObject({ kind: 'unavailable' })
  domain.wedged = false
  xen.unpause(domain)

  await attach()
  expect(changes().filter(words => words[0] === 'xl')).toEqual(before)
  expect(vbds('web')).toMatchObject([{ front: 4 }])
})

test('what a hung script left is named, and the next call removes it first', async () => {
  const { attach, world, vbds, changes, doctor } = await scene()
  world.xen('x1').scriptHangs = true
  await expect(attach()).rejects.toMatchObject({ kind: 'unavailable' })
  expect(vbds('web')).toMatchObject([{ front: 3, back: 2 }])
  expect(await doctor()).toContainEqual(
    expect.objectContaining({ level: 'warn', what: expect.stringContaining('is not connected') }),
  )

  world.xen('x1').scriptHangs = false
  await attach()
  expect(
    changes()
      .filter(words => words[0] === 'xl')
      .map(words => words[1]),
  ).toEqual(['block-attach', 'block-detach', 'block-attach'])
  expect(vbds('web')).toMatchObject([{ front: 4 }])
})

test('what a failed attach left goes with the detachment as well', async () => {
  const { attach, detach, world, vbds, audit } = await scene()
  world.xen('x1').scriptHangs = true
  await expect(attach()).rejects.toThrow()

  await detach()
  expect(vbds('web')).toEqual([])
  expect(await audit()).toEqual([])
})

test('a device that is mounted in dom0 is refused by the script, and named', async () => {
  const { attach, world, device } = await scene()
  world.xen('x1').mountedInControl.add(device)

  await expect(attach()).rejects.toMatchObject({
    kind: 'in-use',
    message: expect.stringMatching(/mounted in the privileged domain.*unmount it in dom0/),
  })
})

describe('a paused guest is neither given nor denied a disk by force', () => {
  test('attach and detach say that it is paused, and change nothing', async () => {
    const { attach, detach, world, changes } = await scene()
    await attach()
    const before = changes().length
    world.xen('x1').pause(world.xen('x1').domain('web')!)

    await expect(detach()).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('paused'),
    })
    expect(changes().slice(before)).toEqual([])
  })

  test('a guest that is paused during the removal keeps its record, and the next call ends it', async () => {
    const { attach, detach, world, vbds, audit } = await scene()
    await attach()
    const xen = world.xen('x1')
    const domain = xen.domain('web')!
    world.timeline.rules.push(argv => {
      if (argv.includes('block-detach')) domain.paused = true
      return undefined
    })

    await expect(detach()).rejects.toMatchObject({ kind: 'unavailable' })
    world.timeline.rules.length = 0
    xen.unpause(domain)
    expect(vbds('web')).toMatchObject([{ front: 6 }])
    expect(await audit()).not.toEqual([])

    await detach()
    expect(vbds('web')).toEqual([])
    expect(await audit()).toEqual([])
  })
})

test('two guests that write do not get one volume', async () => {
  const { attach, vbds } = await scene()
  await attach('x1/web')

  await expect(attach('x1/db')).rejects.toMatchObject({ kind: 'in-use' })
  expect(vbds('db')).toEqual([])
})

test('two guests that read share a volume, and each has the disk read-only', async () => {
  const { attach, vbds, detach, audit } = await scene({ format: { kind: 'block' } })
  const shared = { sharing: 'shared', mode: 'ro', format: { kind: 'block' } } as const
  await attach('x1/web', shared)
  await attach('x1/db', shared)

  expect([...vbds('web'), ...vbds('db')]).toMatchObject([
    { access: 'r', front: 4 },
    { access: 'r', front: 4 },
  ])
  await detach('web')
  expect(vbds('db')).toMatchObject([{ front: 4 }])
  expect(await audit()).toEqual([])
})

test('a second guest that shares a volume and writes is refused before any command', async () => {
  const { attach, changes } = await scene({ format: { kind: 'block' } })
  const shared = { sharing: 'shared', format: { kind: 'block' } } as const
  await attach('x1/web', shared)
  const before = changes().filter(words => words[0] === 'xl')

  await expect(attach('x1/db', shared)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('only between guests that all read'),
  })
  expect(changes().filter(words => words[0] === 'xl')).toEqual(before)
})

test('a guest that is off is not listed, and the refusal says so', async () => {
  const { attach } = await scene()

  await expect(attach('x1/off')).rejects.toMatchObject({
    kind: 'not-found',
    message: expect.stringContaining('Xen lists only guests that run; start it (xl create)'),
  })
})

test('dom0 is no guest', async () => {
  const { attach } = await scene()

  await expect(attach('x1/Domain-0')).rejects.toMatchObject({ kind: 'failed-precondition' })
})

test('a raw disk under an administrator’s number is no boot disk: it is detached from a running guest', async () => {
  const { attach, detach, vbds, audit } = await scene({ format: { kind: 'block' } })
  const { slot } = await attach('x1/web', { slot: 3, format: { kind: 'block' } })
  expect(slot).toBe(3)

  await detach()
  expect(vbds('web')).toEqual([])
  expect(await audit()).toEqual([])
})

test('twenty volumes of one guest have twenty numbers, none below xvdq', async () => {
  const { volumes, attachments, vbds, volumeOf, audit } = await scene()
  for (let count = 0; count < 20; count++) {
    const { id } = await volumes.ensureVolume(volumeOf(`many-${count}`))
    await attachments.attach(attachRequest(id, 'x1/web'))
  }

  const numbers = vbds('web').map(({ number }) => number)
  expect(new Set(numbers).size).toBe(20)
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(268439552)
  expect(await audit()).toEqual([])
})

describe('parameters that Xen has not', () => {
  test('a time-out is refused when the volume is created', async () => {
    const { volumes, volumeOf } = await scene()
    const spec = { ...volumeOf('patient'), parameters: { vdiskTimeoutSeconds: 30 } }

    await expect(volumes.ensureVolume(spec)).rejects.toMatchObject({
      kind: 'invalid-argument',
      message: expect.stringContaining('disks of machine x1 have no time-out'),
    })
  })

  test('a disk is a whole disk: no volume is exported as a slice', async () => {
    const { volume, volumes, volumeOf } = await scene()
    expect(volume.parameters.export).toBe('full')

    const spec = { ...volumeOf('sliced'), parameters: { export: 'slice' } as const }
    await expect(volumes.ensureVolume(spec)).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})
