// What the driver believes about pools, on real ones: what a thick volume reserves and what a blank
// one refers to, on one disk and on raidz of 4K disks; pools that are full, or lose their disks;
// what other people do to snapshots.

import { GiB, KiB, MiB } from '../../src/model/volumes.ts'
import { thickReservation } from '../../src/zfs/dialect.ts'
import { waitFor } from '../support/commands.ts'
import { attachRequest, volumeSpec } from '../support/installation.ts'
import { OpenZfsInstallation } from './installation.ts'
import type { StorageMachine } from './machine.ts'
import { leafOf, RawZfs } from './raw-zfs.ts'
import { MACHINES, ownMachine } from './shared.ts'

const POOLS = {
  plain: 'virtio-disk0',
  raid: 'raidz virtio-disk1 virtio-disk2 virtio-disk3',
  small: 'virtio-disk4',
  // A file in a memory that a test fills up, so that every new write fails.
  frail: '/run/frail/disk',
} as const
type PoolName = keyof typeof POOLS

let machine: StorageMachine
const installations = new Map<PoolName, OpenZfsInstallation>()

beforeAll(async () => {
  const fourK = { sizeBytes: GiB, sectorBytes: 4096 } as const
  const disks = [{ sizeBytes: 4 * GiB }, fourK, fourK, fourK, { sizeBytes: 256 * MiB }]
  machine = await ownMachine('pools', { disks })
  await machine.boot()
  const memory = 'mkdir /run/frail && mount -t tmpfs -o size=300m none /run/frail'
  await machine.succeed(`${memory} && truncate -s 256M /run/frail/disk`)
  for (const pool of ['plain', 'raid', 'small', 'frail'] as const) {
    await machine.createPool(pool, POOLS[pool])
    const options = { machine, dataset: `${pool}/csi`, directory: `${MACHINES}/pools-${pool}` }
    installations.set(pool, await OpenZfsInstallation.start(options))
  }
})

afterAll(async () => {
  for (const installation of installations.values()) await installation.end()
  await machine.remove()
})

async function open(pool: PoolName) {
  const installation = installations.get(pool)
  if (installation === undefined) throw new Error(`no installation on ${pool}`)
  const driver = await installation.driver()
  return { installation, driver, zfs: new RawZfs(machine, `${pool}/csi`) }
}

const exactly = (bytes: number) => ({ requiredBytes: bytes, limitBytes: bytes })

describe.each(['plain', 'raid'] as const)('on a pool %s', pool => {
  test.each([8, 16, 128])(
    'a thick volume of blocks of %d KiB reserves what zfs computes, also after it has grown',
    async kib => {
      const { driver, zfs } = await open(pool)
      const blockSizeBytes = kib * KiB
      const parameters = { blockSizeBytes, reservation: 'thick' } as const
      const [first, grown] = [48 * MiB, 112 * MiB]
      const raw = async (size: number) => {
        const name = `${pool}/raw`
        const options = `-b ${blockSizeBytes} -V ${size}`
        await machine.succeed(`zfs create ${options} ${name}`)
        const reserved = await zfs.number(name, 'refreservation')
        await machine.succeed(`udevadm settle; zfs destroy ${name}`)
        return reserved
      }

      const volume = await driver.volumes.ensureVolume(
        volumeSpec({ name: `thick-${kib}`, size: exactly(first), parameters }),
      )
      const name = zfs.of(volume.id)
      const reserved = [await zfs.number(name, 'refreservation')]
      await driver.changes.expandVolume(volume.id, exactly(grown))
      reserved.push(await zfs.number(name, 'refreservation'))

      expect(reserved).toEqual([await raw(first), await raw(grown)])
      const computed = [first, grown].map(size => thickReservation(size, blockSizeBytes))
      if (pool === 'plain') expect(reserved).toEqual(computed)
      else expect(reserved.every((bytes, at) => bytes >= (computed[at] ?? 0))).toBe(true)
      await machine.succeed('udevadm settle')
      await driver.volumes.deleteVolume(volume.id)
    },
  )

  test.each([0.5, 4, 8, 16, 128])(
    'a volume of blocks of %d KiB is blank until a block is written to it',
    async kib => {
      const { driver, zfs } = await open(pool)
      const parameters = { blockSizeBytes: kib * KiB, reservation: 'thin' } as const
      const volume = await driver.volumes.ensureVolume(
        volumeSpec({ name: `blank-${kib}`, size: exactly(GiB), parameters }),
      )
      const guest = { machine: 'm1', guest: 'ldg2' }
      const answer = async () => {
        const attachment = await driver.attachments.attach(attachRequest(volume.id))
        await driver.attachments.detach(volume.id, guest)
        return attachment
      }
      const device = await zfs.device(volume.id)
      const write = (options: string) =>
        machine.succeed(`dd ${options} of=${device} conv=notrunc,fsync; zpool sync`)

      expect((await answer()).written).toBe(false)
      await driver.changes.expandVolume(volume.id, exactly(2 * GiB))
      expect((await answer()).written).toBe(false)

      await write('if=/dev/urandom bs=512 count=1 seek=2000000')
      expect((await answer()).written).toBe(true)
      await machine.succeed(`blkdiscard ${device}; zpool sync`)
      expect((await answer()).written).toBe(false)

      // As much as the smallest file system writes.
      await write('if=/dev/urandom bs=64k count=40')
      const { written, little } = await answer()
      expect({ written, little }).toEqual({ written: true, little: undefined })
      await machine.succeed('udevadm settle')
      await driver.volumes.deleteVolume(volume.id)
    },
  )
})

