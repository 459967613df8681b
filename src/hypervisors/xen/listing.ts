// Parsers of what xl and xenstore-ls list. Each rejects a line that it does not understand. Text
// before a header (a login banner) is accepted. Pure.

import { StorageError } from '../../errors.ts'

/** A running domain. Its id is never given out again while the machine runs (xen/10). */
export interface Domain {
  readonly id: number
  readonly name: string
  /** The letters of its state that are set, of `rbpsd`; after `s` also why: `sr` (xen/15). */
  readonly flags: string
}

/** A disk as the guest's side has it. */
export interface FrontEnd {
  readonly domainId: number
  readonly number: number
  /** State of the guest's side: 4 is connected (xen/02). */
  readonly state: number
  /** Id of the domain that serves it: 0 is dom0. */
  readonly servedBy: number
}

/** A disk as the serving side has it: the keys below its directory in xenstore. */
export interface BackEnd {
  readonly kind: string
  readonly domainId: number
  readonly number: number
  readonly keys: ReadonlyMap<string, string>
  /** A part of it went while it was listed: it is being removed. */
  readonly isLeaving: boolean
}

const DOMAINS_HEADER = /^Name +ID +Mem +VCPUs\s+State\s+Time\(s\)$/
// The fifth letter says why a domain has shut down (recorded: `r`; all of them: xl_list.c of 4.17).
const DOMAIN = /^(\S.*?) +(\d+) +\d+ +\d+ +([r-][b-][p-][s-][rscwS?-][d-]) +\d+\.\d$/

/** `xl list` (xen/01-host.txt). */
export function parseDomains(stdout: string): readonly Domain[] {
  return below(stdout, DOMAINS_HEADER, 'xl list').map(line => {
    const [, name = '', id, flags = ''] = DOMAIN.exec(line) ?? refuse('xl list', line)
    return { id: Number(id), name, flags: flags.replaceAll('-', '') }
  })
}

const DISKS_HEADER = /^Vdev +BE +handle state evt-ch ring-ref BE-path *$/
const DISK = /^(\d+) +(\d+) +(\d+) +(\d+) +-?\d+ +-?\d+ +\/local\/domain\/\d+\/backend\/\S+$/

/** `xl block-list` with ids. A domain that is gone has no line, and is no failure (xen/04). */
export function parseFrontEnds(stdout: string): readonly FrontEnd[] {
  return below(stdout, DISKS_HEADER, 'xl block-list').map(line => {
    const [, number, servedBy, domainId, state] = (
      DISK.exec(line) ?? refuse('xl block-list', line)
    ).map(Number)
    return {
      domainId: domainId ?? 0,
      number: number ?? 0,
      state: state ?? 0,
      servedBy: servedBy ?? 0,
    }
  })
}

const NODE = /^(\/[A-Za-z0-9_@/-]+) = "(.*)"$/
/** It was in its directory, and went before it was read (xen/17-leaving.txt). */
const GONE = /^(\/[A-Za-z0-9_@/-]+):$/
const DISK_NODE = /^\/local\/domain\/0\/backend\/([^/]+)\/(\d+)\/(\d+)(?:\/(.+))?$/
/** Back ends of disks. Others serve network cards, consoles and so on. */
const DISK_KINDS: readonly string[] = ['vbd', 'qdisk']

/**
 * `xenstore-ls -f /local/domain/0/backend` (xen/05-attach-errors.txt). It keeps the order of the
 * store, and shows each directory before its keys.
 */
export function parseBackEnds(stdout: string): readonly BackEnd[] {
  const found = new Map<string, BackEnd & { keys: Map<string, string>; isLeaving: boolean }>()
  let isListing = false
  for (const line of stdout.split('\n')) {
    const [, path = '', value] = NODE.exec(line) ?? GONE.exec(line) ?? []
    if (path === '') {
      if (isListing && line !== '') refuse('xenstore-ls', line)
      continue
    }
    isListing = true
    const [, kind = '', domainId, number, key] = DISK_NODE.exec(path) ?? []
    if (!DISK_KINDS.includes(kind)) continue
    const at = `${kind}/${domainId}/${number}`
    const disk = found.get(at) ?? {
      kind,
      domainId: Number(domainId),
      number: Number(number),
      keys: new Map<string, string>(),
      isLeaving: false,
    }
    found.set(at, disk)
    if (value === undefined) disk.isLeaving = true
    else if (key !== undefined) disk.keys.set(key, value)
  }
  // Nothing at all is the store without back ends. Text without one line of it is no listing.
  if (!isListing && stdout.trim() !== '') refuse('xenstore-ls', stdout.trim())
  return [...found.values()]
}

function below(stdout: string, header: RegExp, command: string): readonly string[] {
  const lines = stdout.split('\n')
  const at = lines.findIndex(line => header.test(line))
  if (at < 0) throw new StorageError('internal', `${command}: no header in its answer`)
  return lines.slice(at + 1).filter(line => line !== '')
}

function refuse(command: string, line: string): never {
  throw new StorageError(
    'internal',
    `${command}: line not understood: ${JSON.stringify(line.slice(0, 80))}`,
  )
}
