// A driver in the process of a bench, as the files of a served installation configure it, and the
// volumes that it is asked for.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OpenShell } from '../src/bin/compose/hosts.ts'
import { composeInstallation, type Installation } from '../src/bin/compose/installation.ts'
import { systemClock } from '../src/clock.ts'
import { parseControllerConfig } from '../src/config/config.ts'
import { silentLog } from '../src/log.ts'
import type { VolumeSpec } from '../src/model/volumes.ts'
import { VOLUME_BYTES } from './world.ts'

/** `directory`: that of the served installation. */
export function driverFrom(directory: string, openShell: OpenShell): Installation {
  const file = join(directory, 'controller.yaml')
  const config = parseControllerConfig(readFileSync(file, 'utf8'), file)
  return composeInstallation(config, { openShell, log: silentLog, clock: systemClock })
}

export function emptyVolume(name: string, pool: string | undefined): VolumeSpec {
  return {
    name,
    pool,
    size: { requiredBytes: VOLUME_BYTES, limitBytes: 0 },
    format: { kind: 'filesystem', type: 'any' },
    parameters: {},
    mutable: {},
    source: { kind: 'empty' },
    machines: [],
  }
}
