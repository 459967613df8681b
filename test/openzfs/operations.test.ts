// Every operation of the controller, over its socket, on the real storage host. What it says is
// compared with what raw `zfs` shows.

import type { Draft } from '../../src/csi/wire/proto.ts'
import type { CreateVolumeRequest, Volume } from '../../src/csi/wire/types.gen.ts'
import { GiB, MiB } from '../../src/model/volumes.ts'
import { code } from '../protocol/conformance/world.ts'
import type { Plugin } from '../protocol/plugin.ts'
import { OpenZfsInstallation } from './installation.ts'
import { serveController } from './plugins.ts'
import { RawZfs } from './raw-zfs.ts'

let installation: OpenZfsInstallation
let plugin: Plugin
let zfs: RawZfs

beforeAll(async () => {
  installation = await OpenZfsInstallation.onShared('operations')
  zfs = new RawZfs(installation.machine, installation.dataset)
  plugin = await serveController(installation)
})

afterEach(() => zfs.renew())

afterAll(async () => {
  await plugin.end()
  await installation?.end()
})

const calls = () => plugin.client.controller

async function create(name: string, change: Draft<CreateVolumeRequest> = {}): Promise<Volume> {
  const { volume } = await calls().CreateVolume({
    name,
    volume_capabilities: [{ mount: {}, access_mode: { mode: 1 } }],
    parameters: { pool: 'silver' },
    capacity_range: { required_bytes: String(16 * MiB) },
    ...change,
  })
  if (volume === undefined) throw new Error('CreateVolume answered without a volume')
  return volume
}

async function snapshot(name: string, source_volume_id: string): Promise<string> {
  const { snapshot: made } = await calls().CreateSnapshot({ name, source_volume_id })
  return made?.snapshot_id ?? ''
}

const fromSnapshot = (snapshot_id: string) => ({
  volume_content_source: { snapshot: { snapshot_id } },
})

const bytes = (size: number) => ({
  capacity_range: { required_bytes: String(size), limit_bytes: String(size) },
})

test.each([16 * MiB, 16 * MiB + 16384, 100 * MiB - 16384, GiB])(
  'a volume of %d bytes has exactly these, for the caller, for zfs and in the kernel',
  async size => {
    const volume = await create('exact', bytes(size))

    expect(volume.capacity_bytes).toBe(String(size))
    const name = zfs.of(volume.volume_id)
    expect(await zfs.number(name, 'volsize')).toBe(size)
    const device = await zfs.device(volume.volume_id)
    expect(await zfs.machine.succeed(`blockdev --getsize64 ${device}`)).toBe(`${size}\n`)
  },
)

test('the same creation again is the same volume, and changes nothing on the pool', async () => {
  const volume = await create('twice')
  const name = zfs.of(volume.volume_id)
  // The room of the pool changes by itself.
  const look = `zfs get -Hp all ${name} | grep -v available`
  const before = await zfs.machine.succeed(look)

  expect(await create('twice')).toEqual(volume)

  expect(await zfs.machine.succeed(look)).toBe(before)
  expect(await zfs.names('volume')).toHaveLength(1)
})

test('a name that is taken by another size is refused, and nothing is made', async () => {
  await create('taken')

  const again = create('taken', bytes(32 * MiB))

  expect(await code(again)).toBe('ALREADY_EXISTS')
  expect(await zfs.names('volume')).toHaveLength(1)
})

test('parameters of the class are properties of the zvol', async () => {
  const volume = await create('set', {
    parameters: { pool: 'silver', blockSize: '8k', compression: 'gzip-1', reservation: 'thin' },
  })

  const name = zfs.of(volume.volume_id)
  expect(await zfs.get(name, 'volblocksize', 'compression', 'refreservation')).toEqual([
    '8192',
    'gzip-1',
    '0',
  ])
})

