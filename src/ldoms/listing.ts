// Reads what `ldm list-bindings -p` and `ldm list -p` print: records by key, never by column or VERSION.
// It refuses what it needs and does not understand. Sources: captures of `list -p` (1.6 and 1.11); the VDS, VDISK and path
// lines as public automation for ldm reads them; nothing in a listing is quoted, so a value may hold anything but `|`.

import { StorageError } from '../errors.ts'

export interface DomainFlags {
  /** `normal`: an operating system answers. `transition`: started, but none does. Undefined when the domain is not started. */
  readonly system: 'normal' | 'transition' | 'degraded' | undefined
  readonly control: boolean
  readonly delayedReconfiguration: boolean
  /** Why the domain must not be touched now: starting, stopping, migrating, or a flag this file does not know. */
  readonly changing: string | undefined
}

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
  /** The VdsDevice it was added with: the configured path. */
  readonly volume: { readonly name: string; readonly vds: string }
  readonly timeoutSeconds: number
  readonly id: number | undefined
  readonly server: string | undefined
  readonly mpgroup: string | undefined
  /** As the listing shows them: only for a bound guest, only with an mpgroup, only from release 3.2 on. */
  readonly paths: readonly VdiskPath[]
}

export interface Domain {
  readonly name: string
  readonly state: string
  readonly flags: DomainFlags
  readonly vdses: readonly { readonly name: string; readonly devices: readonly VdsDevice[] }[]
  readonly vdisks: readonly Vdisk[]
}

type Fields = ReadonlyMap<string, string>
interface ListedRecord {
  readonly head: string
  readonly fields: Fields
  readonly continuations: Fields[]
}

/** Text before the VERSION line (a login banner, a notice about recovery) is tolerated; without that line it is no listing. */
export function parseListing(stdout: string): Domain[] {
  const domains: DomainDraft[] = []
  for (const record of parseRecords(stdout)) {
    if (record.head === 'DOMAIN') {
      const name = required(record.fields, 'name', 'DOMAIN')
      const flags = parseFlags(record.fields.get('flags') ?? '')
      domains.push({ name, state: required(record.fields, 'state', 'DOMAIN'), flags, vdses: [], vdisks: [] })
    } else if (record.head === 'VDS') {
      const domain = domains.at(-1) ?? refuse('a VDS record before any DOMAIN')
      const vds = required(record.fields, 'name', 'VDS')
      domain.vdses.push({ name: vds, devices: parseVdsDevices(record, vds, domain.name) })
    } else if (record.head === 'VDISK') {
      const domain = domains.at(-1) ?? refuse('a VDISK record before any DOMAIN')
      domain.vdisks.push({ ...parseVdisk(record, domain.name), pathLines: record.continuations })
    }
  }
  // The keys of a path line are not known for certain, so its volume is the value that names an exported device.
  const exported = new Map(
    domains.flatMap(domain => domain.vdses.flatMap(vds => vds.devices)).map(device => [`${device.name}@${device.vds}`, device]),
  )
  return domains.map(domain => ({
    ...domain,
    vdisks: domain.vdisks.map(({ pathLines, ...vdisk }) => ({ ...vdisk, paths: parsePaths(pathLines, vdisk.name, exported) })),
  }))
}

interface DomainDraft extends Omit<Domain, 'vdses' | 'vdisks'> {
  readonly vdses: { name: string; devices: VdsDevice[] }[]
  readonly vdisks: (Omit<Vdisk, 'paths'> & { pathLines: readonly Fields[] })[]
}

// One after the other: a machine with a thousand disks has some eight thousand lines.
function* parseRecords(stdout: string): Generator<ListedRecord> {
  let isListing = false
  let record: ListedRecord | undefined
  for (const line of linesOf(stdout)) {
    if (!isListing) {
      isListing = /^VERSION \d+\.\d+\s*$/.test(line)
      continue
    }
    if (line.trim() === '') continue
    const [head = '', ...fields] = line.split('|')
    if (head === '') {
      if (record === undefined) refuse('a continuation before any record')
      record.continuations.push(parseFields(fields))
    } else if (/^[A-Z][A-Z0-9_-]*$/.test(head)) {
      if (record !== undefined) yield record
      record = { head, fields: parseFields(fields), continuations: [] }
    } else {
      refuse(`the line ${JSON.stringify(line.slice(0, 80))}`)
    }
  }
  if (!isListing) refuse('no VERSION line')
  if (record !== undefined) yield record
}

