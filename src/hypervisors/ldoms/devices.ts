// Exported devices and virtual disks, as their records in a listing describe them.

import type { Fields, ListedRecord } from './records.ts'

/** A backend exported by a vds; its name is unique in that vds only. */
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
   * The VdsDevice it was added with: the configured path. Undefined where the listing does not say.
   */
  readonly volume: { readonly name: string; readonly vds: string } | undefined
  readonly timeoutSeconds: number
  readonly id: number | undefined
  readonly server: string | undefined
  readonly mpgroup: string | undefined
  /**
   * As the listing shows them: only for a bound guest, only with an mpgroup, only from release 3.2
   * on.
   */
  readonly paths: readonly VdiskPath[]
  /** The listing does not say for certain what serves it. */
  readonly isVague: boolean
}

export function parseVdsDevices(
  record: ListedRecord,
  vds: string,
  serviceDomain: string,
): VdsDevice[] {
  const devices: VdsDevice[] = []
  for (const fields of record.continuations) {
    // The clients of a service follow its devices in a listing of bindings; guests' own records say
    // the same.
    if (fields.has('client') || (!fields.has('vol') && !fields.has('dev'))) continue
    devices.push({
      // Without one of them it is still a device that is exported, under whatever name.
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

/** What is wrong with it, where it cannot be read. */
export function parseVdisk(
  { fields }: ListedRecord,
  guest: string,
): Omit<Vdisk, 'paths' | 'isVague'> | string {
  const name = fields.get('name') ?? ''
  if (name === '') return 'a VDISK record without name'
  const [volume = '', vds = '', ...rest] = (fields.get('vol') ?? '').split('@')
  const timeoutSeconds = parseCount(fields.get('timeout') ?? '')
  const id = parseCount(fields.get('id') ?? '')
  // Not every release prints the number by itself; `disk@N` is what the guest sees.
  const device = /^disk@(.*)$/.exec(fields.get('dev') ?? '')?.[1] ?? ''
  const slot = parseCount(device)
  for (const [what, value] of Object.entries({ timeout: timeoutSeconds, id, dev: slot })) {
    if (value === 'unreadable') {
      return `the ${what} of vdisk ${name}: ${JSON.stringify(fields.get(what)?.slice(0, 80))}`
    }
  }
  if (id !== undefined && slot !== undefined && id !== slot) {
    return `vdisk ${name} has number ${id} and is disk@${slot}`
  }
  return {
    name,
    guest,
    volume: volume === '' || vds === '' || rest.length > 0 ? undefined : { name: volume, vds },
    timeoutSeconds: Number(timeoutSeconds ?? 0),
    id: id === undefined && slot === undefined ? undefined : Number(id ?? slot),
    server: fields.get('server') || undefined,
    mpgroup: fields.get('mpgroup') || undefined,
  }
}

export function countPaths(lines: readonly Fields[]): number {
  return lines.filter(fields => fields.has('mpg-path')).length
}

/** Those that lead to an exported device. */
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
