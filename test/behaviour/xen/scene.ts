// A simulated Xen machine with one volume, and what tests of it look at.

import { xenWorld } from '../../../sim/preset.ts'
import { examine } from '../../../src/cli/doctor.ts'
import type { VolumeSpec } from '../../../src/model/volumes.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'

/** Commands of dom0 that change something, without their paths. */
const CHANGES = /^(xl block-(attach|detach)|zfs (create|destroy|rename|set|snapshot|clone))/

export async function scene(change: Partial<VolumeSpec> = {}) {
  const { world, node, driver, clock } = install(() => xenWorld())
  const installation = driver()
  const { volumes, attachments, audit } = installation
  const volume = await volumes.ensureVolume(volumeSpec(change))
  const { id, leaf } = volume
  // The node of a zvol appears a moment after the volume.
  await clock.sleep(1_000)
  /** As a person at the prompt of dom0. */
  const dom0 = async (...argv: readonly string[]) => {
    const outcome = await world.host('dom0').perform(argv, '')
    if (outcome.kind !== 'exit') throw new Error(outcome.kind)
    return outcome.answer
  }
  return {
    world,
    node,
    driver,
    volumes,
    attachments,
    audit,
    volume,
    id,
    device: `/dev/zvol/tank/csi/${leaf}`,
    volumeOf: (name: string) => volumeSpec({ name }),
    attach: (guest = 'x1/web', request: Parameters<typeof attachRequest>[2] = {}) =>
      attachments.attach(attachRequest(id, guest, request)),
    detach: (guest = 'web') => attachments.detach(id, { machine: 'x1', guest }),
    doctor: () => examine(installation),
    dom0,
    xl: (...words: readonly string[]) => dom0('xl', ...words),
    vbds: (guest: string) => [...(world.xen('x1').domain(guest)?.vbds.values() ?? [])],
    changes: () =>
      world.timeline.commands
        .map(({ argv: [program = '', ...words] }) => [program.replace(/.*\//, ''), ...words])
        .filter(words => CHANGES.test(words.join(' '))),
  }
}