test('lists name every volume and every snapshot, page by page', async () => {
  const made = await Promise.all(['one', 'two', 'three'].map(name => create(name)))
  const shots = await Promise.all(
    made.map(({ volume_id }, at) => snapshot(`daily-${at}`, volume_id)),
  )
  const volumes = await pages(async starting_token => {
    const { entries, next_token } = await calls().ListVolumes({ max_entries: 2, starting_token })
    return { ids: entries.map(({ volume }) => volume?.volume_id), next_token }
  })
  const snapshots = await pages(async starting_token => {
    const { entries, next_token } = await calls().ListSnapshots({ max_entries: 2, starting_token })
    return { ids: entries.map(entry => entry.snapshot?.snapshot_id), next_token }
  })

  expect(volumes).toEqual(made.map(({ volume_id }) => volume_id).sort())
  expect(snapshots).toEqual([...shots].sort())
  expect(await zfs.names('snapshot')).toHaveLength(3)
})

interface Page {
  readonly ids: readonly (string | undefined)[]
  readonly next_token: string
}

async function pages(read: (token: string) => Promise<Page>): Promise<unknown[]> {
  const all: unknown[] = []
  let token = ''
  do {
    const page = await read(token)
    all.push(...page.ids)
    token = page.next_token
  } while (token !== '')
  return all
}

test('the capacity is what zfs says is available', async () => {
  const { available_capacity } = await calls().GetCapacity({ parameters: { pool: 'silver' } })

  expect(Number(available_capacity)).toBe(await zfs.number(installation.dataset, 'available'))
})

test('a snapshot has the size and the time of the pool, once and again', async () => {
  const volume = await create('source')
  const request = { name: 'daily', source_volume_id: volume.volume_id }

  const first = await calls().CreateSnapshot(request)
  const again = await calls().CreateSnapshot(request)

  expect(again).toEqual(first)
  const name = zfs.of(first.snapshot?.snapshot_id ?? '')
  const [created = '', volsize] = await zfs.get(name, 'creation', 'volsize')
  expect(first.snapshot).toMatchObject({
    size_bytes: volsize,
    source_volume_id: volume.volume_id,
    ready_to_use: true,
  })
  expect(Number(first.snapshot?.creation_time?.seconds)).toBe(Number(created))
})

test('a volume from a snapshot is a clone of it; a larger one has its size at once', async () => {
  const { volume_id } = await create('source')
  const snapshot_id = await snapshot('daily', volume_id)

  const equal = await create('equal', fromSnapshot(snapshot_id))
  const larger = await create('larger', { ...fromSnapshot(snapshot_id), ...bytes(48 * MiB) })

  expect(await zfs.get(zfs.of(equal.volume_id), 'origin', 'volsize')).toEqual([
    zfs.of(snapshot_id),
    String(16 * MiB),
  ])
  expect(await zfs.get(zfs.of(larger.volume_id), 'origin', 'volsize')).toEqual([
    zfs.of(snapshot_id),
    String(48 * MiB),
  ])
})

test('a volume from a volume is cloned from a hidden snapshot, which goes with it', async () => {
  const { volume_id } = await create('source')
  const copy = await create('copy', { volume_content_source: { volume: { volume_id } } })
  const [origin = ''] = await zfs.get(zfs.of(copy.volume_id), 'origin')

  expect(origin.split('@')[0]).toBe(zfs.of(volume_id))
  expect(await zfs.get(origin, 'defer_destroy')).toEqual(['on'])
  expect((await calls().ListSnapshots({})).entries).toEqual([])

  await calls().DeleteVolume({ volume_id: copy.volume_id })
  expect(await zfs.names('snapshot')).toEqual([])
})

test('the members of a group are cut in one transaction', async () => {
  const made = await Promise.all(['one', 'two', 'three'].map(name => create(name)))
  const request = { name: 'night', source_volume_ids: made.map(({ volume_id }) => volume_id) }
  const groups = plugin.client.groupController

  const first = await groups.CreateVolumeGroupSnapshot(request)

  expect(await groups.CreateVolumeGroupSnapshot(request)).toEqual(first)
  const ids = first.group_snapshot?.snapshots.map(({ snapshot_id }) => snapshot_id) ?? []
  expect(ids).toHaveLength(3)
  const moments = await Promise.all(ids.map(id => zfs.number(zfs.of(id), 'createtxg')))
  expect(new Set(moments).size).toBe(1)

  const { group_snapshot_id = '' } = first.group_snapshot ?? {}
  await groups.DeleteVolumeGroupSnapshot({ group_snapshot_id, snapshot_ids: ids })
  expect(await zfs.names('snapshot')).toEqual([])
})

