// Every kind of change that the driver makes with zfs.

import type { Installation } from '../../src/bin/compose/installation.ts'
import { MiB } from '../../src/model/volumes.ts'
import { volumeSpec } from './installation.ts'

const guest = { machine: 'm1', guest: 'ldg1' }

/**
 * Nothing is left of it. `settle`: called before something is deleted; on a real Linux a zvol is busy
 * while udev looks at it.
 */
export async function changeEverything(
  { volumes, snapshots, changes, attachments, groups }: Omit<Installation, 'stop'>,
  settle: () => Promise<unknown> = async () => {},
): Promise<void> {
  const size = { requiredBytes: 16 * MiB, limitBytes: 0 }
  const { id } = await volumes.ensureVolume(
    volumeSpec({ size, mutable: { logbias: 'throughput', sync: 'always' } }),
  )
  await changes.expandVolume(id, { requiredBytes: 32 * MiB, limitBytes: 0 })
  await changes.modifyVolume(id, { compression: 'lz4', reservation: 'thin' })
  await changes.modifyVolume(id, { reservation: 'thick' })
  const request = { volumeId: id, guest, mode: 'rw', sharing: 'exclusive' } as const
  await attachments.attach({ ...request, format: { kind: 'filesystem', type: 'any' } })
  await attachments.detach(id, guest)
  const snapshot = await snapshots.createSnapshot({ name: 's', volumeId: id })
  const restored = await volumes.ensureVolume(
    volumeSpec({ name: 'restored', source: { kind: 'snapshot', id: snapshot.id } }),
  )
  const copy = await volumes.ensureVolume(
    volumeSpec({ name: 'copy', source: { kind: 'volume', id } }),
  )
  await settle()
  await snapshots.deleteSnapshot(snapshot.id)
  await volumes.deleteVolume(id)
  const group = await groups.createGroup({ name: 'g', volumeIds: [restored.id, copy.id] })
  await groups.deleteGroup(
    group.id,
    group.snapshots.map(member => member.id),
  )
  for (const clone of [restored, copy]) await volumes.deleteVolume(clone.id)
}
