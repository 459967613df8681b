// Parses the records of exported devices and virtual disks in a listing.

import type { Fields, ListedRecord } from './records.ts'

/** A backend exported by a vds. Its name is unique only in that vds. */
export interface VdsDevice {
  readonly name: string
  readonly vds: string
  readonly serviceDomain: string
  readonly device: string
  readonly options: readonly string[]
  readonly mpgroup: string | undefined
}

export interface VdiskPath {
  readonly name: string
  readonly vds: string
  readonly state: 'active' | 'standby' | 'unknown'
}

export interface Vdisk {
  readonly name: string
  readonly guest: string
  /**
   * The VdsDevice with which it was added: the configured path. Undefined when the listing does not
   * show it.
   */
  readonly volume: { readonly name: string; readonly vds: string } | undefined
  readonly timeoutSeconds: number
  readonly id: number | undefined
  readonly server: string | undefined
  readonly mpgroup: string | undefined
  /**
   * The paths in the listing. It shows them only for a bound guest with an mpgroup, from release
   * 3.2 on.
   */
  readonly paths: readonly VdiskPath[]
  /** The listing does not show reliably which exports serve it. */
  readonly isVague: boolean
}

export function parseVdsDevices(
  record: ListedRecord,
  vds: string,
  serviceDomain: string,
): VdsDevice[] {
  const devices: VdsDevice[] = []
  for (const fields of record.continuations) {
    // In a listing of bindings, the clients of a service follow its devices. The guests' own
    // records contain the same clients.
    if (fields.has('client') || (!fields.has('vol') && !fields.has('dev'))) continue
    devices.push({
      // A device without a name or path is still exported.
      name: fields.get('vol') ?? '',
      vds,
      serviceDomain,
      device: fields.get('dev') ?? '',
      options: (fields.get('opts') ?? '').split(',').filter(option => option !== ''),
      mpgroup: fields.get('mpgroup') || undefined,
    })
  }
  return devices
}

/** Returns a description of the problem when the record cannot be read. */
export function parseVdisk(
  { fields }: ListedRecord,
  guest: string,
): Omit<Vdisk, 'paths' | 'isVague'> | string {
  const name = fields.get('name') ?? ''
  if (name === '') return 'a VDISK record without name'
  const [volume = '', vds = '', ...rest] = (fields.get('vol') ?? '').split('@')
  const numbers = parseNumbers(fields, name)
  if (typeof numbers === 'string') return numbers
  const { timeoutSeconds, id, slot } = numbers
  return {
    name,
    guest,
    volume: volume === '' || vds === '' || rest.length > 0 ? undefined : { name: volume, vds },
    timeoutSeconds: timeoutSeconds ?? 0,
    id: id ?? slot,
    server: fields.get('server') || undefined,
    mpgroup: fields.get('mpgroup') || undefined,
  }
}

interface VdiskNumbers {
  readonly timeoutSeconds: number | undefined
  readonly id: number | undefined
  /** Not every release prints the number as `id`; `disk@N` is the guest's name for the disk. */
  readonly slot: number | undefined
}

function parseNumbers(fields: Fields, vdisk: string): VdiskNumbers | string {
  const timeoutSeconds = parseCount(fields.get('timeout') ?? '')
  const id = parseCount(fields.get('id') ?? '')
  const slot = parseCount(/^disk@(.*)$/.exec(fields.get('dev') ?? '')?.[1] ?? '')
  const unreadable = (what: string) =>
    `the ${what} of vdisk ${vdisk}: ${JSON.stringify(fields.get(what)?.slice(0, 80))}`
  if (timeoutSeconds === 'unreadable') return unreadable('timeout')
  if (id === 'unreadable') return unreadable('id')
  if (slot === 'unreadable') return unreadable('dev')
  if (id !== undefined && slot !== undefined && id !== slot) {
    return `vdisk ${vdisk} has number ${id}, but is disk@${slot}`
  }
  return { timeoutSeconds, id, slot }
}

export function countPaths(lines: readonly Fields[]): number {
  return lines.filter(fields => fields.has('mpg-path')).length
}

/** The paths that lead to an exported device. */
export function parsePaths(
  lines: readonly Fields[],
  exported: ReadonlyMap<string, VdsDevice>,
): VdiskPath[] {
  return lines
    .filter(fields => fields.has('mpg-path'))
    .flatMap(fields => {
      const device = [...fields.values()]
        .map(value => exported.get(value))
        .find(found => found !== undefined)
      if (device === undefined) return []
      const state = fields.get('mpg-path')
      return [
        {
          name: device.name,
          vds: device.vds,
          state: state === 'active' || state === 'standby' ? state : 'unknown',
        },
      ]
    })
}

function parseCount(text: string): number | 'unreadable' | undefined {
  if (text === '') return undefined
  return /^\d{1,9}$/.test(text) ? Number(text) : 'unreadable'
}
