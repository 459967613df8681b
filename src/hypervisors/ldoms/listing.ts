// Reads what `ldm list-bindings -p` and `ldm list -p` print: records by key, never by column or
// VERSION. What it does not understand of a domain makes that domain unclear; what it needs for the
// whole machine it refuses. Sources: captures of `list -p` (1.6 and 1.11); the VDS, VDISK and path
// lines as public automation for ldm reads them; nothing in a listing is quoted, so a value may
// hold anything but `|`.

import { StorageError } from '../../errors.ts'

export interface DomainFlags {
  /**
   * `normal`: an operating system answers. `transition`: started, but none does. Undefined when the
   * domain is not started.
   */
  readonly system: 'normal' | 'transition' | 'degraded' | undefined
  readonly control: boolean
  /** It has services for other domains. */
  readonly service: boolean
  readonly delayedReconfiguration: boolean
  /**
   * Why the domain must not be touched now: starting, stopping, migrating, or a flag this file does
   * not know.
   */
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

export interface Domain {
  readonly name: string
  readonly state: string
  readonly flags: DomainFlags
  readonly vdses: readonly { readonly name: string; readonly devices: readonly VdsDevice[] }[]
  readonly vdisks: readonly Vdisk[]
  /**
   * Why what is listed of it cannot be relied on: nothing missing is absent, nothing listed is
   * certain.
   */
  readonly unclear: string | undefined
}

type Fields = ReadonlyMap<string, string>
interface ListedRecord {
  readonly head: string
  readonly fields: Fields
  readonly continuations: Fields[]
  /** The first line below it that no record explains. */
  stray: string | undefined
}

/**
 * Text before the VERSION line (a login banner, a notice about recovery) is tolerated; without that
 * line it is no listing.
 *
 * A domain's own administrator writes its variables, and ldm prints their lines as they are: they
 * can look like any record. Lines can be added so, never taken away. So a name that stands twice,
 * or a service where no service domain is, makes its domain unclear, nothing is dropped that could
 * be real, and what ldm itself printed of the other domains stands.
 */
export function parseListing(stdout: string): Domain[] {
  const domains: DomainDraft[] = []
  let domain: DomainDraft | undefined
  for (const record of parseRecords(stdout)) {
    if (record.head === 'DOMAIN') domain = startDomain(record, domains, domain)
    else if (domain === undefined) return refuse(`a ${record.head} record before any DOMAIN`)
    else if (record.head === 'VDS') addVds(record, domain)
    else if (record.head === 'VDISK') addVdisk(record, domain)
    if (record.stray !== undefined && domain !== undefined) {
      domain.unclear ??=
        `the line ${JSON.stringify(record.stray.slice(0, 80))} below its ` + `${record.head} record`
    }
  }
  const contested = settleServices(domains)
  // The keys of a path line are not known for certain, so its volume is the value that names an
  // exported device.
  const vdses = domains.flatMap(({ vdses: own }) => own)
  const exported = new Map(
    vdses.flatMap(vds => vds.devices).map(device => [`${device.name}@${device.vds}`, device]),
  )
  const clients = readClients(domains)
  return domains.map(({ isRepeated: _, after: __, ...draft }) => ({
    ...draft,
    vdses: draft.vdses.map(({ name, devices }) => ({ name, devices })),
    vdisks: draft.vdisks.map(({ pathLines, ...vdisk }) => {
      const paths = parsePaths(pathLines, exported)
      return {
        ...vdisk,
        paths,
        isVague:
          isVague(vdisk, draft, { exported, clients, contested }) ||
          paths.length < countPaths(pathLines),
      }
    }),
  }))
}

interface VdsDraft {
  readonly name: string
  readonly devices: VdsDevice[]
  /** `disk@guest` */
  readonly clients: ReadonlySet<string>
  /** It stands below a further DOMAIN record of the same name. */
  readonly isRepeated: boolean
  /** Its domain is a guest that runs and is no service domain. */
  readonly isText: boolean
}

interface DomainDraft extends Omit<Domain, 'vdses' | 'vdisks' | 'unclear'> {
  unclear: string | undefined
  /** The domain before it, whose text it may be. */
  readonly after: DomainDraft | undefined
  /** The records that are read now stand below a further DOMAIN record of the same name. */
  isRepeated: boolean
  readonly vdses: VdsDraft[]
  readonly vdisks: (Omit<Vdisk, 'paths' | 'isVague'> & { pathLines: readonly Fields[] })[]
}

/** A record that names no domain belongs to the one before it, whose text it may be. */
function startDomain(
  record: ListedRecord,
  domains: DomainDraft[],
  before: DomainDraft | undefined,
): DomainDraft {
  const name = record.fields.get('name') ?? ''
  const state = record.fields.get('state') ?? ''
  if (name === '' || state === '') {
    if (before === undefined) return refuse(`DOMAIN without ${name === '' ? 'name' : 'state'}`)
    before.unclear ??= 'a DOMAIN record without name or state stands among its own'
    return before
  }
  const known = domains.find(domain => domain.name === name)
  if (known !== undefined) {
    known.unclear ??= `domain ${name} is listed twice`
    known.isRepeated = true
    for (const writer of [known.after, before]) {
      if (writer !== undefined && writer !== known) {
        writer.unclear ??= `domain ${name}, listed after it, is listed twice`
      }
    }
    return known
  }
  const flags = parseFlags(record.fields.get('flags') ?? '')
  const domain: DomainDraft = {
    name,
    state,
    flags,
    unclear: undefined,
    after: before,
    isRepeated: false,
    vdses: [],
    vdisks: [],
  }
  domains.push(domain)
  return domain
}

function addVds(record: ListedRecord, domain: DomainDraft): void {
  const name = record.fields.get('name') ?? ''
  const isText =
    domain.state === 'active' &&
    !domain.flags.service &&
    !domain.flags.control &&
    !domain.isRepeated
  if (name === '') domain.unclear ??= 'a VDS record without name'
  if (isText) domain.unclear ??= `it lists vds ${name}, and is no service domain`
  const clients = record.continuations.flatMap(fields => fields.get('client') || [])
  const devices = parseVdsDevices(record, name, domain.name)
  domain.vdses.push({
    name,
    devices,
    clients: new Set(clients),
    isRepeated: domain.isRepeated,
    isText,
  })
}

function addVdisk(record: ListedRecord, domain: DomainDraft): void {
  const vdisk = parseVdisk(record, domain.name)
  if (typeof vdisk === 'string') {
    domain.unclear ??= vdisk
    return
  }
  if (domain.vdisks.some(({ name }) => name === vdisk.name)) {
    domain.unclear ??= `vdisk ${vdisk.name} is listed twice`
  }
  domain.vdisks.push({ ...vdisk, pathLines: record.continuations })
}

// A vds has one domain. Nobody's text comes before the first domain's records, so what that one
// lists is certain, and what a guest lists without being a service domain counts for nothing beside
// the rest. Between others it cannot be told whose it is: then all that is listed stays, as any of
// it may be exported, and no disk that it serves is certain.
function settleServices(domains: readonly DomainDraft[]): ReadonlySet<string> {
  const contested = new Set<string>()
  const lists = Map.groupBy(
    domains.flatMap(domain => domain.vdses.map(vds => ({ domain, vds }))),
    ({ vds }) => vds.name,
  )
  for (const [name, listed] of lists) {
    if (listed.length === 1) continue
    const certain = listed.find(({ domain, vds }) => domain === domains[0] && !vds.isRepeated)
    const serious = certain === undefined ? listed.filter(({ vds }) => !vds.isText) : [certain]
    const kept = serious.length === 0 ? listed : serious
    for (const each of listed) {
      if (each !== certain) each.domain.unclear ??= `vds ${name} is listed twice`
      if (!kept.includes(each)) each.domain.vdses.splice(each.domain.vdses.indexOf(each.vds), 1)
    }
    if (kept.length > 1) contested.add(name)
  }
  return contested
}

// A service domain lists its clients as `disk@guest`. That form is recalled, so what a vds lists
// counts only where a disk confirms it. A running guest that lacks a disk which its service domain
// has as a client has text in the place of it.
function readClients(domains: readonly DomainDraft[]): ReadonlyMap<string, ReadonlySet<string>> {
  const disks = new Set(
    domains.flatMap(({ name, vdisks }) => vdisks.map(vdisk => `${vdisk.name}@${name}`)),
  )
  const vdses = domains
    .flatMap(domain => domain.vdses)
    .filter(({ clients }) => [...clients].some(client => disks.has(client)))
  for (const { name, clients } of vdses) {
    const missing = [...clients].filter(client => !disks.has(client))
    for (const domain of domains.filter(({ state }) => state === 'active')) {
      const client = missing.find(each => each.endsWith(`@${domain.name}`))
      if (client !== undefined) {
        domain.unclear ??= `vds ${name} has ${client} as a client, which is not listed with it`
      }
    }
  }
  return new Map(vdses.map(({ name, clients }) => [name, clients]))
}

/** Not sure to lead where its record says: another text of the listing does not confirm it. */
function isVague(
  { name, volume }: Pick<Vdisk, 'name' | 'volume'>,
  domain: Pick<DomainDraft, 'name' | 'state'>,
  listed: {
    exported: ReadonlyMap<string, VdsDevice>
    clients: ReadonlyMap<string, ReadonlySet<string>>
    contested: ReadonlySet<string>
  },
): boolean {
  if (volume === undefined || listed.contested.has(volume.vds)) return true
  if (domain.state !== 'active') return false
  if (!listed.exported.has(`${volume.name}@${volume.vds}`)) return true
  const clients = listed.clients.get(volume.vds)
  return clients !== undefined && !clients.has(`${name}@${domain.name}`)
}

/**
 * The records the driver reads. Whatever else a domain has is passed over, whatever its lines look
 * like.
 */
const RECORD = /^(DOMAIN|VDS|VDISK)(?=\s|\||$)/
const HEAD = /^[A-Z][A-Z0-9_-]*(?=\s|\||$)/
const NOTICE = /^(Notice|Note|Warning): /

// One after the other: a machine with a thousand disks has some eight thousand lines.
function* parseRecords(stdout: string): Generator<ListedRecord> {
  let isListing = false
  let record: ListedRecord | undefined
  let isInNotice = false
  // From the variables of a domain on a line without a head can be the text of one of them.
  let hasVariables = false
  for (const untrimmed of linesOf(stdout)) {
    const line = untrimmed.trimEnd()
    if (!isListing) {
      isListing = /^VERSION \d+\.\d+$/.test(line)
      continue
    }
    if (line === '') continue
    const isContinuation = line.startsWith('|')
    const head =
      RECORD.exec(line)?.[1] ?? (hasVariables || isContinuation ? undefined : HEAD.exec(line)?.[0])
    if (head !== undefined || isContinuation) isInNotice = false
    if (isContinuation && !hasVariables && record === undefined) {
      refuse('a continuation before any record')
    }
    if (isContinuation) {
      record?.continuations.push(parseFields(line.slice(1).split('|')))
    } else if (head !== undefined || (hasVariables && HEAD.test(line))) {
      if (record !== undefined) yield record
      record = undefined
      if (head === 'DOMAIN') hasVariables = false
      if (head === 'VARIABLES') hasVariables = true
      else if (head !== undefined) {
        record = {
          head,
          fields: parseFields(line.split('|').slice(1)),
          continuations: [],
          stray: undefined,
        }
      }
    } else if (NOTICE.test(line) || isInNotice) {
      isInNotice = true
    } else if (!hasVariables) {
      refuse(`the line ${JSON.stringify(line.slice(0, 80))}`)
    } else if (record !== undefined) {
      record.stray ??= line
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

// Only the first `=` parts: values of variables hold more of them. A bare word is a key without a
// value.
function parseFields(fields: readonly string[]): Fields {
  return new Map(
    fields.map(field => {
      const at = field.indexOf('=')
      return at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)]
    }),
  )
}

// Oracle VM Server for SPARC 3.3 guide, "Recovering From a Failed Migration": the domain runs on
// one of the two machines, and a person has to see on which.
const FAILED_MIGRATION =
  'its migration failed: where it runs on the other machine, destroy it here (ldm ' +
  'remove-domain); where not, ldm cancel-operation migration'

const POSITIONS = /^[s-][ntd-][dr-][c-][v-][ste-]?$/

// Short listings print positions, long ones words (`normal,control,vio-service`); a domain that is
// not started has dashes or nothing.
function parseFlags(text: string): DomainFlags {
  if (POSITIONS.test(text)) {
    const migration = { s: 'migrating away', t: 'migrating here', e: FAILED_MIGRATION }[
      text[5] ?? '-'
    ]
    const systems = { n: 'normal', t: 'transition', d: 'degraded' } as const
    return {
      system: systems[text[1] as keyof typeof systems],
      delayedReconfiguration: text[2] === 'd',
      control: text[3] === 'c',
      service: text[4] === 'v',
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
    service: words.includes('vio-service'),
    // The word for a failed migration is recalled; an unknown one keeps everybody's hands off all
    // the same.
    changing: unknown.includes('migration-error')
      ? FAILED_MIGRATION
      : unknown.length > 0
        ? `flags ${unknown.join(',')}`
        : undefined,
  }
}

function parseVdsDevices(record: ListedRecord, vds: string, serviceDomain: string): VdsDevice[] {
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
function parseVdisk(
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

function countPaths(lines: readonly Fields[]): number {
  return lines.filter(fields => fields.has('mpg-path')).length
}

/** Those that lead to an exported device. */
function parsePaths(
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

function refuse(what: string): never {
  throw new StorageError('internal', `ldm listing not understood: ${what}`)
}
