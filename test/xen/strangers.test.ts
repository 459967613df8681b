// Disks that a person gave to a guest of a real Xen, with xl or in the guest's configuration file.
// The driver leaves them alone. A volume of its own among them is named, and given to nobody.

import { vdevName } from '../../src/model/vdev.ts'
import type { Volume } from '../../src/model/volumes.ts'
import { Scene } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.start('strangers', 'web', 'db')
})

afterAll(() => scene?.end())

const refusedBecauseOf = (removal: string) => ({
  kind: 'failed-precondition',
  message: expect.stringContaining(removal),
})

const byHand = (vdev: string, volume: Volume) => `${scene.device(volume)},raw,${vdev},rw`

test('a volume that another guest got by hand is given to nobody until it is taken away', async () => {
  const { driver, host, installation } = scene
  const web = scene.files('web')
  const volume = await scene.rawVolume('by-hand')
  await host.succeed(`udevadm settle; xl block-attach db ${byHand('xvdb', volume)}`)

  await expect(web.attach(driver, volume)).rejects.toMatchObject(
    refusedBecauseOf('xl block-detach db xvdb'),
  )
  expect(await scene.audit()).toMatchObject([
    { kind: 'disk-without-record', object: 'xvdb of x1/db' },
  ])
  expect(await installation.vbds('db')).toMatchObject([{ frontState: 4, backState: 4 }])
  await expect(driver.volumes.deleteVolume(volume.id)).rejects.toMatchObject({ kind: 'in-use' })

  await host.succeed('xl block-detach db xvdb')
  await web.attach(driver, volume)
  await web.detach(driver, volume)
  expect(await scene.audit()).toEqual([])
})

test('the name that the kernel of dom0 has for a device hides no disk of it', async () => {
  const { driver, host, installation } = scene
  const web = scene.files('web')
  const volume = await scene.rawVolume('by-another-name')
  const real = (await host.succeed(`udevadm settle; readlink -f ${scene.device(volume)}`)).trim()
  expect(real).toMatch(/^\/dev\/zd\d+$/)
  const byOtherName = `xl block-attach web ${real},raw,xvdb,rw`
  await host.succeed(byOtherName)
  await expect(web.attach(driver, volume)).rejects.toMatchObject(
    refusedBecauseOf('xl block-detach web xvdb'),
  )
  expect(await installation.vbds('web')).toHaveLength(1)
  await host.succeed('xl block-detach web xvdb')

  await web.attach(driver, volume)
  await host.succeed(byOtherName)
  expect(await scene.audit()).toMatchObject([
    { kind: 'disk-without-record', object: 'xvdb of x1/web' },
  ])
  await expect(web.detach(driver, volume)).rejects.toMatchObject(
    refusedBecauseOf('xl block-detach web xvdb'),
  )
  expect(await installation.vbds('web')).toHaveLength(2)
  await host.succeed('xl block-detach web xvdb')
  await web.detach(driver, volume)
  expect(await scene.audit()).toEqual([])
})

test('Xen refuses by hand what the driver has attached, and what it leaves behind is named', async () => {
  const { driver, host, installation } = scene
  const web = scene.files('web')
  const volume = await scene.rawVolume('wanted-by-hand')
  await web.attach(driver, volume)

  expect(await host.root(`xl block-attach db ${byHand('xvdb', volume)}`)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is mounted in a guest domain'),
  })
  expect(await scene.audit()).toMatchObject([
    { kind: 'disk-without-record', object: 'xvdb of x1/db' },
  ])
  expect(await scene.doctor()).toContainEqual({
    level: 'warn',
    object: 'disk xvdb of x1/db',
    what: expect.stringContaining('is not connected'),
    wayOut: expect.stringContaining('xl block-detach db xvdb'),
  })
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 4, backState: 4 }])

  await host.succeed('xl block-detach db xvdb')
  await web.detach(driver, volume)
  expect(await scene.audit()).toEqual([])
})

test('the same device twice in one guest, which Xen allows, keeps the volume there', async () => {
  const { driver, host, installation } = scene
  const web = scene.files('web')
  const volume = await scene.rawVolume('twice')
  await web.attach(driver, volume)
  await host.succeed(`xl block-attach web ${byHand('xvdc', volume)}`)

  await expect(web.detach(driver, volume)).rejects.toMatchObject(
    refusedBecauseOf('xl block-detach web xvdc'),
  )
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 4 }, { frontState: 4 }])

  await host.succeed('xl block-detach web xvdc')
  await web.detach(driver, volume)
  expect(await installation.vbds('web')).toEqual([])
})

test('disks of the configuration file stay, and one that is a volume is named', async () => {
  const { driver, host, installation } = scene
  const [web, db] = [scene.files('web'), scene.files('db')]
  const [own, other] = [await scene.rawVolume('configured'), await scene.rawVolume('other')]
  const { slot } = await db.attach(driver, other)
  await db.detach(driver, other)
  await host.succeed('zfs create -V 64M tank/administrators; udevadm settle')
  await db.guest.destroy()
  await db.guest.createWith([
    `/dev/zvol/tank/administrators,raw,${vdevName(slot)},rw`,
    byHand('xvdb', own),
  ])
  const configured = await installation.vbds('db')
  expect(configured).toMatchObject([{ frontState: 4 }, { frontState: 4 }])

  expect(await scene.audit()).toMatchObject([
    { kind: 'disk-without-record', object: 'xvdb of x1/db' },
  ])
  for (const files of [web, db]) {
    await expect(files.attach(driver, own)).rejects.toMatchObject(
      refusedBecauseOf('xl block-detach db xvdb'),
    )
  }
  await expect(db.detach(driver, own)).rejects.toMatchObject({ kind: 'failed-precondition' })
  // The number that it would have is taken.
  expect(await db.attach(driver, other)).toMatchObject({ slot: slot + 1 })
  await db.detach(driver, other)
  expect(await installation.vbds('db')).toEqual(configured)

  await host.succeed(`xl block-detach db xvdb; xl block-detach db ${vdevName(slot)}`)
  await host.succeed('udevadm settle; zfs destroy tank/administrators')
  expect(await scene.audit()).toEqual([])
})
