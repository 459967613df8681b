import { attachRequest, volumeSpec } from '../../support/installation.ts'
import { byHand, meetOnce, onMachine, reaches, watch } from '../../support/meddling.ts'
import { stageRequest } from '../../support/node.ts'
import { copyOf, scene } from './promises-scene.ts'

const POOLS = [
  { pool: 'silver', host: 'm1-primary', parent: 'mtank/kubernetes' },
  { pool: 'gold', host: 'storage1', parent: 'tank/kubernetes' },
] as const

const ldg1 = { machine: 'm1', guest: 'ldg1' }

const ldg2 = { machine: 'm1', guest: 'ldg2' }

test('a snapshot whose deletion was cut off after it gave up its name does not keep its volume', async () => {
  const { installation, volumes, snapshots, volumesAndSnapshots } = scene()
  const volume = await volumes.ensureVolume(volumeSpec())
  const snapshot = await snapshots.createSnapshot({ name: 'snap', volumeId: volume.id })
  const copy = await volumes.ensureVolume({
    ...copyOf(volume.id),
    source: { kind: 'snapshot', id: snapshot.id },
  })
  meetOnce(installation, '/usr/sbin/zfs rename', { kind: 'cut-after' })
  await expect(snapshots.deleteSnapshot(snapshot.id)).rejects.toMatchObject({ kind: 'unavailable' })
  await snapshots.deleteSnapshot(snapshot.id)
  await volumes.deleteVolume(copy.id)
  await volumes.deleteVolume(volume.id)
  expect(volumesAndSnapshots()).toEqual([])
})

test('a list is whole although a volume is detached while it is read', async () => {
  const { installation, volumes, attachments } = scene()
  const { id, leaf } = await volumes.ensureVolume(volumeSpec({ format: { kind: 'block' } }))
  await attachments.attach(
    attachRequest(id, 'm1/ldg1', { sharing: 'shared', format: { kind: 'block' } }),
  )
  const host = installation.world.host('m1-primary')
  const zfs = host.programs.get('zfs')
  host.programs.set('zfs', async (args, context) => {
    const isOfRecord = args[0] === 'get' && args.includes(`mtank/kubernetes/a-${leaf}`)
    if (isOfRecord && zfs !== undefined) {
      host.programs.set('zfs', zfs)
      await attachments.detach(id, { machine: 'm1', guest: 'ldg1' })
    }
    return zfs?.(args, context) ?? { exitStatus: 127, stdout: '', stderr: '' }
  })
  expect(await attachments.listPublished()).toMatchObject([{ volume: { id }, publishedTo: [] }])
  expect(host.programs.get('zfs')).toBe(zfs)
})

describe.each(POOLS)('in pool $pool', ({ pool, host, parent }) => {
  test('the record of an attachment is there before the first export, and until the last is gone', async () => {
    const { installation, volumes, attachments } = scene()
    const { id, leaf } = await volumes.ensureVolume(volumeSpec({ pool }))
    const record = `${parent}/a-${leaf}`
    const { world } = installation
    let exports = 0
    let releases = 0
    watch(installation, command => {
      if (/ldm add-|stmfadm add-view/.test(command)) {
        exports += 1
        expect(world.zfs(host).dataset(record)).toBeDefined()
      }
      if (command.includes(`zfs destroy ${record}`)) {
        releases += 1
        expect(onMachine(installation, 'm1', leaf)).toEqual([])
        if (pool === 'gold') expect(world.comstar(host).views()).toEqual([])
      }
    })
    await attachments.attach(attachRequest(id, ldg1))
    await attachments.detach(id, ldg1)
    expect(exports).toBeGreaterThan(1)
    // The guest's own, then the volume's.
    expect(releases).toBe(2)
  })

  test(
    'a disk that somebody gave to a guest keeps the volume from being attached and deleted, ' +
      'and stays',
    async () => {
      const { installation, volumes, attachments } = scene()
      const { id, leaf } = await volumes.ensureVolume(volumeSpec({ pool }))
      await attachments.attach(attachRequest(id, ldg1))
      // The record is destroyed by mistake; the guest goes on working with its disk.
      await byHand(installation, host, `zfs destroy -r ${parent}/a-${leaf}`)
      await expect(attachments.attach(attachRequest(id, ldg2))).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining('of guest ldg1'),
      })
      await expect(volumes.deleteVolume(id)).rejects.toMatchObject({ kind: 'in-use' })
      expect(reaches(installation, 'm1/ldg1')).toBe(true)
      expect(reaches(installation, 'm1/ldg2')).toBe(false)
    },
  )

  test('a pool that is not imported makes no volume absent', async () => {
    const { installation, volumes, attachments } = scene()
    const { id, leaf } = await volumes.ensureVolume(volumeSpec({ pool }))
    const zfs = installation.world.zfs(host)
    const zpool = zfs.pool(parent.split('/')[0] ?? '')
    zpool.imported = false
    for (const call of [
      () => volumes.getVolume(id),
      () => volumes.deleteVolume(id),
      () => attachments.attach(attachRequest(id, ldg1)),
      () => attachments.detach(id, ldg1),
      () => attachments.listPublished(),
    ]) {
      await expect(call()).rejects.toMatchObject({ kind: 'unavailable' })
    }
    zpool.imported = true
    expect(zfs.dataset(`${parent}/${leaf}`)).toBeDefined()
    await attachments.attach(attachRequest(id, ldg1))
  })

  test(
    'a shared volume stays with the guest that is left when another guest of its machine ' +
      'gives it back',
    async () => {
      const { installation, volumes, attachments, audit } = scene()
      const format = { kind: 'block' } as const
      const { id } = await volumes.ensureVolume(volumeSpec({ pool, format }))
      for (const guest of [ldg1, ldg2]) {
        await attachments.attach(attachRequest(id, guest, { sharing: 'shared', format }))
      }
      await attachments.detach(id, ldg1)
      expect(reaches(installation, 'm1/ldg1')).toBe(false)
      expect(reaches(installation, 'm1/ldg2')).toBe(true)
      await expect(volumes.deleteVolume(id)).rejects.toMatchObject({ kind: 'in-use' })
      await attachments.detach(id, ldg2)
      await volumes.deleteVolume(id)
      expect(await audit()).toEqual([])
    },
  )

  test(
    'a connection cut while the machine was listed is not its silence: the attachment stays ' +
      'recorded',
    async () => {
      const { installation, volumes, attachments } = scene()
      const { id, leaf } = await volumes.ensureVolume(volumeSpec({ pool }))
      await attachments.attach(attachRequest(id, ldg1))
      meetOnce(installation, '/usr/sbin/ldm list-bindings', { kind: 'cut-before' })
      await expect(attachments.detach(id, ldg1)).rejects.toMatchObject({ kind: 'unavailable' })
      expect(installation.world.zfs(host).dataset(`${parent}/a-${leaf}`)).toBeDefined()
      expect(reaches(installation, 'm1/ldg1')).toBe(true)
    },
  )
})

