// A growth that cannot end well is refused before the volume has another size.

import { KeyedLock } from '../../../src/locks.ts'
import { MiB } from '../../../src/model/volumes.ts'
import { VolumeChanges } from '../../../src/storage/volumes/changes.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'

test('a volume attached on a machine that its pool does not name any more does not grow', async () => {
  const { volumes, attachments, pools } = install().driver()
  const { id, sizeBytes } = await volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  await attachments.attach(attachRequest(id, 'm1/ldg1'))
  const left = new Map(
    [...pools].map(([name, pool]) => {
      const machines = [...pool.machines].filter(([machine]) => machine !== 'm1')
      return [name, { ...pool, machines: new Map(machines) }]
    }),
  )
  const changes = new VolumeChanges({
    pools: left,
    lock: new KeyedLock(),
    guestRule: () => ({ platform: 'solaris', attachLimit: undefined }),
  })
  const range = { requiredBytes: sizeBytes + 16 * MiB, limitBytes: 0 }
  await expect(changes.expandVolume(id, range)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: expect.stringContaining('machine m1'),
  })
  expect((await volumes.getVolume(id)).sizeBytes).toBe(sizeBytes)
})
