// The way of a volume with nothing simulated: created in dom0, attached by Xen, formatted, written,
// copied from a snapshot, grown while it is mounted, and deleted.

import { MiB } from '../../src/model/volumes.ts'
import { Scene } from './scene.ts'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.start('end-to-end')
})

afterAll(() => scene?.end())

// mkfs.xfs makes no file system below 300 MiB.
test.each([
  { guest: 'web', type: 'ext4', sizeBytes: 64 * MiB, grownBytes: 192 * MiB },
  { guest: 'pvh', type: 'xfs', sizeBytes: 320 * MiB, grownBytes: 512 * MiB },
] as const)('$type in $guest: from a claim to files, and back to nothing', async setting => {
  const { guest, type, sizeBytes, grownBytes } = setting
  const { driver, installation } = scene
  await scene.host.guest(guest).create()
  const files = scene.files(guest)
  const source = await scene.volume(`source-${type}`, {
    size: { requiredBytes: sizeBytes, limitBytes: 0 },
    format: { kind: 'filesystem', type },
  })
  await files.mount(driver, source, 'source')
  const [vbd] = await installation.vbds(guest)
  expect(vbd).toMatchObject({ mode: 'w', frontState: 4, backState: 4 })
  const then = await files.write(`${files.path('source')}/data`, 6)

  const { id } = await driver.snapshots.createSnapshot({
    name: `then-${type}`,
    volumeId: source.id,
  })
  const now = await files.write(`${files.path('source')}/data`, 3)
  const restored = await scene.volume(`restored-${type}`, {
    size: { requiredBytes: 0, limitBytes: 0 },
    format: { kind: 'filesystem', type },
    source: { kind: 'snapshot', id },
  })
  await files.mount(driver, restored, 'restored')
  expect(await files.checksum(`${files.path('restored')}/data`)).toBe(then)
  expect(await files.checksum(`${files.path('source')}/data`)).toBe(now)
  await files.unmount(driver, restored, 'restored')

  // Online: mounted all the time, and no command of xl.
  await driver.changes.expandVolume(source.id, {
    requiredBytes: grownBytes,
    limitBytes: grownBytes,
  })
  const mounted = { volumeId: source.id, path: files.path('source') }
  await files.node.expand({ ...mounted, sizeBytes: grownBytes })
  const { bytes } = await files.node.statistics(mounted)
  expect(bytes.total).toBeGreaterThan(0.8 * grownBytes)
  expect(await files.checksum(`${files.path('source')}/data`)).toBe(now)
  await files.unmount(driver, source, 'source')

  expect(await installation.vbds(guest)).toEqual([])
  expect(await scene.audit()).toEqual([])
  await driver.volumes.deleteVolume(source.id)
  await driver.snapshots.deleteSnapshot(id)
  await driver.volumes.deleteVolume(restored.id)
  expect(await installation.datasets()).toEqual([])
})
