// What `volumes` shows of a simulated installation: states, numbers, devices and paths as they are,
// silence called silence.

import { formatVolumeTable, reportVolumes } from '../../../src/cli/volumes.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { guestRecordLeaf, releasingRecordLeaf } from '../../../src/storage/names.ts'
import type { Pools } from '../../../src/storage/pool.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { byHand } from '../../support/meddling.ts'

const listVolumeRows = async (pools: Pools) => (await reportVolumes(pools)).rows

test('a volume that nobody has is available', async () => {
  const { volumes, pools } = install().driver()
  const volume = await volumes.ensureVolume(volumeSpec({ name: 'pvc-1' }))

  expect(await listVolumeRows(pools)).toEqual([
    {
      volume: volume.id,
      name: 'pvc-1',
      pool: 'silver',
      sizeBytes: 16 * MiB,
      state: 'available',
      guest: undefined,
      vdisk: undefined,
      paths: [],
    },
  ])
})

test('an attached volume has its guest, its number, and every path with its device and state', async () => {
  const { volumes, attachments, pools } = install().driver()
  const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  const { slot } = await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))

  const [row] = await listVolumeRows(pools)

  expect(row).toMatchObject({ state: 'attached', guest: 'm1/ldg1', vdisk: slot })
  expect(row?.paths).toEqual([
    {
      serviceDomain: 'primary',
      vds: 'primary-vds0',
      device: expect.stringMatching(/^\/dev\/dsk\/c0t600144F[0-9A-F]{25}d0s2$/),
      state: 'active',
    },
    {
      serviceDomain: 'alternate',
      vds: 'alternate-vds0',
      device: row?.paths[0]?.device,
      state: 'standby',
    },
  ])
})

test('a shared volume has a row for every guest', async () => {
  const { volumes, attachments, pools } = install().driver()
  const format = { kind: 'block' } as const
  const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold', format }))
  for (const guest of ['m1/ldg1', 'm2/ldg1']) {
    await attachments.attach(attachRequest(volume.id, guest, { format, sharing: 'shared' }))
  }

  expect(
    (await listVolumeRows(pools)).map(({ volume: id, state, guest }) => [id, state, guest]).sort(),
  ).toEqual([
    [volume.id, 'attached', 'm1/ldg1'],
    [volume.id, 'attached', 'm2/ldg1'],
  ])
})

test('after a power cycle that lost the disk the attachment is incomplete', async () => {
  const { driver, world } = install()
  const { volumes, attachments, pools } = driver()
  const volume = await volumes.ensureVolume(volumeSpec())
  const { slot } = await attachments.attach(attachRequest(volume.id, 'm1/ldg2'))

  world.machine('m1').powerCycle()

  expect(await listVolumeRows(pools)).toMatchObject([
    { state: 'incomplete', guest: 'm1/ldg2', vdisk: slot, paths: [] },
  ])
})

test('an attachment whose detachment was begun and has not ended is being detached', async () => {
  const installation = install()
  const { volumes, attachments, pools } = installation.driver()
  const volume = await volumes.ensureVolume(volumeSpec())
  const { guest } = await attachments.attach(attachRequest(volume.id, 'm1/ldg2'))
  const record = `mtank/kubernetes/a-${volume.leaf}`

  await byHand(
    installation,
    'm1-primary',
    `zfs rename ${record}/${guestRecordLeaf(guest)} ${record}/${releasingRecordLeaf(guest)}`,
  )

  expect(await listVolumeRows(pools)).toMatchObject([{ state: 'detaching', guest: 'm1/ldg2' }])
})

test('while a machine is silent its attachments are unknown, not absent', async () => {
  const { driver, world } = install()
  const { volumes, attachments, pools } = driver()
  const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await attachments.attach(attachRequest(volume.id, 'm2/ldg1'))

  world.host('m2-primary').down = true

  const { rows, unasked } = await reportVolumes(
    new Map([...pools].filter(([name]) => name === 'gold')),
  )
  expect(rows).toMatchObject([{ state: 'unknown', guest: 'm2/ldg1' }])
  expect(unasked).toEqual([expect.stringMatching(/^machine m2 could not be asked: .*m2-primary/)])
})

test('while all is asked, nothing is said to be unasked', async () => {
  const { driver } = install()
  const { volumes, attachments, pools } = driver()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await attachments.attach(attachRequest(id, 'm2/ldg1'))

  expect((await reportVolumes(pools)).unasked).toEqual([])
})

test('a pool that does not answer fails the list', async () => {
  const { driver, world } = install()
  const { volumes, pools } = driver()
  await volumes.ensureVolume(volumeSpec())

  world.host('storage1').down = true

  await expect(listVolumeRows(pools)).rejects.toMatchObject({ kind: 'unavailable' })
})

test('the table aligns its columns and shows control characters of names instead of obeying them', () => {
  const text = formatVolumeTable([
    {
      volume: 'gold/v-a',
      name: 'a\u001b[2J\nb',
      pool: 'gold',
      sizeBytes: 16 * MiB,
      state: 'available',
      guest: undefined,
      vdisk: undefined,
      paths: [],
    },
  ])

  expect(text.split('\n')).toEqual([
    expect.stringMatching(
      /^VOLUME {4}NAME +SIZE {3}POOL {2}STATE {6}GUEST {2}VDISK {2}DEVICE {2}PATHS$/,
    ),
    'gold/v-a  a\\u001b[2J\\nb  16MiB  gold  available  -      -      -       -',
    '',
  ])
})

test('where a line of the table would be broken every volume is a block of its own', async () => {
  const { volumes, attachments, pools } = install().driver()
  const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await attachments.attach(attachRequest(volume.id, 'm1/ldg1'))
  const rows = await listVolumeRows(pools)

  const text = formatVolumeTable(rows, 60)

  expect(text.split('\n').slice(0, 7)).toEqual([
    `VOLUME    ${volume.id}`,
    expect.stringMatching(/^ {2}NAME {4}/),
    '  SIZE    16MiB',
    '  POOL    gold',
    '  STATE   attached',
    '  GUEST   m1/ldg1',
    expect.stringMatching(/^ {2}VDISK {3}\d+$/),
  ])
  expect(formatVolumeTable(rows, 500)).toBe(formatVolumeTable(rows))
})