test('a volume grows to the byte, with its reservation, and never shrinks', async () => {
  const { volume_id } = await create('grows', {
    parameters: { pool: 'silver', reservation: 'thick' },
  })
  const name = zfs.of(volume_id)
  const before = await zfs.number(name, 'refreservation')
  const size = 40 * MiB + 16384

  const grow = () => calls().ControllerExpandVolume({ volume_id, ...bytes(size) })

  expect(await grow()).toMatchObject({ capacity_bytes: String(size) })
  expect(await grow()).toMatchObject({ capacity_bytes: String(size) })
  expect(await zfs.number(name, 'volsize')).toBe(size)
  expect(before).toBeGreaterThan(16 * MiB)
  expect(await zfs.number(name, 'refreservation')).toBeGreaterThan(size)
  const shrink = calls().ControllerExpandVolume({ volume_id, ...bytes(16 * MiB) })
  expect(await code(shrink)).toBe('OUT_OF_RANGE')
  expect(await zfs.number(name, 'volsize')).toBe(size)
})

test('a volume is modified, and is still the volume of its creation', async () => {
  const volume = await create('modified')
  const { volume_id } = volume
  const mutable_parameters = {
    ...{ compression: 'gzip-1', reservation: 'thin' },
    ...{ logbias: 'throughput', sync: 'always' },
  }

  await calls().ControllerModifyVolume({ volume_id, mutable_parameters })

  const properties = ['compression', 'refreservation', 'logbias', 'sync'] as const
  expect(await zfs.get(zfs.of(volume_id), ...properties)).toEqual([
    'gzip-1',
    '0',
    'throughput',
    'always',
  ])
  expect(await create('modified')).toEqual(volume)
})

test('a volume with clones is deleted, and its content stays with them', async () => {
  const { volume_id } = await create('source')
  const snapshot_id = await snapshot('daily', volume_id)
  const copy = await create('copy', fromSnapshot(snapshot_id))

  await calls().DeleteVolume({ volume_id })
  await calls().DeleteSnapshot({ snapshot_id })

  expect((await calls().ListVolumes({})).entries.map(({ volume }) => volume)).toEqual([copy])
  expect((await calls().ListSnapshots({})).entries).toEqual([])
  expect(await zfs.number(zfs.of(copy.volume_id), 'volsize')).toBe(16 * MiB)
  await calls().DeleteVolume({ volume_id: copy.volume_id })
  expect(await zfs.names()).toEqual([])
})

test('what is got by its id is what was created; what is gone is not found', async () => {
  const volume = await create('got')
  const { volume_id } = volume
  const snapshot_id = await snapshot('daily', volume_id)

  expect((await calls().ControllerGetVolume({ volume_id })).volume).toEqual(volume)
  expect((await calls().GetSnapshot({ snapshot_id })).snapshot).toMatchObject({ snapshot_id })

  await calls().DeleteSnapshot({ snapshot_id })
  await calls().DeleteVolume({ volume_id })
  expect(await code(calls().ControllerGetVolume({ volume_id }))).toBe('NOT_FOUND')
  expect(await code(calls().GetSnapshot({ snapshot_id }))).toBe('NOT_FOUND')
  expect(await zfs.names()).toEqual([])
})

test('deletions of what never was, or is gone, succeed', async () => {
  const { volume_id } = await create('gone')
  await calls().DeleteVolume({ volume_id })

  expect(await code(calls().DeleteVolume({ volume_id }))).toBe('OK')
  expect(await code(calls().DeleteSnapshot({ snapshot_id: `${volume_id}@s-none` }))).toBe('OK')
})

