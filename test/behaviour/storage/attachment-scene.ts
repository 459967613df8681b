// Volumes of pool gold and their attachments, as records and guests show them.

import { type Driver, type TestInstallation, volumeSpec } from '../../support/installation.ts'

export const block = { kind: 'block' } as const

export const records = ({ world }: TestInstallation) =>
  world
    .zfs('storage1')
    .datasets()
    .map(({ name }) => name)
    .filter(name => name.includes('/a-'))

export async function gold(
  driver: Driver,
  format: { kind: 'block' } | { kind: 'filesystem'; type: 'any' } = block,
) {
  return driver.volumes.ensureVolume(volumeSpec({ pool: 'gold', format }))
}

export const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => 'OK',
    (error: { kind?: string }) => error.kind,
  )