function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('\n', at)
    const end = next < 0 ? text.length : next
    yield text.slice(at, end).replace(/\r$/, '')
    at = end + 1
  }
}

// Only the first `=` parts: values of variables hold more of them. A bare word is a key without a value.
function parseFields(fields: readonly string[]): Fields {
  return new Map(
    fields.map(field => {
      const at = field.indexOf('=')
      return at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)]
    }),
  )
}

const POSITIONS = /^[s-][ntd-][dr-][c-][v-][ste-]?$/

// Short listings print positions, long ones words (`normal,control,vio-service`); a domain that is not started has dashes or nothing.
function parseFlags(text: string): DomainFlags {
  if (POSITIONS.test(text)) {
    const migration = { s: 'migrating away', t: 'migrating here', e: 'failed to migrate' }[text[5] ?? '-']
    const systems = { n: 'normal', t: 'transition', d: 'degraded' } as const
    return {
      system: systems[text[1] as keyof typeof systems],
      delayedReconfiguration: text[2] === 'd',
      control: text[3] === 'c',
      changing: text[0] === 's' ? 'starting or stopping' : migration,
    }
  }
  const words = text.split(',').filter(word => word !== '')
  const delayed = words.filter(word => /delay|reconf/.test(word))
  const known = ['normal', 'transition', 'degraded', 'control', 'vio-service', ...delayed]
  const unknown = words.filter(word => !known.includes(word))
  return {
    system: (['transition', 'degraded', 'normal'] as const).find(word => words.includes(word)),
    delayedReconfiguration: delayed.length > 0,
    control: words.includes('control'),
    changing: unknown.length > 0 ? `flags ${unknown.join(',')}` : undefined,
  }
}

function parseVdsDevices(record: ListedRecord, vds: string, serviceDomain: string): VdsDevice[] {
  const devices: VdsDevice[] = []
  for (const fields of record.continuations) {
    // The clients of a service follow its devices in a listing of bindings; guests' own records say the same.
    if (fields.has('client') || (!fields.has('vol') && !fields.has('dev'))) continue
    devices.push({
      name: required(fields, 'vol', `VDS ${vds}`),
      vds,
      serviceDomain,
      device: required(fields, 'dev', `VDS ${vds}`),
      options: (fields.get('opts') ?? '').split(',').filter(option => option !== ''),
      mpgroup: fields.get('mpgroup') || undefined,
    })
  }
  return devices
}

function parseVdisk(record: ListedRecord, guest: string): Omit<Vdisk, 'paths'> {
  const name = required(record.fields, 'name', 'VDISK')
  const where = `VDISK ${name}`
  const [volume = '', vds = '', ...rest] = required(record.fields, 'vol', where).split('@')
  if (volume === '' || vds === '' || rest.length > 0) refuse(`the volume of ${where}`)
  return {
    name,
    guest,
    volume: { name: volume, vds },
    timeoutSeconds: parseCount(record.fields.get('timeout') ?? '', `the timeout of ${where}`) ?? 0,
    id: parseCount(record.fields.get('id') ?? '', `the id of ${where}`),
    server: record.fields.get('server') || undefined,
    mpgroup: record.fields.get('mpgroup') || undefined,
  }
}

function parsePaths(lines: readonly Fields[], vdisk: string, exported: ReadonlyMap<string, VdsDevice>): VdiskPath[] {
  return lines
    .filter(fields => fields.has('mpg-path'))
    .map(fields => {
      const device = [...fields.values()].map(value => exported.get(value)).find(found => found !== undefined)
      if (device === undefined) return refuse(`a path of VDISK ${vdisk}: it names no exported device`)
      const state = fields.get('mpg-path')
      return { name: device.name, vds: device.vds, state: state === 'active' || state === 'standby' ? state : 'unknown' }
    })
}

function required(fields: Fields, key: string, record: string): string {
  const value = fields.get(key)
  return value ? value : refuse(`${record} without ${key}`)
}

function parseCount(text: string, what: string): number | undefined {
  if (text === '') return undefined
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse(`${what}: ${JSON.stringify(text)}`)
}

function refuse(what: string): never {
  throw new StorageError('internal', `ldm listing not understood: ${what}`)
}
