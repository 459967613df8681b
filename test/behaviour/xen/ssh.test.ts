// The simulated Xen machine behind SSH, with the files that it writes for the driver: a volume is
// created, attached, detached and deleted by the real shell.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PRESETS, serve } from '../../../sim/serve.ts'
import { openRealShell } from '../../../src/bin/compose/hosts.ts'
import { composeInstallation } from '../../../src/bin/compose/installation.ts'
import { systemClock } from '../../../src/clock.ts'
import { parseControllerConfig, parseNodeConfig } from '../../../src/config/config.ts'
import { silentLog } from '../../../src/log.ts'
import { audit } from '../../../src/storage/audit/audit.ts'
import { attachRequest, volumeSpec } from '../../support/installation.ts'

test('a volume lives and goes over SSH, by the files of the preset', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ldom-sim-'))
  const spec = PRESETS.xen?.()
  if (spec === undefined) throw new Error('no preset of Xen')
  const served = await serve({ spec, directory, realBlockDevices: false })
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  try {
    expect(parseNodeConfig(read('node-x1-web.yaml'), 'node.yaml').hypervisor).toBe('xen')
    const config = parseControllerConfig(read('controller.yaml'), 'controller.yaml')
    const surroundings = { openShell: openRealShell, log: silentLog, clock: systemClock }
    const driver = composeInstallation(config, surroundings)
    const { id } = await driver.volumes.ensureVolume(volumeSpec())

    const { guest } = await driver.attachments.attach(attachRequest(id, 'x1/web'))
    expect(served.world.xen('x1').domain('web')?.vbds.size).toBe(1)
    expect(await audit(driver.pools)).toEqual([])

    await driver.attachments.detach(id, guest)
    await driver.volumes.deleteVolume(id)
    expect(served.world.xen('x1').domain('web')?.vbds.size).toBe(0)
    expect(await audit(driver.pools)).toEqual([])
    await driver.stop()
  } finally {
    await served.stop()
    await rm(directory, { recursive: true })
  }
})
