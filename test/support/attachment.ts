// One attachment of one volume, as the pure decisions about it see it: the volume, its place in the
// pool `gold` of the simulated installation, and what machine m1 lists of exports and disks.

import type { GuestReadiness, MachineView } from '../../src/hypervisors/hypervisor.ts'
import type { ExportedBackend, GuestDisk, LdomState } from '../../src/hypervisors/ldoms/state.ts'
import { LDOM_TRAITS, LDOM_WORDS } from '../../src/hypervisors/ldoms/traits.ts'
import { viewOf } from '../../src/hypervisors/ldoms/view.ts'
import { type Attachment, type AttachRequest, MiB, type Volume } from '../../src/model/volumes.ts'
import { attachmentName } from '../../src/storage/names.ts'
import { getMachine, placeOf } from '../../src/storage/places.ts'
import type { PoolPath } from '../../src/storage/pool.ts'
import { install } from './installation.ts'
import { volumeParameters } from './parameters.ts'

export const leaf = `v-${'a'.repeat(20)}`
export const guest = { machine: 'm1', guest: 'ldg1' }
export const other = { machine: 'm1', guest: 'ldg2' }
export const name = attachmentName(leaf, guest)
export const theirs = attachmentName(leaf, other)

const gold = install().driver().pools.get('gold')!
export const machine = getMachine(gold, 'm1')
export const [one, two] = [machine.paths[0]!, machine.paths[1]!]
export const place = placeOf(gold, leaf)
export const device = `/dev/zvol/dsk/${place.dataset}`

export const volume: Volume = {
  id: place.volumeId,
  name: 'pvc',
  pool: 'gold',
  leaf,
  sizeBytes: MiB,
  createdSizeBytes: MiB,
  reservedBytes: 0,
  origin: undefined,
  parameters: volumeParameters({ vdiskTimeoutSeconds: 9 }),
  format: { kind: 'block' },
  source: { kind: 'empty' },
  machines: ['m1'],
  holdsData: false,
}

export const attachment: Attachment = {
  volumeId: volume.id,
  guest,
  sharing: 'exclusive',
  mode: 'rw',
  slot: 150,
  lun: 7,
  sizeBytes: MiB,
  written: false,
}

export const request: AttachRequest = {
  volumeId: volume.id,
  guest,
  mode: 'rw',
  sharing: 'exclusive',
  format: volume.format,
}

export function backend(path: PoolPath, change: Partial<ExportedBackend> = {}): ExportedBackend {
  return {
    name,
    service: path.service,
    serviceDomain: path.serviceDomain,
    device,
    mode: 'rw',
    shape: 'full',
    group: name,
    ...change,
  }
}

/** A path of a disk, through the export of that name. */
export function through({ service, serviceDomain }: PoolPath, of = name) {
  return { name: of, service, serviceDomain, state: 'active' as const }
}

export function disk(change: Partial<GuestDisk> = {}): GuestDisk {
  const backends = [through(one), through(two)]
  return { name, guest: 'ldg1', slot: 150, timeoutSeconds: 0, backends, ...change }
}

/** What the machine lists, and what the port says of it. */
export function state(
  change: Partial<LdomState> = {},
  readiness: GuestReadiness = { kind: 'running' },
): LdomState & MachineView {
  const listed = {
    guests: [{ name: 'ldg1', readiness, isControl: false }],
    backends: [],
    disks: [],
    frozen: undefined,
    ...change,
  }
  return { ...listed, ...viewOf('m1', listed) }
}

/** The machine with the attachment on all its paths, and with nothing else. */
export const attached = state({ backends: [backend(one), backend(two)], disks: [disk()] })

export const slots = { first: 100, count: 601, others: new Map<string, number>() }
export const solaris = { platform: 'solaris', attachLimit: undefined } as const

/** What is known when the attachment is asked for: a volume that nobody has. */
export const seen = {
  volume,
  records: [] as Attachment[],
  sharing: undefined,
  owner: undefined,
  state: state(),
  rule: solaris,
  hypervisor: { traits: LDOM_TRAITS, words: LDOM_WORDS },
}
