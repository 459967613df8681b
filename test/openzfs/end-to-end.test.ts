// The way of a volume with nothing simulated between the file and the pool: created, attached,
// formatted, written, copied from a snapshot, grown and checked, with the real file systems of this
// machine on real zvols. Only the control domain is the simulator's.

import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Installation } from '../../src/bin/compose/installation.ts'
import { MiB, type Volume, type VolumeFormat } from '../../src/model/volumes.ts'
import { growsMountedExt4 } from '../support/capabilities.ts'
import { run } from '../support/commands.ts'
import { writeSynced } from '../support/files.ts'
import { volumeSpec } from '../support/installation.ts'
import { checksum, GuestFiles } from './guest-files.ts'
import { OpenZfsInstallation } from './installation.ts'
import { RawZfs } from './raw-zfs.ts'

const GUEST = 'm1/ldg2'

let zfs: RawZfs
let installation: OpenZfsInstallation
let driver: Installation
let files: GuestFiles
let directory = ''

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'end-to-end-'))
  installation = await OpenZfsInstallation.onShared('end-to-end')
  zfs = new RawZfs(installation.machine, installation.dataset)
  driver = await installation.driver()
  files = new GuestFiles({ installation, guest: GUEST, directory })
})

afterAll(async () => {
  await installation?.end()
  rmSync(directory, { recursive: true })
})

const at = (path: string) => join(directory, path)

const CHECKS = {
  ext4: (file: string) => ['e2fsck', '-f', '-n', file],
  xfs: (file: string) => ['xfs_repair', '-n', '-f', file],
}

/** The field's own checker, on the bytes of the zvol; rejects with what it found. */
async function check(volume: Volume, type: 'ext4' | 'xfs'): Promise<string> {
  const zvol = zfs.of(volume.id)
  const device = installation.devices.storage.find(`/dev/zvol/${zvol}`)
  if (device?.file === undefined) throw new Error(`${zvol} has no device`)
  const close = device.open('the checker of the file system')
  try {
    return await run(CHECKS[type](device.file))
  } finally {
    close()
  }
}

describe.each(['ext4', 'xfs'] as const)('%s', type => {
  const format: VolumeFormat = { kind: 'filesystem', type }

  test('a restore holds what was there, a volume grows, and both file systems are sound', async () => {
    const size = { requiredBytes: 320 * MiB, limitBytes: 0 }
    const source = await driver.volumes.ensureVolume(
      volumeSpec({ name: `source-${type}`, format, size }),
    )
    await files.mount(driver, source, `${type}-source`)
    writeSynced(at(`${type}-source/data`), randomBytes(6 * MiB))
    const then = checksum(at(`${type}-source/data`))

    const { id } = await driver.snapshots.createSnapshot({
      name: `then-${type}`,
      volumeId: source.id,
    })
    writeSynced(at(`${type}-source/data`), randomBytes(3 * MiB))
    writeSynced(at(`${type}-source/later`), randomBytes(MiB))
    const now = checksum(at(`${type}-source/data`))
    const restored = await driver.volumes.ensureVolume(
      volumeSpec({
        ...{ name: `restored-${type}`, format, source: { kind: 'snapshot', id } },
        size: { requiredBytes: 0, limitBytes: 0 },
      }),
    )
    await files.mount(driver, restored, `${type}-restored`)

    expect(checksum(at(`${type}-restored/data`))).toBe(then)
    expect(existsSync(at(`${type}-restored/later`))).toBe(false)
    expect(checksum(at(`${type}-source/data`))).toBe(now)
    await files.unmount(driver, restored, `${type}-restored`)
    await check(restored, type)

    await files.unmount(driver, source, `${type}-source`)
    const grown = 512 * MiB
    await driver.changes.expandVolume(source.id, { requiredBytes: grown, limitBytes: grown })
    await files.mount(driver, source, `${type}-source`)
    const node = installation.node(GUEST)
    const mounted = { volumeId: source.id, path: at(`${type}-source`) }
    const growing = node.expand({ ...mounted, sizeBytes: grown })
    if (type === 'ext4' && !growsMountedExt4()) {
      await expect(growing).rejects.toMatchObject({ kind: 'failed-precondition' })
    } else {
      await growing
      expect((await node.statistics(mounted)).bytes.total).toBeGreaterThan(400 * MiB)
    }
    expect(checksum(at(`${type}-source/data`))).toBe(now)
    await files.unmount(driver, source, `${type}-source`)
    await check(source, type)

    await driver.volumes.deleteVolume(source.id)
    await driver.snapshots.deleteSnapshot(id)
    await files.mount(driver, restored, `${type}-restored`)
    expect(checksum(at(`${type}-restored/data`))).toBe(then)
    await files.unmount(driver, restored, `${type}-restored`)
    await driver.volumes.deleteVolume(restored.id)
    expect(await zfs.names()).toEqual([])
  })
})
