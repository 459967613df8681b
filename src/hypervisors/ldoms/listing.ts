// Parses `ldm list-bindings -p` and `ldm list -p`: records by key, never by column or VERSION. If
// it does not understand something about a domain, that domain becomes unclear. If it needs it for
// the whole machine, it refuses the listing. Sources: captures of `list -p` (1.6 and 1.11). VDS,
// VDISK and path lines follow public automation for ldm. Nothing in a listing is quoted, so a value
// may contain anything except `|`.

import {
  countPaths,
  parsePaths,
  parseVdisk,
  parseVdsDevices,
  type Vdisk,
  type VdsDevice,
} from './devices.ts'
import { type DomainFlags, parseFlags } from './flags.ts'
import { type Fields, type ListedRecord, parseRecords, refuse } from './records.ts'

export interface Domain {
  readonly name: string
  readonly state: string
  readonly flags: DomainFlags
  readonly vdses: readonly { readonly name: string; readonly devices: readonly VdsDevice[] }[]
  readonly vdisks: readonly Vdisk[]
  /**
   * Why the listing of this domain is not reliable: a missing object may exist, and a listed one
   * may not.
   */
  readonly unclear: string | undefined
}

/**
 * Text before the VERSION line (a login banner, a notice about recovery) is accepted. Text without
 * that line is no listing.
 *
 * A domain's own administrator writes its variables, and ldm prints their lines unchanged. They can
 * look like any record. So text can add lines, but never remove any. A name that appears twice
 * makes its domain unclear. So does a service in a domain that is no service domain. Nothing that
 * may be real is dropped. The records that ldm printed for the other domains stay valid.
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
  // The keys of a path line are not known for certain. So its volume is the value that names an
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
  /** It is below a second DOMAIN record of the same name. */
  readonly isRepeated: boolean
  /** Its domain is a running guest and no service domain. */
  readonly isText: boolean
}

interface DomainDraft extends Omit<Domain, 'vdses' | 'vdisks' | 'unclear'> {
  unclear: string | undefined
  /** The previous domain, whose variables may contain this one as text. */
  readonly after: DomainDraft | undefined
  /** The parser is below a second DOMAIN record of the same name. */
  isRepeated: boolean
  readonly vdses: VdsDraft[]
  readonly vdisks: (Omit<Vdisk, 'paths' | 'isVague'> & { pathLines: readonly Fields[] })[]
}

/**
 * Starts a domain. A DOMAIN record without a name belongs to the previous domain, whose text it may
 * be.
 */
function startDomain(
  record: ListedRecord,
  domains: DomainDraft[],
  before: DomainDraft | undefined,
): DomainDraft {
  const name = record.fields.get('name') ?? ''
  const state = record.fields.get('state') ?? ''
  if (name === '' || state === '') {
    if (before === undefined) return refuse(`DOMAIN without ${name === '' ? 'name' : 'state'}`)
    before.unclear ??= 'its records include a DOMAIN record without name or state'
    return before
  }
  const known = domains.find(domain => domain.name === name)
  if (known !== undefined) return repeatDomain(known, before)
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

/**
 * Either record of the name may be text of the domain before it. So those domains become unclear
 * too.
 */
function repeatDomain(known: DomainDraft, before: DomainDraft | undefined): DomainDraft {
  known.unclear ??= `domain ${known.name} is listed twice`
  known.isRepeated = true
  for (const writer of [known.after, before]) {
    if (writer !== undefined && writer !== known) {
      writer.unclear ??= `domain ${known.name}, listed after it, is listed twice`
    }
  }
  return known
}

function addVds(record: ListedRecord, domain: DomainDraft): void {
  const name = record.fields.get('name') ?? ''
  const isText =
    domain.state === 'active' &&
    !domain.flags.service &&
    !domain.flags.control &&
    !domain.isRepeated
  if (name === '') domain.unclear ??= 'a VDS record without name'
  if (isText) domain.unclear ??= `it lists vds ${name}, but is no service domain`
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

/** Settles who has a vds that is listed twice. Returns the services whose domain is uncertain. */
function settleServices(domains: readonly DomainDraft[]): ReadonlySet<string> {
  const lists = Map.groupBy(
    domains.flatMap(domain => domain.vdses.map(vds => ({ domain, vds }))),
    ({ vds }) => vds.name,
  )
  const contested = new Set<string>()
  for (const [name, listed] of lists) {
    if (listed.length > 1 && settleService(listed, domains[0]) > 1) contested.add(name)
  }
  return contested
}

// A vds has one domain. No domain's text comes before the records of the first domain, so the first
// domain's services are certain. A service in a guest that is no service domain is ignored if
// another domain lists it too. Otherwise the parser cannot tell which domain has it. Then every
// listed device stays, because it may be exported, and no disk of that service is certain.
// Returns how many domains keep the service.
function settleService(
  listed: readonly { readonly domain: DomainDraft; readonly vds: VdsDraft }[],
  first: DomainDraft | undefined,
): number {
  const certain = listed.find(({ domain, vds }) => domain === first && !vds.isRepeated)
  const serious = certain === undefined ? listed.filter(({ vds }) => !vds.isText) : [certain]
  const kept = serious.length === 0 ? listed : serious
  for (const each of listed) {
    const { domain, vds } = each
    if (each !== certain) domain.unclear ??= `vds ${vds.name} is listed twice`
    if (!kept.includes(each)) domain.vdses.splice(domain.vdses.indexOf(vds), 1)
  }
  return kept.length
}

// A service domain lists its clients as `disk@guest`. That form is recalled, so the clients of a
// vds count only if a disk confirms one of them. If a running guest lacks a disk that is listed as
// a client, text has replaced part of its records.
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
        domain.unclear ??= `vds ${name} has client ${client}, but the guest lists no such disk`
      }
    }
  }
  return new Map(vdses.map(({ name, clients }) => [name, clients]))
}

/**
 * Whether the disk may lead elsewhere than its record says, because no other part of the listing
 * confirms it.
 */
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
