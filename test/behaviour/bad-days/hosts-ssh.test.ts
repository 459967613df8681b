// Hosts that do not let the driver in.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoWorld } from '../../../sim/preset.ts'
import { serve } from '../../../sim/serve.ts'
import { generateKeys } from '../../../sim/ssh-server.ts'
import { openRealShell } from '../../../src/bin/compose/hosts.ts'
import { composeInstallation } from '../../../src/bin/compose/installation.ts'
import { systemClock } from '../../../src/clock.ts'
import { parseControllerConfig } from '../../../src/config/config.ts'
import { describeError } from '../../../src/errors.ts'
import { silentLog } from '../../../src/log.ts'
import { volumeSpec } from '../../support/installation.ts'

describe('over ssh', () => {
  async function served() {
    const directory = mkdtempSync(join(tmpdir(), 'bad-days-'))
    const simulated = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
    const file = join(directory, 'controller.yaml')
    const started: ReturnType<typeof composeInstallation>[] = []
    return {
      world: simulated.world,
      directory,
      driver: (change: (text: string) => string = text => text) => {
        const config = parseControllerConfig(change(readFileSync(file, 'utf8')), file)
        const driver = composeInstallation(config, {
          openShell: openRealShell,
          log: silentLog,
          clock: systemClock,
        })
        started.push(driver)
        return driver
      },
      end: async () => {
        for (const driver of started) await driver.stop()
        await simulated.stop()
        rmSync(directory, { recursive: true, force: true })
      },
    }
  }

  test(
    'another host key than the pinned one: nothing is sent, the offered key is named, and ' +
      'the right one mends it',
    async () => {
      const { world, directory, driver, end } = await served()
      try {
        const knownHosts = join(directory, 'keys', 'm1-primary', 'known_hosts')
        const right = readFileSync(knownHosts, 'utf8')
        writeFileSync(knownHosts, right.replace(/ssh-ed25519 .*/, generateKeys().public))
        const error = await driver()
          .volumes.ensureVolume(volumeSpec())
          .catch((thrown: unknown) => thrown)
        expect(error).toMatchObject({ kind: 'unavailable' })
        expect(describeError(error)).toMatch(
          /host m1-primary: .*host key is not the one in .*known_hosts; .*offered ssh-ed25519 SHA256:/,
        )
        expect(world.timeline.commands).toEqual([])
        writeFileSync(knownHosts, right)
        const volume = await driver().volumes.ensureVolume(volumeSpec())
        expect(volume.name).toBe('pvc-1')
      } finally {
        await end()
      }
    },
  )

  test('the wrong user: nothing is run, the host is named, and the right one mends it', async () => {
    const { world, driver, end } = await served()
    try {
      const error = await driver(text => text.replaceAll('user: csi', 'user: nobody'))
        .volumes.ensureVolume(volumeSpec())
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ kind: 'unavailable' })
      expect(describeError(error)).toContain('host m1-primary: no connection')
      expect(world.timeline.commands).toEqual([])
      expect((await driver().volumes.ensureVolume(volumeSpec())).name).toBe('pvc-1')
    } finally {
      await end()
    }
  })

  test('the wrong user is named, with the way out', async () => {
    const { driver, end } = await served()
    try {
      const error = await driver(text => text.replaceAll('user: csi', 'user: nobody'))
        .volumes.ensureVolume(volumeSpec())
        .catch((thrown: unknown) => thrown)
      expect(describeError(error)).toMatch(/nobody.*(privateKeyFile|authorized_keys)/)
    } finally {
      await end()
    }
  })
})
