// The output of `ldom-csi volumes`: every volume with its attachment and paths, as pools and
// machines report them now. It changes nothing. It never shows a partial list: a pool that does not
// answer fails the command.

import { describeError, StorageError } from '../errors.ts'
import type { MachineView, PathState } from '../hypervisors/hypervisor.ts'
import { formatGuestId } from '../model/ids.ts'
import { formatBytes } from '../model/quantity.ts'
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

export interface VolumeReport {
  /** One per attachment, and one for a volume without attachments. */
  readonly rows: readonly VolumeRow[]
  /** Why the machines of `unknown` rows could not be asked, one sentence for each. */
  readonly unasked: readonly string[]
}

export async function reportVolumes(pools: Pools, signal?: AbortSignal): Promise<VolumeReport> {
  const [{ volumes, records }, perPool] = await Promise.all([
    readPools(pools, signal),
    Promise.all([...pools.values()].map(pool => observeMachines(pool, signal))),
  ])
  const states = new Map(perPool.flatMap(observed => [...observed]))
  const byVolume = Map.groupBy(records, record => record.volumeId)
  const unasked = new Set(
    records.flatMap(({ guest: { machine } }) => {
      const state = states.get(machine)
      if (state === undefined) return `machine ${machine} is not in the configuration of its pool`
      return state instanceof StorageError
        ? `machine ${machine} could not be asked: ${describeError(state)}`
        : []
    }),
  )
  const rows = volumes.flatMap(volume =>
    (byVolume.get(volume.id) ?? [undefined]).map(record => {
      const state = record && states.get(record.guest.machine)
      return {
        ...describeVolume(volume),
        ...describeAttachment(volume, record, state instanceof Error ? undefined : state),
      }
    }),
  )
  return { rows, unasked: [...unasked].sort() }
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
  const isWhole =
    disk !== undefined &&
    paths.every(({ device, state }) => device !== undefined && state !== 'down')
  return { ...known, state: isWhole ? 'attached' : 'incomplete', paths }
}

/** What a cluster adds to the list: whose claim a volume is, which node a guest is. */
export interface ClusterNames {
  /** `namespace/name` of every claim, a bound one first, by the id of the volume. */
  readonly claims: ReadonlyMap<string, readonly string[]>
  /** By the id of the guest. */
  readonly nodes: ReadonlyMap<string, string>
}

type Column = readonly [heading: string, cell: (row: VolumeRow) => string]

function columnsOf(names: ClusterNames | undefined): readonly Column[] {
  const claim: Column = ['CLAIM', row => joined(names?.claims.get(row.volume) ?? [])]
  const node: Column = ['NODE', row => names?.nodes.get(row.guest ?? '') ?? '-']
  return [
    ...(names === undefined ? [] : [claim]),
    ['VOLUME', row => row.volume],
    ['NAME', row => row.name],
    ['SIZE', row => formatBytes(row.sizeBytes)],
    ['POOL', row => row.pool],
    ['STATE', row => row.state],
    ['GUEST', row => row.guest ?? '-'],
    ...(names === undefined ? [] : [node]),
    ['VDISK', row => String(row.vdisk ?? '-')],
    ['DEVICE', row => joined(row.paths.map(path => path.device ?? 'missing'))],
    ['PATHS', row => joined(row.paths.map(describePath))],
  ]
}

function describePath({ vds, serviceDomain, state }: VolumePath): string {
  return `${vds}@${serviceDomain}:${state}`
}

function joined(texts: readonly string[]): string {
  return [...new Set(texts)].join(',') || '-'
}

/** A table. If a line would not fit into the screen, one block per row instead. */
export function formatVolumeTable(
  rows: readonly VolumeRow[],
  screenColumns = Number.POSITIVE_INFINITY,
  names?: ClusterNames,
): string {
  const columns = columnsOf(names)
  const headings = columns.map(([heading]) => heading)
  const lines = rows.map(row => columns.map(([, cell]) => cell(row)))
  const table = formatTable([headings, ...lines])
  if (table.split('\n').every(line => line.length <= screenColumns)) return table
  return lines
    .map(cells =>
      formatTable(cells.map((cell, at) => [`${at === 0 ? '' : '  '}${headings[at] ?? ''}`, cell])),
    )
    .join('')
}
