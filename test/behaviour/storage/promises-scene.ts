// A driver with a volume of design local, its bytes, and what stands beside it.

import type { VolumeSpec } from '../../../src/model/volumes.ts'
import { install, volumeSpec } from '../../support/installation.ts'
import { MARK_AT } from '../../support/marks.ts'

export function scene() {
  const installation = install()
  const driver = installation.driver()
  const zfs = installation.world.zfs('m1-primary')
  return {
    installation,
    ...driver,
    volumesAndSnapshots: () =>
      zfs
        .datasets()
        .flatMap(({ name, snapshots }) => [
          ...(name.includes('/v-') ? [name] : []),
          ...snapshots.map(snapshot => snapshot.name),
        ]),
    write: (leaf: string, text: string) =>
      zfs.store(`mtank/kubernetes/${leaf}`).write(MARK_AT, Buffer.from(text)),
    read: (leaf: string, length: number) =>
      zfs.store(`mtank/kubernetes/${leaf}`).read(MARK_AT, length).toString(),
  }
}

export function copyOf(id: string): VolumeSpec {
  return volumeSpec({
    name: 'copy',
    source: { kind: 'volume', id },
    size: { requiredBytes: 0, limitBytes: 0 },
  })
}
