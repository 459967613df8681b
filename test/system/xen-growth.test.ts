// The simulated Xen with real block devices: a disk that grows is larger in its guest at once.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { xenWorld } from '../../sim/preset.ts'
import { vdevName } from '../../src/model/vdev.ts'
import { MiB } from '../../src/model/volumes.ts'
import { run } from '../support/commands.ts'
import { attachRequest, install, volumeSpec } from '../support/installation.ts'

test('the real block device of a guest of Xen follows its volume', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-sim-'))
  const { world, driver } = install(() => xenWorld(), { directory, realBlockDevices: true })
  try {
    const { volumes, attachments, changes } = driver()
    const { id } = await volumes.ensureVolume(volumeSpec())
    const { slot, sizeBytes } = await attachments.attach(attachRequest(id, 'x1/web'))
    const node = join(world.guests.get('x1/web')?.kernelRoot ?? '', 'dev', vdevName(slot))
    const size = async () => Number(await run(['blockdev', '--getsize64', node]))
    expect(await size()).toBe(sizeBytes)

    await changes.expandVolume(id, { requiredBytes: sizeBytes + 32 * MiB, limitBytes: 0 })
    expect(await size()).toBe(sizeBytes + 32 * MiB)
  } finally {
    world.dispose()
    rmSync(directory, { recursive: true })
  }
})
