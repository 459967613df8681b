// Volumes attached to real guests of Xen: their numbers, many at once, shared ones, and who gets
// one that several want.

import { vdevName } from '../../src/model/vdev.ts'
import { MiB } from '../../src/model/volumes.ts'
import { publishRequest, stageRequest } from '../support/node.ts'
import { insist } from './insist.ts'
import { Scene } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.start('attachment', 'web', 'db')
})

afterEach(async () => {
  expect(await scene.audit()).toEqual([])
})

afterAll(() => scene?.end())

const sized = (sizeBytes: number) => ({ size: { requiredBytes: sizeBytes, limitBytes: 0 } })

test('a driver that has just started finds the same disk under the same number', async () => {
  const { driver, installation } = scene
  const web = scene.files('web')
  const [first, second] = [await scene.rawVolume('first'), await scene.rawVolume('second')]
  const attachments = [await web.attach(driver, first), await web.attach(driver, second)]
  const vbds = await installation.vbds('web')

  const later = await installation.driver()
  expect([await web.attach(later, first), await web.attach(later, second)]).toEqual(attachments)
  expect(await installation.vbds('web')).toEqual(vbds)

  await web.detach(later, first)
  await web.detach(later, second)
  expect(await installation.vbds('web')).toEqual([])
})

test('twenty volumes of one guest are twenty disks beyond xvdp, each with its own size', async () => {
  const { driver } = scene
  const web = scene.files('web')
  const sizes = Array.from({ length: 20 }, (_, index) => (16 + index) * MiB)
  const volumes = await Promise.all(
    sizes.map((bytes, index) => scene.rawVolume(`many-${index}`, sized(bytes))),
  )
  // Each may meet those of the others in the middle of a listing.
  const attachments = await Promise.all(
    volumes.map(volume => insist(() => web.attach(driver, volume))),
  )

  const slots = attachments.map(({ slot }) => slot)
  expect(new Set(slots).size).toBe(20)
  expect(Math.min(...slots)).toBeGreaterThanOrEqual(16)
  const names = slots.map(vdevName)
  const sizeOf = `for name in ${names.join(' ')}; do blockdev --getsize64 /dev/$name; done`
  expect((await web.guest.succeed(sizeOf)).trim().split('\n').map(Number)).toEqual(sizes)

  // A name of two letters.
  const last = slots.indexOf(Math.max(...slots))
  expect(names[last]).toMatch(/^xvd[a-z]{2}$/)
  const [volume, attachment] = [volumes[last]!, attachments[last]!]
  const paths = { stagingPath: web.staging('last'), targetPath: web.path('last') }
  await web.node.stage(stageRequest(volume, attachment, paths))
  await web.node.publish({ ...publishRequest(volume, attachment), ...paths })
  expect(await web.guest.succeed(`blockdev --getsize64 ${paths.targetPath}`)).toBe(
    `${sizes[last]}\n`,
  )
  await web.node.unpublish({ volumeId: volume.id, ...paths })
  await web.node.unstage({ volumeId: volume.id, ...paths })

  await Promise.all(volumes.map(each => insist(() => web.detach(driver, each))))
  expect(await scene.installation.vbds('web')).toEqual([])
})

test('two guests that read share a volume, and neither can write', async () => {
  const { driver, installation } = scene
  const [web, db] = [scene.files('web'), scene.files('db')]
  const volume = await scene.rawVolume('shared')
  const sumOf = (disk: string) => `dd if=${disk} bs=1M count=2 2>/dev/null | sha256sum`
  const first = `/dev/${vdevName((await web.attach(driver, volume)).slot)}`
  await web.guest.succeed(`dd if=/dev/urandom of=${first} bs=1M count=2 conv=fsync`)
  const written = await web.guest.succeed(sumOf(first))
  await web.detach(driver, volume)

  const shared = { sharing: 'shared', mode: 'ro' } as const
  for (const files of [web, db]) {
    const { slot } = await files.attach(driver, volume, shared)
    const disk = `/dev/${vdevName(slot)}`
    expect(await files.guest.succeed(sumOf(disk))).toBe(written)
    const write = `dd if=/dev/zero of=${disk} bs=4096 count=1 oflag=direct`
    expect(await files.guest.root(write)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/Operation not permitted|Read-only|Permission denied/),
    })
  }
  expect([...(await installation.vbds('web')), ...(await installation.vbds('db'))]).toMatchObject([
    { mode: 'r', frontState: 4, backState: 4 },
    { mode: 'r', frontState: 4, backState: 4 },
  ])

  await web.detach(driver, volume)
  expect(await installation.vbds('db')).toMatchObject([{ frontState: 4 }])
  await db.detach(driver, volume)
})

test('of two drivers that give a volume to two guests one wins, and the other is told who has it', async () => {
  const { driver, installation } = scene
  const other = await installation.driver()
  const volume = await scene.rawVolume('wanted')
  const [web, db] = [scene.files('web'), scene.files('db')]
  const outcomes = await Promise.allSettled([web.attach(driver, volume), db.attach(other, volume)])

  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  const [winner, loser] = outcomes[0].status === 'fulfilled' ? [web, db] : [db, web]
  await expect(loser.attach(other, volume)).rejects.toMatchObject({
    kind: 'in-use',
    message: expect.stringContaining(`x1/${winner.guest.name}`),
  })
  expect(await installation.vbds(loser.guest.name)).toEqual([])
  expect(await installation.vbds(winner.guest.name)).toMatchObject([{ frontState: 4 }])
  await winner.detach(driver, volume)
})

test('a volume in use is not released: a process in it, then a mount of it', async () => {
  const { driver, installation } = scene
  const web = scene.files('web')
  const volume = await scene.volume('busy')
  await web.mount(driver, volume, 'busy')
  const path = { volumeId: volume.id, targetPath: web.path('busy') }
  const staged = { volumeId: volume.id, stagingPath: web.staging('busy') }
  const pid = await web.guest.succeed(`cd ${path.targetPath}; sleep 1000 >/dev/null 2>&1 & echo $!`)

  await expect(web.node.unpublish(path)).rejects.toMatchObject({ kind: 'busy' })
  await expect(web.node.unstage(staged)).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringContaining(path.targetPath),
  })
  expect(await installation.vbds('web')).toMatchObject([{ frontState: 4 }])

  await web.guest.succeed(`kill ${pid}`)
  await web.unmount(driver, volume, 'busy')
  expect(await installation.vbds('web')).toEqual([])
})