test('a published volume is open on the storage host, and is not deleted', async () => {
  const { volume_id } = await create('attached')
  const device = `/dev/zvol/${zfs.of(volume_id)}`
  const attach = {
    volume_id,
    node_id: 'm1/ldg2',
    volume_capability: { mount: {}, access_mode: { mode: 1 as const } },
  }

  await calls().ControllerPublishVolume(attach)

  const busy = await zfs.machine.root(`zfs destroy -r ${zfs.of(volume_id)}`)
  expect(busy.stderr).toContain('dataset is busy')
  expect(await code(calls().DeleteVolume({ volume_id }))).toBe('FAILED_PRECONDITION')
  expect(await zfs.machine.succeed(`test -b ${device} && echo there`)).toBe('there\n')

  await calls().ControllerUnpublishVolume({ volume_id, node_id: 'm1/ldg2' })
  await calls().DeleteVolume({ volume_id })
  expect(await zfs.names()).toEqual([])
})

describe('whether something was written to a volume', () => {
  async function publish({ volume_id }: Volume) {
    const { publish_context } = await calls().ControllerPublishVolume({
      volume_id,
      node_id: 'm1/ldg2',
      volume_capability: { mount: {}, access_mode: { mode: 1 as const } },
    })
    await calls().ControllerUnpublishVolume({ volume_id, node_id: 'm1/ldg2' })
    const { written, little } = publish_context
    return { written, little }
  }

  const BLANK = { written: 'false', little: undefined }
  const LITTLE = { written: 'true', little: 'true' }

  test.each([
    {
      what: 'a byte at its beginning',
      dd: 'if=/dev/zero bs=1 count=1',
      seek: 0,
      compression: 'off',
    },
    { what: '4 KiB', dd: 'if=/dev/urandom bs=4k count=1', seek: 2000, compression: 'gzip-9' },
    { what: '32 KiB', dd: 'if=/dev/urandom bs=32k count=1', seek: 500, compression: 'off' },
  ])(
    'is told of $what; it was not to a new one and its clone',
    async ({ dd, seek, compression }) => {
      const volume = await create('new', { parameters: { pool: 'silver', compression } })
      const source = { volume_content_source: { volume: { volume_id: volume.volume_id } } }
      const clone = await create('clone-of-new', source)
      expect([await publish(volume), await publish(clone)]).toEqual([BLANK, BLANK])

      const device = await zfs.device(volume.volume_id)
      await zfs.machine.succeed(`dd ${dd} seek=${seek} of=${device} conv=notrunc,fsync; zpool sync`)

      expect(await publish(volume)).toEqual(LITTLE)
      expect(await publish(await create('clone-of-written', source))).toEqual(LITTLE)
      expect(await publish(clone)).toEqual(BLANK)
    },
  )

  test('files in the parent dataset do not hide it', async () => {
    const [blank, other] = [await create('blank'), await create('other')]
    const device = await zfs.device(other.volume_id)
    await zfs.machine.succeed(
      `head -c 300000 /dev/urandom > /${zfs.dataset}/file; ` +
        `dd if=/dev/urandom of=${device} bs=4k count=1 seek=2000 conv=notrunc,fsync; zpool sync`,
    )

    expect([await publish(blank), await publish(other)]).toEqual([BLANK, LITTLE])
  })
})

