// A copy that was refused or cut off, and what it leaves on its source.

import { volumeSpec } from '../../support/installation.ts'
import { meetOnce } from '../../support/meddling.ts'
import { copyOf, scene } from './promises-scene.ts'

describe('a copy of a volume', () => {
  test('that is refused leaves nothing on its source', async () => {
    const { volumes, volumesAndSnapshots } = scene()
    const source = await volumes.ensureVolume(volumeSpec())
    await volumes.ensureVolume(volumeSpec({ name: 'copy' }))
    await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({
      kind: 'already-exists',
    })
    expect(volumesAndSnapshots()).toHaveLength(2)
  })

  test('that was cut off and given up goes with its source', async () => {
    const { installation, volumes, volumesAndSnapshots } = scene()
    const source = await volumes.ensureVolume(volumeSpec())
    meetOnce(installation, '/usr/sbin/zfs clone', { kind: 'cut-before' })
    await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({
      kind: 'unavailable',
    })
    expect(volumesAndSnapshots()).toHaveLength(2)
    await volumes.deleteVolume(source.id)
    expect(volumesAndSnapshots()).toEqual([])
  })

  test('that was cut off and given up is swept from a source that lives on', async () => {
    const { installation, volumes, reaper, volumesAndSnapshots } = scene()
    const source = await volumes.ensureVolume(volumeSpec())
    meetOnce(installation, '/usr/sbin/zfs clone', { kind: 'cut-before' })
    await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({
      kind: 'unavailable',
    })
    await reaper.sweep()
    expect(volumesAndSnapshots()).toHaveLength(1)
  })

  test(
    'shows the source as it is when the request succeeds, not as it was when an earlier one ' +
      'was cut off',
    async () => {
      const { installation, volumes, write, read } = scene()
      const source = await volumes.ensureVolume(volumeSpec())
      write(source.leaf, 'then')
      meetOnce(installation, '/usr/sbin/zfs clone', { kind: 'cut-before' })
      await expect(volumes.ensureVolume(copyOf(source.id))).rejects.toMatchObject({
        kind: 'unavailable',
      })
      write(source.leaf, 'now.')
      const copy = await volumes.ensureVolume(copyOf(source.id))
      expect(read(copy.leaf, 4)).toBe('now.')
    },
  )
})
