// The output of `ldom-csi volumes`: every volume with its attachment and paths, as pools and
// machines report them now. It changes nothing. It never shows a partial list: a pool that does not
// answer fails the command.

import type { MachineView, PathState } from '../hypervisors/hypervisor.ts'
import { formatBytes } from '../manifests/quantity.ts'
import { formatGuestId } from '../model/ids.ts'
import type { Volume } from '../model/volumes.ts'
import { readPools } from '../storage/catalog/lists.ts'
import { attachmentName, isReleasingRecord } from '../storage/names.ts'
import { observeMachines } from '../storage/observation.ts'
import type { Pools, Recorded } from '../storage/pool.ts'
import { formatTable } from './table.ts'

export interface VolumeRow {
  readonly volume: string
  readonly name: string
  readonly pool: string
  readonly sizeBytes: number
  /**
   * `incomplete`: recorded, but the machine lacks the disk or a backend of it. `detaching`: a
   * detachment began and has not ended. `unknown`: the machine does not answer.
   */
  readonly state: 'available' | 'attached' | 'detaching' | 'incomplete' | 'unknown'
  readonly guest: string | undefined
  readonly vdisk: number | undefined
  readonly paths: readonly VolumePath[]
}

export interface VolumePath {
  readonly serviceDomain: string
  readonly vds: string
  readonly device: string | undefined
  readonly state: PathState
}

/** One row per attachment, and one for a volume without attachments. */
export async function listVolumeRows(
  pools: Pools,
  signal?: AbortSignal,
): Promise<readonly VolumeRow[]> {
  const [{ volumes, records }, perPool] = await Promise.all([
    readPools(pools, signal),
    Promise.all([...pools.values()].map(pool => observeMachines(pool, signal))),
  ])
  const states = new Map(perPool.flatMap(observed => [...observed]))
  const byVolume = Map.groupBy(records, record => record.volumeId)
  return volumes.flatMap(volume =>
    (byVolume.get(volume.id) ?? [undefined]).map(record => {
      const state = record && states.get(record.guest.machine)
      return {
        ...describeVolume(volume),
        ...describeAttachment(volume, record, state instanceof Error ? undefined : state),
      }
    }),
  )
}

function describeVolume({ id, name, pool, sizeBytes }: Volume) {
  return { volume: id, name, pool, sizeBytes }
}

function describeAttachment(
  volume: Volume,
  record: Recorded | undefined,
  machine: MachineView | undefined,
): Pick<VolumeRow, 'state' | 'guest' | 'vdisk' | 'paths'> {
  if (record === undefined) {
    return { state: 'available', guest: undefined, vdisk: undefined, paths: [] }
  }
  const known = { guest: formatGuestId(record.guest), vdisk: record.slot }
  if (machine === undefined) return { ...known, state: 'unknown', paths: [] }
  const key = attachmentName(volume.leaf, record.guest)
  const disk = machine.uses.find(
    use => use.kind === 'disk' && use.key === key && use.slot === record.slot,
  )
  const paths = (disk?.paths ?? []).map(({ domain, service, device, state }) => ({
    serviceDomain: domain,
    vds: service,
    device,
    state,
  }))
  if (isReleasingRecord(record.dataset)) return { ...known, state: 'detaching', paths }
  const isWhole = disk !== undefined && paths.every(path => path.device !== undefined)
  return { ...known, state: isWhole ? 'attached' : 'incomplete', paths }
}

const HEADINGS = [
  'VOLUME',
  'NAME',
  'SIZE',
  'POOL',
  'STATE',
  'GUEST',
  'VDISK',
  'DEVICE',
  'PATHS',
] as const

/** A table. If a line would not fit into the columns, one block per row instead. */
export function formatVolumeTable(
  rows: readonly VolumeRow[],
  columns = Number.POSITIVE_INFINITY,
): string {
  const lines = rows.map(row => [
    row.volume,
    row.name,
    formatBytes(row.sizeBytes),
    row.pool,
    row.state,
    row.guest ?? '-',
    row.vdisk === undefined ? '-' : String(row.vdisk),
    [...new Set(row.paths.map(path => path.device ?? 'missing'))].join(',') || '-',
    row.paths.map(path => `${path.vds}@${path.serviceDomain}:${path.state}`).join(',') || '-',
  ])
  const table = formatTable([HEADINGS, ...lines])
  if (table.split('\n').every(line => line.length <= columns)) return table
  return lines
    .map(cells =>
      formatTable(cells.map((cell, at) => [`${at === 0 ? '' : '  '}${HEADINGS[at] ?? ''}`, cell])),
    )
    .join('')
}
