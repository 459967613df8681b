// Plans the steps that create a wanted disk from the state that `ldm` lists, and the steps that
// remove uses. Pure, no I/O.

import { StorageError } from '../../errors.ts'
import type { DiskPath, ExpectedDisk, ExposedDisk, Use } from '../hypervisor.ts'
import type { AttachStep, DetachStep } from './objects.ts'
import type { ExportedBackend, GuestDisk, LdomState } from './state.ts'

export interface ExportPlan {
  /**
   * The driver's own backends with another device or other options that no disk uses. They are
   * withdrawn and exported again.
   */
  readonly withdraw: readonly DetachStep[]
  readonly attach: readonly AttachStep[]
}

export function planExport(wanted: ExposedDisk, machine: string, state: LdomState): ExportPlan {
  const { key: name, guest } = wanted
  const disk = findDisk(wanted, state)
  const withdraw: DetachStep[] = []
  const attach: AttachStep[] = []
  for (const path of wanted.paths) {
    const backend = wantedBackend(wanted, path, { device: path.device, shape: wanted.shape })
    const existing = findBackend(wanted, path, state)
    if (existing !== undefined && sameBackend(existing, backend)) continue
    if (disk !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `${wanted.about}: disk ${name} of guest ${machine}/${guest} ` +
          `${existing === undefined ? 'lacks its path' : 'has a path to another device'} ` +
          `through ${path.service}, and a running guest would not use a new one; detach the ` +
          'volume and attach it again',
      )
    }
    if (existing !== undefined) {
      withdraw.push({ kind: 'withdraw-backend', name, service: path.service })
    }
    // Another guest of a shared volume: ldm requires a flag to export the same device again.
    const shared = state.backends.some(
      other =>
        other.service === path.service && other.name !== name && other.device === backend.device,
    )
    attach.push({ kind: 'export-backend', backend, shared })
  }
  const first = wanted.paths[0]
  if (disk === undefined && first !== undefined) {
    attach.push({
      kind: 'add-disk',
      name,
      guest,
      slot: wanted.slot,
      timeoutSeconds: wanted.timeoutSeconds,
      backend: { name, service: first.service },
    })
  }
  return { withdraw, attach }
}

function findDisk({ key, guest }: ExpectedDisk, state: LdomState): GuestDisk | undefined {
  return state.disks.find(candidate => candidate.guest === guest && candidate.name === key)
}

function findBackend(
  { key }: ExpectedDisk,
  { service }: DiskPath,
  state: LdomState,
): ExportedBackend | undefined {
  return state.backends.find(candidate => candidate.name === key && candidate.service === service)
}

function wantedBackend(
  { key, mode, paths }: ExpectedDisk,
  path: DiskPath,
  { device, shape }: Pick<ExportedBackend, 'device' | 'shape'>,
): ExportedBackend {
  return {
    name: key,
    service: path.service,
    serviceDomain: path.domain,
    device,
    mode,
    shape,
    group: paths.length > 1 ? key : undefined,
  }
}

function sameBackend(a: ExportedBackend, b: ExportedBackend): boolean {
  return a.device === b.device && a.mode === b.mode && a.shape === b.shape && a.group === b.group
}

/** Undefined when the guest has this disk on these paths; otherwise says what is missing. */
export function missingFromLive(
  wanted: ExpectedDisk,
  machine: string,
  state: LdomState,
): string | undefined {
  const { key: name, guest, slot, paths } = wanted
  const disk = findDisk(wanted, state)
  if (disk === undefined) return `guest ${machine}/${guest} has no disk ${name}`
  if (disk.slot !== slot) {
    return `disk ${name} has number ${disk.slot ?? 'none'}, the record says ${slot}`
  }
  for (const path of paths) {
    const backend = findBackend(wanted, path, state)
    if (backend === undefined) return `${path.service} does not export ${name}`
    const { device, shape } = backend
    const same = wantedBackend(wanted, path, { device, shape: wanted.shape ?? shape })
    if (!sameBackend(backend, same) || !wanted.isDevice(backend.device)) {
      return (
        `${path.service} exports ${backend.device} as ${name}, with other options or ` +
        'another device than this attachment'
      )
    }
  }
  const served = disk.backends.every(
    path => path.name === name && paths.some(known => known.service === path.service),
  )
  return served && disk.backends.length > 0
    ? undefined
    : `disk ${name} is not served by this volume's exports`
}

/** Plans disks before exports. An export that is listed twice is removed once. */
export function planRemoval(uses: readonly Use[], only?: 'while-off'): readonly DetachStep[] {
  const disks = uses.flatMap(use =>
    use.kind === 'disk' ? ({ kind: 'remove-disk', name: use.key, guest: use.guest } as const) : [],
  )
  const exports = new Map(
    uses.flatMap(use =>
      use.kind === 'export' ? [[use.label, [use.key, use.paths[0].service] as const] as const] : [],
    ),
  )
  return [
    ...disks.map(step => (only === undefined ? step : { ...step, only })),
    ...[...exports.values()].map(
      ([name, service]) => ({ kind: 'withdraw-backend', name, service }) as const,
    ),
  ]
}
