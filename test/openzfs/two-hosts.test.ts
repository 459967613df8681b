// A pool that goes from one storage host to another, as docs/moving-a-pool.md says: over a bus that
// both reach, and with `zfs send | zfs receive`. The guest is a Linux, and its files are real.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GiB, MiB, type Volume, type VolumeFormat } from '../../src/model/volumes.ts'
import { audit } from '../../src/storage/audit/audit.ts'
import { writeSynced } from '../support/files.ts'
import { volumeSpec } from '../support/installation.ts'
import { checksum, GuestFiles } from './guest-files.ts'
import { OpenZfsInstallation } from './installation.ts'
import type { StorageMachine } from './machine.ts'
import { RawZfs } from './raw-zfs.ts'
import { MACHINES, ownMachine, testedVersion } from './shared.ts'

const FORMAT: VolumeFormat = { kind: 'filesystem', type: 'ext4' }
const DATASET = 'move/kubernetes'
const IMPORT = 'zpool import -d /dev/disk/by-id'

let one: StorageMachine
let two: StorageMachine
let installation: OpenZfsInstallation
let files: GuestFiles
let directory = ''

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'two-hosts-'))
  // On the first disk of both, as on a bus that two hosts share; the second disk is their own.
  const disks = [{ sizeBytes: 4 * GiB, file: join(directory, 'bus.img') }, { sizeBytes: 4 * GiB }]
  one = await ownMachine('one', { disks })
  two = await ownMachine('two', { disks })
  await one.boot()
  await one.createPool('move', 'virtio-disk0')
  await two.boot()
  await two.createPool('other', 'virtio-disk1')
  installation = await OpenZfsInstallation.start({
    machine: one,
    second: two,
    dataset: DATASET,
    directory: `${MACHINES}/two-hosts`,
  })
  files = new GuestFiles({ installation, guest: 'm1/ldg2', directory })
})

afterAll(async () => {
  await installation?.end()
  await one.remove()
  await two.remove()
  rmSync(directory, { recursive: true })
})

const at = (path: string) => join(directory, path)

async function createVolume(name: string): Promise<Volume> {
  const { volumes } = await installation.driver()
  const size = { requiredBytes: 64 * MiB, limitBytes: 0 }
  return volumes.ensureVolume(volumeSpec({ name, format: FORMAT, size }))
}

test('a machine leaves alone a pool that another one has imported', async () => {
  expect(await two.succeed('zpool list -H -o name')).toBe('other\n')
  const { stderr } = await two.root(`${IMPORT} move`)
  expect(stderr).toContain('pool was previously in use from another system')
})

test('a pool with an open volume is not exported before the volume is closed', async () => {
  await one.succeed('zfs create -V 16m move/open')
  const close = await new RawZfs(one, 'move').hold('open')

  const exported = one.root('zpool export move')
  if (testedVersion() === '2.1') {
    expect((await exported).stderr).toContain('pool is busy')
    await close()
    await one.succeed('zpool export move')
  } else {
    // It waits in the kernel, and nothing ends it before the volume is closed.
    await one.succeed('until ps -o stat,args | grep -q "^D.*zpool export"; do sleep 0.1; done')
    expect(await one.succeed('zpool list -H -o name')).toBe('move\n')
    await close()
    expect((await exported).status).toBe(0)
  }

  await one.succeed(`${IMPORT} move; udevadm settle; zfs destroy move/open`)
})

test('over a shared bus: after the detachment of its volumes a pool moves', async () => {
  const volume = await createVolume('bus')
  const before = await installation.driver()
  await files.mount(before, volume, 'bus')
  writeSynced(at('bus/data'), randomBytes(3 * MiB))
  const sum = checksum(at('bus/data'))

  await files.unmount(before, volume, 'bus')
  await one.succeed('udevadm settle; zpool export move')
  await two.succeed(`${IMPORT} move; udevadm settle`)
  const after = await installation.driver(installation.configuration({ home: 'second' }))
  await files.mount(after, volume, 'bus')

  expect(checksum(at('bus/data'))).toBe(sum)
  expect(await audit(after.pools)).toEqual([])

  await files.unmount(after, volume, 'bus')
  await two.succeed('udevadm settle; zpool export move')
  await one.succeed(`${IMPORT} move; udevadm settle`)
})

test('with send and receive: volumes and snapshots are the same on the other host', async () => {
  const volume = await createVolume('sent')
  const before = await installation.driver()
  await files.mount(before, volume, 'sent')
  writeSynced(at('sent/data'), randomBytes(3 * MiB))
  const sum = checksum(at('sent/data'))
  const snapshot = await before.snapshots.createSnapshot({ name: 'kept', volumeId: volume.id })
  await files.unmount(before, volume, 'sent')

  await one.succeed(`zfs snapshot -r ${DATASET}@move`)
  await one.pipeTo(`zfs send -R ${DATASET}@move`, two, 'zfs receive -u other/kubernetes')
  await one.succeed('udevadm settle; zpool export move')
  await two.succeed('udevadm settle')
  const moved = { home: 'second', dataset: 'other/kubernetes' } as const
  const after = await installation.driver(installation.configuration(moved))

  expect(await audit(after.pools)).toEqual([])
  const here = new RawZfs(two, 'other/kubernetes')
  expect(await two.succeed(`zfs get -H -o source ldom-csi:name ${here.of(volume.id)}`)).toBe(
    'received\n',
  )
  await two.succeed('zfs destroy -r other/kubernetes@move')
  expect(await after.volumes.getVolume(volume.id)).toEqual(
    await after.volumes.ensureVolume(
      volumeSpec({
        name: 'sent',
        format: FORMAT,
        size: { requiredBytes: 64 * MiB, limitBytes: 0 },
      }),
    ),
  )
  await files.mount(after, volume, 'sent')
  expect(checksum(at('sent/data'))).toBe(sum)
  await files.unmount(after, volume, 'sent')

  const restored = await after.volumes.ensureVolume(
    volumeSpec({
      ...{ name: 'restored', format: FORMAT, source: { kind: 'snapshot', id: snapshot.id } },
      size: { requiredBytes: 0, limitBytes: 0 },
    }),
  )
  await files.mount(after, restored, 'restored')
  expect(checksum(at('restored/data'))).toBe(sum)
  await files.unmount(after, restored, 'restored')
  await one.succeed(`${IMPORT} move; udevadm settle`)
})
