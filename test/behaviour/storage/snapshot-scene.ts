// A driver, what it makes from snapshots and volumes, and which datasets are left in the end.

import type { VolumeSource } from '../../../src/model/volumes.ts'
import { install, volumeSpec } from '../../support/installation.ts'

export const guest = { machine: 'm1', guest: 'ldg1' }

export function scene() {
  const installation = install()
  return { ...installation, ...installation.driver() }
}

export const sourced = (name: string, pool: string, source: VolumeSource, requiredBytes = 0) =>
  volumeSpec({ name, pool, source, size: { requiredBytes, limitBytes: 0 } })

export function left(world: ReturnType<typeof install>['world']): readonly string[] {
  return [...world.zfsHosts.values()]
    .flatMap(zfs => zfs.datasets().map(dataset => dataset.name))
    .filter(name => name.includes('kubernetes/'))
}
