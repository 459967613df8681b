// Disks that a person gave to a guest of Xen, and guests that changed: Xen keeps no names, so that a
// disk is the driver's only by its guest, its device and its recorded number.

import { scene } from './scene.ts'

const spec = (vdev: string, target: string, access = 'rw') =>
  `format=raw,vdev=${vdev},access=${access},target=${target}`

test('a disk of another device is nobody\u2019s business, whatever its number', async () => {
  const { xl, attach, detach, vbds, world, audit } = await scene()
  world.host('dom0').devices.push(path => (path === '/dev/vg0/own' ? DEVICE : undefined))
  await xl('block-attach', 'web', spec('xvdb', '/dev/vg0/own'))

  await attach()
  expect(await audit()).toEqual([])
  await detach()
  expect(vbds('web')).toMatchObject([{ vdev: 'xvdb' }])
})

test('a number that a person has used is skipped', async () => {
  const first = await scene()
  const { slot } = await first.attach()
  const { xl, attach, world, vbds } = await scene()
  world.host('dom0').devices.push(path => (path === '/dev/vg0/own' ? DEVICE : undefined))
  await xl('block-attach', 'web', spec(first.vbds('web')[0]?.vdev ?? '', '/dev/vg0/own'))

  expect((await attach()).slot).toBe(slot + 1)
  expect(vbds('web')).toHaveLength(2)
})

describe('a volume that a person attached', () => {
  test('is given to nobody until that is removed, and named with the command', async () => {
    const { xl, attach, device, audit, vbds } = await scene()
    await xl('block-attach', 'db', spec('xvdb', device))

    await expect(attach()).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('xl block-detach db xvdb'),
    })
    expect(await audit()).toMatchObject([{ kind: 'disk-without-record', object: 'xvdb of x1/db' }])
    expect(vbds('db')).toHaveLength(1)
  })

  test('is not detached by the driver, which has no record of it', async () => {
    const { xl, detach, device, vbds } = await scene()
    await xl('block-attach', 'web', spec('xvdb', device))

    await expect(detach()).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('xl block-detach web xvdb'),
    })
    expect(vbds('web')).toHaveLength(1)
  })

  test('cannot be deleted', async () => {
    const { xl, volumes, id, device } = await scene()
    await xl('block-attach', 'web', spec('xvdb', device))

    await expect(volumes.deleteVolume(id)).rejects.toMatchObject({ kind: 'in-use' })
  })
})

describe('the same device twice in one guest, which Xen does not refuse', () => {
  test('stops the detachment: the second may be mounted', async () => {
    const { xl, attach, detach, device, vbds, audit } = await scene()
    await attach()
    await xl('block-attach', 'web', spec('xvdb', device))

    await expect(detach()).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('xl block-detach web xvdb'),
    })
    expect(vbds('web')).toHaveLength(2)
    expect(await audit()).toMatchObject([{ object: 'xvdb of x1/web' }])

    await xl('block-detach', 'web', 'xvdb')
    await detach()
    expect(vbds('web')).toEqual([])
  })

  test('is refused at the next attachment, too', async () => {
    const { xl, attach, device } = await scene()
    await attach()
    await xl('block-attach', 'web', spec('xvdb', device))

    await expect(attach()).rejects.toMatchObject({ kind: 'failed-precondition' })
  })
})

describe('a disk by the name that the kernel of dom0 has for the device of a volume', () => {
  test('keeps the volume from everybody, with the command that removes it', async () => {
    const { dom0, xl, attach, device, vbds } = await scene()
    const { stdout } = await dom0('readlink', '-f', device)
    for (const guest of ['web', 'db']) {
      await xl('block-attach', guest, spec('xvdb', stdout.trim()))
      await expect(attach()).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining(`xl block-detach ${guest} xvdb`),
      })
      expect(vbds('web')).toHaveLength(guest === 'web' ? 1 : 0)
      await xl('block-detach', guest, 'xvdb')
    }
    await attach()
  })

  test('is a second disk of an attached volume: named, and nothing is released', async () => {
    const { xl, attach, detach, audit, vbds, device } = await scene()
    await attach()
    await xl('block-attach', 'web', spec('xvdb', '/dev/zd0'))

    expect(await audit()).toMatchObject([{ object: 'xvdb of x1/web' }])
    await expect(detach()).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining('xl block-detach web xvdb'),
    })
    expect(vbds('web').map(({ target }) => target)).toEqual([device, '/dev/zd0'])
    await xl('block-detach', 'web', 'xvdb')
    await detach()
    expect(await audit()).toEqual([])
  })
})

test('a disk under another number than the recorded one stays, and so does the record', async () => {
  const { xl, attach, detach, device, vbds } = await scene()
  await attach()
  await xl('block-detach', 'web', vbds('web')[0]?.vdev ?? '')
  await xl('block-attach', 'web', spec('xvdc', device))

  await expect(detach()).rejects.toMatchObject({ kind: 'failed-precondition' })
  expect(vbds('web')).toMatchObject([{ vdev: 'xvdc' }])
  await xl('block-detach', 'web', 'xvdc')
  await detach()
})

test('another mode than the recorded one is refused, and named', async () => {
  const { xl, attach, device, vbds } = await scene()
  await attach()
  const vdev = vbds('web')[0]?.vdev ?? ''
  await xl('block-detach', 'web', vdev)
  await xl('block-attach', 'web', spec(vdev, device, 'ro'))

  await expect(attach()).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining(`xl block-detach web ${vdev}`),
  })
})

test('a renamed guest keeps the volume: nothing is released while it has the disk', async () => {
  const { attach, detach, world, audit } = await scene()
  await attach()
  world.xen('x1').renameGuest('web', 'shop')

  await expect(detach()).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringMatching(/of guest shop/),
  })
  expect(await audit()).toMatchObject([
    { kind: 'attachment-incomplete' },
    { kind: 'disk-without-record' },
  ])
  await expect(attach('x1/db')).rejects.toMatchObject({ kind: 'in-use' })
})

const DEVICE = {
  sizeBytes: 64 * 1024 ** 2,
  file: undefined,
  read: (_: number, length: number) => Buffer.alloc(length),
  write: () => {},
  open: () => () => {},
}
