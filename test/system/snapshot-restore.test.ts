// Snapshots of volumes that are mounted and written, restored beside their source in the same
// guest, with the real file systems of this machine: the whole driver on the simulated
// installation, its volumes as files, its Linux guest with loop devices. Needs root.

import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MiB, type Volume, type VolumeFormat } from '../../src/model/volumes.ts'
import { writeSynced } from '../support/files.ts'
import {
  attachRequest,
  install,
  type TestInstallation,
  volumeSpec,
} from '../support/installation.ts'
import { publishRequest, stageRequest } from '../support/node.ts'

const GUEST = 'm1/ldg2'
// Real tools, and a machine that may be busy.
const SLOW_MS = 120_000

let directory = ''
let installation: TestInstallation

beforeAll(() => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('real block devices need root on Linux')
  }
  for (const program of ['/sbin/mkfs.ext4', '/sbin/mkfs.xfs', '/sbin/losetup', '/sbin/blkid']) {
    if (!existsSync(program)) {
      throw new Error(`${program} is missing; install e2fsprogs, xfsprogs and util-linux`)
    }
  }
})

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'snapshot-restore-'))
  installation = install(spec => spec, {
    directory: join(directory, 'world'),
    realBlockDevices: true,
  })
})

afterEach(() => {
  installation.world.dispose()
  rmSync(directory, { recursive: true })
})

const at = (path: string) => join(directory, path)

const checksum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Attaches the volume and mounts it, at places named after it. */
async function mount(volume: Volume, name: string, type: string): Promise<void> {
  const { attachments } = installation.driver()
  const attachment = await attachments.attach(
    attachRequest(volume.id, GUEST, { format: volume.format }),
  )
  const format = { kind: 'filesystem', type, mountOptions: [] } as const
  const plugin = installation.node(GUEST)
  await plugin.stage(
    stageRequest(volume, attachment, { format, stagingPath: at(`staging-${name}`) }),
  )
  await plugin.publish({
    ...publishRequest(volume, attachment, { targetPath: at(name) }),
    format,
    stagingPath: at(`staging-${name}`),
  })
}

async function unmount(volume: Volume, name: string): Promise<void> {
  const { attachments, volumes } = installation.driver()
  const plugin = installation.node(GUEST)
  await plugin.unpublish({ volumeId: volume.id, targetPath: at(name) })
  await plugin.unstage({ volumeId: volume.id, stagingPath: at(`staging-${name}`) })
  await attachments.detach(volume.id, { machine: 'm1', guest: 'ldg2' })
  await volumes.deleteVolume(volume.id)
}

const CASES = ['silver', 'gold'].flatMap(pool =>
  (['ext4', 'xfs'] as const).map(type => ({ pool, type })),
)

test.each(CASES)(
  '$type in pool $pool: a restore beside its mounted source holds what was there when the ' +
    'snapshot was made',
  async ({ pool, type }) => {
    const { volumes, snapshots, audit } = installation.driver()
    const format: VolumeFormat = { kind: 'filesystem', type }
    const source = await volumes.ensureVolume(
      volumeSpec({ pool, format, size: { requiredBytes: 400 * MiB, limitBytes: 0 } }),
    )
    await mount(source, 'source', type)
    const then = randomBytes(8 * MiB)
    writeSynced(at('source/data'), then)

    const snapshot = await snapshots.createSnapshot({ name: 'then', volumeId: source.id })
    const now = randomBytes(5 * MiB)
    writeSynced(at('source/data'), now)
    writeSynced(at('source/later'), now)
    const restored = await volumes.ensureVolume(
      volumeSpec({
        name: 'pvc-2',
        pool,
        format,
        source: { kind: 'snapshot', id: snapshot.id },
        size: { requiredBytes: 0, limitBytes: 0 },
      }),
    )
    await mount(restored, 'restored', type)

    expect(checksum(readFileSync(at('restored/data')))).toBe(checksum(then))
    expect(existsSync(at('restored/later'))).toBe(false)
    expect(checksum(readFileSync(at('source/data')))).toBe(checksum(now))

    const changed = randomBytes(2 * MiB)
    writeSynced(at('restored/data'), changed)
    expect(checksum(readFileSync(at('source/data')))).toBe(checksum(now))
    await snapshots.deleteSnapshot(snapshot.id)
    await unmount(source, 'source')
    expect(checksum(readFileSync(at('restored/data')))).toBe(checksum(changed))
    await unmount(restored, 'restored')
    expect(await audit()).toEqual([])
  },
  SLOW_MS,
)

test(
  'a restore into a larger claim grows its file system when it is mounted beside its source',
  async () => {
    const { volumes, snapshots } = installation.driver()
    const format: VolumeFormat = { kind: 'filesystem', type: 'xfs' }
    const source = await volumes.ensureVolume(
      volumeSpec({ format, size: { requiredBytes: 400 * MiB, limitBytes: 0 } }),
    )
    await mount(source, 'source', 'xfs')
    const then = randomBytes(4 * MiB)
    writeSynced(at('source/data'), then)
    const snapshot = await snapshots.createSnapshot({ name: 'then', volumeId: source.id })
    const size = { requiredBytes: 700 * MiB, limitBytes: 0 }

    const restored = await volumes.ensureVolume(
      volumeSpec({ name: 'pvc-2', format, source: { kind: 'snapshot', id: snapshot.id }, size }),
    )
    await mount(restored, 'restored', 'xfs')

    expect(checksum(readFileSync(at('restored/data')))).toBe(checksum(then))
    const { bytes } = await installation
      .node(GUEST)
      .statistics({ volumeId: restored.id, path: at('restored') })
    expect(bytes.total).toBeGreaterThan(600 * MiB)
    await unmount(restored, 'restored')
    await unmount(source, 'source')
  },
  SLOW_MS,
)
