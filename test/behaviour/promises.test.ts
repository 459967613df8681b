// Promises that random histories or deliberate defects found unproved, each in its smallest form.

import type { SimFault } from '../../src/sim/host.ts'
import type { VolumeSpec } from '../../src/storage/model.ts'
import { attachRequest, install, type TestInstallation, volumeSpec } from '../support/installation.ts'

const MARK_AT = 8 * 1024 * 1024

/** Meets the next command that begins with these words. */
function meetOnce({ world }: TestInstallation, words: string, fault: SimFault): void {
  const { rules } = world.timeline
  const rule: (typeof rules)[number] = argv => {
    if (!argv.join(' ').startsWith(words)) return undefined
    rules.splice(rules.indexOf(rule), 1)
    return fault
  }
  rules.push(rule)
}

function scene() {
  const installation = install()
  const driver = installation.driver()
  const zfs = installation.world.zfs('m1-primary')
  return {
    installation,
    ...driver,
    volumesAndSnapshots: () =>
      zfs
        .datasets()
        .flatMap(({ name, snapshots }) => [...(name.includes('/v-') ? [name] : []), ...snapshots.map(snapshot => snapshot.name)]),
    write: (leaf: string, text: string) => zfs.store(`mtank/kubernetes/${leaf}`).write(MARK_AT, Buffer.from(text)),
    read: (leaf: string, length: number) => zfs.store(`mtank/kubernetes/${leaf}`).read(MARK_AT, length).toString(),
  }
}

function copyOf(id: string): VolumeSpec {
  return volumeSpec({ name: 'copy', source: { kind: 'volume', id }, size: { requiredBytes: 0, limitBytes: 0 } })
}

describe('a copy of a volume', () => {
  test('that is refused leaves nothing on its source', async () => {
    const { volumes, volumesAndSnapshots } = scene()
    const source = await volumes.ensureVolume(volumeSpec())
    await volumes.ensureVolume(volumeSpec({ name: 'copy' }))
    await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({ kind: 'already-exists' })
    expect(volumesAndSnapshots()).toHaveLength(2)
  })

  test('that was cut off and given up goes with its source', async () => {
    const { installation, volumes, volumesAndSnapshots } = scene()
    const source = await volumes.ensureVolume(volumeSpec())
    meetOnce(installation, '/usr/sbin/zfs clone', { kind: 'cut-before' })
    await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({ kind: 'unavailable' })
    expect(volumesAndSnapshots()).toHaveLength(2)
    await volumes.deleteVolume(source.id)
    expect(volumesAndSnapshots()).toEqual([])
  })

  test('that was cut off and given up is swept from a source that lives on', async () => {
    const { installation, volumes, reaper, volumesAndSnapshots } = scene()
    const source = await volumes.ensureVolume(volumeSpec())
    meetOnce(installation, '/usr/sbin/zfs clone', { kind: 'cut-before' })
    await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({ kind: 'unavailable' })
    await reaper.sweep()
    expect(volumesAndSnapshots()).toHaveLength(1)
  })

  test('shows the source as it is when the request succeeds, not as it was when an earlier one was cut off', async () => {
    const { installation, volumes, write, read } = scene()
    const source = await volumes.ensureVolume(volumeSpec())
    write(source.leaf, 'then')
    meetOnce(installation, '/usr/sbin/zfs clone', { kind: 'cut-before' })
    await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({ kind: 'unavailable' })
    write(source.leaf, 'now.')
    const copy = await volumes.ensureVolume(copyOf(source.id))
    expect(read(copy.leaf, 4)).toBe('now.')
  })
})

test('a snapshot whose deletion was cut off after it gave up its name does not keep its volume', async () => {
  const { installation, volumes, snapshots, volumesAndSnapshots } = scene()
  const volume = await volumes.ensureVolume(volumeSpec())
  const snapshot = await snapshots.createSnapshot({ name: 'snap', volumeId: volume.id })
  const copy = await volumes.ensureVolume({ ...copyOf(volume.id), source: { kind: 'snapshot', id: snapshot.id } })
  meetOnce(installation, '/usr/sbin/zfs rename', { kind: 'cut-after' })
  await expect(snapshots.deleteSnapshot(snapshot.id)).rejects.toMatchObject({ kind: 'unavailable' })
  await snapshots.deleteSnapshot(snapshot.id)
  await volumes.deleteVolume(copy.id)
  await volumes.deleteVolume(volume.id)
  expect(volumesAndSnapshots()).toEqual([])
})

test('a list is whole although a shared volume is detached while it is read', async () => {
  const { installation, volumes, attachments } = scene()
  const { id, leaf } = await volumes.ensureVolume(volumeSpec({ format: { kind: 'block' } }))
  await attachments.attach(attachRequest(id, 'm1/ldg1', { sharing: 'shared', format: { kind: 'block' } }))
  const host = installation.world.host('m1-primary')
  const zfs = host.programs.get('zfs')
  host.programs.set('zfs', async (args, context) => {
    const isOfRecord = args[0] === 'get' && args.at(-1) === `mtank/kubernetes/a-${leaf}` && args.includes('-r')
    if (isOfRecord && zfs !== undefined) {
      host.programs.set('zfs', zfs)
      await attachments.detach(id, { machine: 'm1', guest: 'ldg1' })
    }
    return zfs?.(args, context) ?? { exitStatus: 127, stdout: '', stderr: '' }
  })
  expect(await attachments.listPublished()).toMatchObject([{ volume: { id }, publishedTo: [] }])
  expect(host.programs.get('zfs')).toBe(zfs)
})