describe('a volume without an owner, as a power failure leaves it', () => {
  /** Everything that was set on it; zfs lists user properties in any order. */
  const setOn = (volume: Volume) => {
    const name = zfs.of(volume.volume_id)
    return zfs.machine.succeed(`zfs get -Hp -s local -o property,value all ${name} | sort`)
  }

  /** Another volume in its place, made by hand, which udev has looked at. */
  async function replace(volume: Volume, line: string): Promise<void> {
    const name = zfs.of(volume.volume_id)
    await zfs.machine.succeed('udevadm settle')
    await calls().DeleteVolume({ volume_id: volume.volume_id })
    await zfs.machine.succeed(`zfs ${line.replaceAll('NAME', name)}`)
    await zfs.nodesAppear()
    await zfs.machine.succeed('zpool sync')
    expect(await zfs.get(name, 'ldom-csi:cluster')).toEqual(['-'])
  }

  const write = async ({ volume_id }: Volume) => {
    const device = await zfs.device(volume_id)
    await zfs.machine.succeed(
      `dd if=/dev/urandom of=${device} bs=64k count=40 conv=fsync; zpool sync`,
    )
  }

  const SIZE = `-b 8192 -V ${16 * MiB}`

  test.each([
    { reservation: 'thick', before: 'before its reservation', line: `create -s ${SIZE} NAME` },
    { reservation: 'thick', before: 'after its reservation', line: `create ${SIZE} NAME` },
    { reservation: 'thin', before: 'before anything', line: `create -s ${SIZE} NAME` },
  ])('is completed: empty, $reservation, cut $before', async ({ reservation, line }) => {
    const change = { parameters: { pool: 'silver', reservation, compression: 'gzip-1' } }
    const usual = await create('cut', change)
    const expected = await setOn(usual)
    await replace(usual, line)

    expect(await create('cut', change)).toEqual(usual)

    expect(await setOn(usual)).toBe(expected)
    expect(expected).toContain('ldom-csi:cluster')
  })

  test('is completed: a clone of a snapshot, with its content', async () => {
    const source = await create('source')
    await write(source)
    const snapshot_id = await snapshot('daily', source.volume_id)
    const usual = await create('cut', fromSnapshot(snapshot_id))
    const expected = await setOn(usual)
    await replace(usual, `clone ${zfs.of(snapshot_id)} NAME`)

    expect(await create('cut', fromSnapshot(snapshot_id))).toEqual(usual)

    expect(await setOn(usual)).toBe(expected)
    const devices = [await zfs.device(source.volume_id), await zfs.device(usual.volume_id)]
    await zfs.machine.succeed(`cmp ${devices.join(' ')}`)
  })

  test('is completed: a copy of a volume, whose hidden snapshot goes with it', async () => {
    const { volume_id } = await create('source')
    const change = { volume_content_source: { volume: { volume_id } } }
    const usual = await create('cut', change)
    const expected = await setOn(usual)
    const [origin = ''] = await zfs.get(zfs.of(usual.volume_id), 'origin')
    const labels = ['ldom-csi:cluster', 'ldom-csi:name']
    const values = await zfs.get(origin, ...labels)
    const options = labels.map((label, at) => `-o ${label}=${values[at]}`).join(' ')
    await replace(usual, `snapshot ${options} ${origin} && zfs clone ${origin} NAME`)

    expect(await create('cut', change)).toEqual(usual)

    expect(await setOn(usual)).toBe(expected)
    expect(await zfs.get(origin, 'defer_destroy')).toEqual(['on'])
  })

  // So many blocks can count as much as an empty volume on disks of 4 KiB.
  test('is left alone with four written blocks of 4 KiB, far from each other', async () => {
    const change = { parameters: { pool: 'silver', reservation: 'thin', blockSize: '4k' } }
    const volume = await create('cut', { ...change, ...bytes(100 * GiB) })
    await replace(volume, `create -s -b 4096 -V ${100 * GiB} NAME`)
    const device = await zfs.device(volume.volume_id)
    const write = `dd if=/dev/urandom of=${device} bs=4k count=1 conv=notrunc,fsync`
    await zfs.machine.succeed(`for at in 0 2000 4000 6000; do ${write} seek=$at; done; zpool sync`)

    const error = await create('cut', { ...change, ...bytes(100 * GiB) }).catch(thrown => thrown)

    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      details: expect.stringContaining('something was written to it'),
    })
  })

  test.each(['off', 'lz4', 'gzip-9'])('is left alone with one written byte, %s', async how => {
    const volume = await create('cut')
    await replace(volume, `create -o compression=${how} ${SIZE} NAME`)
    await zfs.machine.succeed(`zfs inherit compression ${zfs.of(volume.volume_id)}`)
    const device = await zfs.device(volume.volume_id)
    await zfs.machine.succeed(`printf x | dd of=${device} bs=1 conv=notrunc,fsync; zpool sync`)
    const before = await setOn(volume)

    const error = await create('cut').catch(thrown => thrown)

    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      details: expect.stringContaining('something was written to it'),
    })
    expect(await setOn(volume)).toBe(before)
    const deletion = calls().DeleteVolume({ volume_id: volume.volume_id })
    expect(await code(deletion)).toBe('UNAVAILABLE')
  })
})