describe('on a pool without room', () => {
  test('a thick volume that does not fit is refused, and nothing is left of it', async () => {
    const { driver, zfs } = await open('small')

    const created = driver.volumes.ensureVolume(
      volumeSpec({ size: exactly(GiB), parameters: { reservation: 'thick' } }),
    )

    await expect(created).rejects.toMatchObject({ kind: 'no-space' })
    expect(await zfs.names()).toEqual([])
  })

  test('a thick volume can be written to its end, nothing else is made, and deletions work', async () => {
    const { driver, zfs } = await open('small')
    const thick = await driver.volumes.ensureVolume(
      volumeSpec({
        ...{ name: 'thick', size: exactly(16 * MiB) },
        parameters: { reservation: 'thick' },
      }),
    )
    const thin = await driver.volumes.ensureVolume(
      volumeSpec({
        ...{ name: 'thin', size: exactly(GiB) },
        parameters: { reservation: 'thin' },
      }),
    )
    // Directly: what is only in the memory of the storage host fails page by page, for minutes.
    const write = async (id: string, more: string) =>
      `dd if=/dev/urandom of=${await zfs.device(id)} oflag=direct ${more}`
    await machine.root(`${await write(thin.id, 'bs=1M')}; zpool sync`)

    // OpenZFS expects each write to need up to 24 times its size, until it is on the disks. On a pool
    // without any room it refuses a burst for which the reservation is too small by that measure.
    expect((await machine.root(await write(thick.id, 'bs=1M'))).stderr).toMatch(/No space left/)
    const piece = `${await write(thick.id, 'bs=64k count=1 seek=$at')} 2>/dev/null && zpool sync`
    await machine.succeed(
      `at=0; while [ $at -lt 256 ]; do ${piece} || exit 1; at=$((at + 1)); done`,
    )
    expect(await zfs.number(zfs.of(thick.id), 'referenced')).toBeGreaterThan(16 * MiB)
    const made = driver.volumes.ensureVolume(
      volumeSpec({
        ...{ name: 'late', size: exactly(16 * MiB) },
        parameters: { reservation: 'thick' },
      }),
    )
    await expect(made).rejects.toMatchObject({ kind: 'no-space' })
    const cut = driver.snapshots.createSnapshot({ name: 'late', volumeId: thick.id })
    await expect(cut).rejects.toMatchObject({ kind: 'no-space' })
    const grown = driver.changes.expandVolume(thick.id, exactly(96 * MiB))
    await expect(grown).rejects.toMatchObject({ kind: 'out-of-range' })

    await machine.succeed('udevadm settle')
    await driver.volumes.deleteVolume(thin.id)
    await driver.volumes.deleteVolume(thick.id)
    expect(await zfs.names()).toEqual([])
  })
})

