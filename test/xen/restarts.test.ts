// Guests that start anew on a real Xen, with volumes of the driver: which disks they have then, and
// what a further call of the driver makes of it.

import type { Attachment, Volume } from '../../src/model/volumes.ts'
import type { GuestName } from './domains.ts'
import { Scene } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.start('restarts', 'web', 'db')
})

afterEach(async () => {
  expect(await scene.audit()).toEqual([])
})

afterAll(() => scene?.end())

interface Written {
  readonly volume: Volume
  readonly attachment: Attachment
  readonly checksum: string
}

async function written(guest: GuestName, name: string): Promise<Written> {
  const files = scene.files(guest)
  const volume = await scene.volume(name)
  const attachment = await files.mount(scene.driver, volume, name)
  return { volume, attachment, checksum: await files.write(`${files.path(name)}/data`, 4) }
}

/** Mounts what the guest has attached, and takes it away again. */
async function expectKept(guest: GuestName, name: string, then: Written): Promise<void> {
  const files = scene.files(guest)
  await files.stage(then.volume, then.attachment, name)
  expect(await files.checksum(`${files.path(name)}/data`)).toBe(then.checksum)
  await files.unmount(scene.driver, then.volume, name)
}

test('a guest that reboots keeps its disk, and a further attachment changes nothing', async () => {
  const { driver, installation } = scene
  const web = scene.files('web')
  const then = await written('web', 'rebooted')
  await web.guest.reboot()

  const vbds = await installation.vbds('web')
  expect(vbds).toMatchObject([
    { params: scene.device(then.volume), mode: 'w', frontState: 4, backState: 4 },
  ])
  expect(await web.attach(driver, then.volume)).toMatchObject({ slot: then.attachment.slot })
  expect(await installation.vbds('web')).toEqual(vbds)
  await expectKept('web', 'rebooted', then)
})

test('a guest that is created anew has no disk, and gets it under the same number', async () => {
  const { driver, installation } = scene
  const db = scene.files('db')
  const then = await written('db', 'created')
  await db.guest.destroy()
  await db.guest.create()
  expect(await installation.vbds('db')).toEqual([])
  expect(await scene.audit()).toMatchObject([{ kind: 'attachment-incomplete' }])

  expect(await db.attach(driver, then.volume)).toMatchObject({ slot: then.attachment.slot })
  await expectKept('db', 'created', then)
})

test('a volume of a guest that is off goes to another guest, once it is detached', async () => {
  const { driver, installation } = scene
  const [web, db] = [scene.files('web'), scene.files('db')]
  const then = await written('db', 'off')
  await db.guest.destroy()
  await expect(web.attach(driver, then.volume)).rejects.toMatchObject({ kind: 'in-use' })
  await expect(db.attach(driver, then.volume)).rejects.toMatchObject({
    kind: 'not-found',
    message: expect.stringContaining('Xen lists only guests that run'),
  })

  await db.detach(driver, then.volume)
  const attachment = await web.attach(driver, then.volume)
  expect(await installation.vbds('web')).toHaveLength(1)
  await expectKept('web', 'off', { ...then, attachment })
  await db.guest.create()
  expect(await installation.vbds('db')).toEqual([])
})