test('a volume of design local is not deleted while its machine is silent', async () => {
  const { installation, volumes } = scene()
  const { id, leaf } = await volumes.ensureVolume(volumeSpec())
  meetOnce(installation, '/usr/sbin/ldm list-bindings', { kind: 'refuse' })
  await expect(volumes.deleteVolume(id)).rejects.toMatchObject({ kind: 'unavailable' })
  expect(installation.world.zfs('m1-primary').dataset(`mtank/kubernetes/${leaf}`)).toBeDefined()
})

test('what a silent machine kept of a fenced volume never reaches its bytes again', async () => {
  const { installation, volumes, attachments, audit } = scene()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await attachments.attach(attachRequest(id, ldg1))
  meetOnce(installation, '/usr/sbin/ldm list-bindings', { kind: 'refuse' })
  await attachments.detach(id, ldg1)
  watch(installation, () => expect(reaches(installation, 'm1/ldg1')).toBe(false))
  await attachments.attach(attachRequest(id, ldg2))
  expect(reaches(installation, 'm1/ldg2')).toBe(true)
  expect(await audit()).toEqual([])
})

test.each(['silver', 'gold'])(
  'pool %s: what the driver could not send is no silence: nothing is fenced or released',
  async pool => {
    const { installation, volumes, attachments } = scene()
    const { id, leaf } = await volumes.ensureVolume(volumeSpec({ pool }))
    await attachments.attach(attachRequest(id, ldg1))
    const before = installation.world.comstar('storage1').views()
    meetOnce(installation, '/usr/sbin/ldm list-bindings', { kind: 'not-sent' })
    await expect(attachments.detach(id, ldg1)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(installation.world.comstar('storage1').views()).toEqual(before)
    const [host, parent] = pool === 'gold' ? ['storage1', 'tank'] : ['m1-primary', 'mtank']
    expect(installation.world.zfs(host).dataset(`${parent}/kubernetes/a-${leaf}`)).toBeDefined()
    expect(reaches(installation, 'm1/ldg1')).toBe(true)
    // Who only looks is answered with what is known.
    meetOnce(installation, '/usr/sbin/ldm list-bindings', { kind: 'not-sent' })
    expect((await attachments.listPublished()).map(({ publishedTo }) => publishedTo)).toEqual([
      [ldg1],
    ])
  },
)

test(
  'a deleted volume of design lun is not taken for fenced where its machine could only not ' +
    'be asked',
  async () => {
    const { installation, volumes } = scene()
    const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
    meetOnce(installation, '/usr/sbin/ldm list-bindings', { kind: 'not-sent' })
    await expect(volumes.deleteVolume(id)).rejects.toMatchObject({ kind: 'unavailable' })
  },
)

test('a logical unit with a write cache is not given to a guest', async () => {
  const { installation, volumes, attachments } = scene()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  for (const unit of installation.world.comstar('storage1').units()) unit.writeCacheEnabled = true
  await expect(attachments.attach(attachRequest(id, ldg1))).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('wcd=true'),
  })
  expect(reaches(installation, 'm1/ldg1')).toBe(false)
})

test('a Linux disk that cannot be read is not formatted, though blkid finds nothing on it', async () => {
  const { installation, volumes, attachments } = scene()
  const volume = await volumes.ensureVolume(volumeSpec())
  const attachment = await attachments.attach(attachRequest(volume.id, ldg2))
  const { timeline } = installation.world
  const ioError = (stderr: string) =>
    ({ kind: 'answer', answer: { exitStatus: 1, stdout: '', stderr } }) as const
  timeline.rules.push(argv => {
    const [program = ''] = argv
    if (program.endsWith('/od')) return ioError('od: /dev/vdisk: read error: Input/output error\n')
    return program.endsWith('/wipefs')
      ? ioError('wipefs: error: /dev/vdisk: probing initialization failed: Input/output error\n')
      : undefined
  })
  await expect(
    installation.node('m1/ldg2').stage(stageRequest(volume, attachment)),
  ).rejects.toMatchObject({ kind: 'unavailable' })
  expect(timeline.commands.filter(({ argv }) => (argv[0] ?? '').includes('mkfs'))).toEqual([])
})