test('while a pool is suspended nothing is absent and nothing is done; then the same calls succeed', async () => {
  const { driver, zfs } = await open('frail')
  const spec = (name: string) => volumeSpec({ name, size: exactly(16 * MiB) })
  const kept = await driver.volumes.ensureVolume(spec('kept'))
  const { id: cut } = await driver.snapshots.createSnapshot({ name: 'cut', volumeId: kept.id })
  await machine.root('cat /dev/zero > /run/frail/ballast')

  // It waits in the kernel, for as long as the writes fail.
  await expect(
    driver.volumes.ensureVolume(spec('late'), AbortSignal.timeout(5000)),
  ).rejects.toThrow()
  await machine.succeed(
    'until zpool list -H -o health frail | grep -q SUSPENDED; do sleep 0.1; done',
  )
  for (const call of [
    () => driver.volumes.getVolume(kept.id),
    () => driver.volumes.ensureVolume(spec('kept')),
    () => driver.volumes.deleteVolume(kept.id),
    () => driver.snapshots.deleteSnapshot(cut),
    () => driver.snapshots.listSnapshots({}),
    () => driver.attachments.listPublished(),
    () => driver.attachments.attach(attachRequest(kept.id)),
  ]) {
    await expect(call()).rejects.toMatchObject({ kind: 'unavailable' })
  }

  await machine.succeed('rm /run/frail/ballast; zpool clear frail')
  expect((await driver.volumes.ensureVolume(spec('kept'))).id).toBe(kept.id)
  const what = 'the end of the command that waited in the kernel'
  const late = await waitFor({ what }, () => driver.volumes.ensureVolume(spec('late')))
  expect(await zfs.names('volume')).toEqual([kept, late].map(({ id }) => leafOf(id)).sort())
  await driver.snapshots.deleteSnapshot(cut)
  await machine.succeed('udevadm settle')
  await driver.volumes.deleteVolume(kept.id)
  await driver.volumes.deleteVolume(late.id)
  expect(await zfs.names()).toEqual([])
})

describe('what other people did', () => {
  test('a held snapshot is not deleted, and is as soon as the hold is released', async () => {
    const { driver, zfs } = await open('plain')
    const volume = await driver.volumes.ensureVolume(volumeSpec({ name: 'held' }))
    const { id } = await driver.snapshots.createSnapshot({ name: 'held', volumeId: volume.id })
    await machine.succeed(`zfs hold backup ${zfs.of(id)}`)

    await expect(driver.snapshots.deleteSnapshot(id)).rejects.toMatchObject({ kind: 'busy' })

    await machine.succeed(`zfs release backup ${zfs.of(id)}`)
    await driver.snapshots.deleteSnapshot(id)
    await driver.volumes.deleteVolume(volume.id)
    expect(await zfs.names()).toEqual([])
  })

  test('a deleted volume keeps the snapshot of somebody else, and goes with it', async () => {
    const { driver, zfs } = await open('plain')
    const volume = await driver.volumes.ensureVolume(volumeSpec({ name: 'foreign' }))
    const foreign = `${zfs.of(volume.id)}@by-hand`
    await machine.succeed(`zfs snapshot ${foreign}`)

    await driver.volumes.deleteVolume(volume.id)

    expect(await zfs.get(foreign, 'type')).toEqual(['snapshot'])
    await expect(driver.volumes.getVolume(volume.id)).rejects.toMatchObject({ kind: 'not-found' })
    await machine.succeed(`zfs destroy ${foreign}`)
    await driver.volumes.deleteVolume(volume.id)
    expect(await zfs.names()).toEqual([])
  })

  test('a zvol that somebody has open is busy, and is deleted as soon as it is closed', async () => {
    const { driver, zfs } = await open('plain')
    const volume = await driver.volumes.ensureVolume(volumeSpec({ name: 'open' }))
    const close = await zfs.hold(volume.id)

    await expect(driver.volumes.deleteVolume(volume.id)).rejects.toMatchObject({ kind: 'busy' })

    await close()
    await driver.volumes.deleteVolume(volume.id)
    expect(await zfs.names()).toEqual([])
  })
})
