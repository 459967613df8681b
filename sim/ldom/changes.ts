// The subcommands of the simulated ldm that change disks and disk servers: what they refuse in
// which state, and what they do. Which state of a guest allows an operation is documented for LDoms
// 1.1 to Oracle VM Server for SPARC 3.5, where it is known.

import type { Arguments } from './arguments.ts'
import type { LiveDisk } from './exports.ts'
import type { DomainEntry, LdmSettings, VdiskEntry, Volume, VolumeOption } from './model.ts'
import { GUEST_CHANNELS, type Member, type Running } from './running.ts'
import { formatReasons, LdmFailure, TEXTS } from './texts.ts'

/** A checked change: the domain that it changes, a warning to print, and its effect. */
export interface Change {
  readonly domain: string
  readonly warning?: string
  readonly apply: () => void
}

export type ChangeCommand = (args: Arguments, running: Running, settings: LdmSettings) => Change

export const addVds: ChangeCommand = ({ operands }, running) => {
  const [name = '', domainName = ''] = operands
  const domain = findDomain(running, domainName)
  checkName(name)
  if (running.server(name)) throw new LdmFailure(TEXTS.serverExists(name))
  if (!running.services.has(domain.name)) {
    throw new LdmFailure(TEXTS.usage(`LDom ${domain.name} has no service in the simulation`))
  }
  const apply = () => {
    domain.servers.set(name, { name, volumes: new Map() })
    running.exportsChanged()
  }
  return { domain: domain.name, warning: longNameWarning(name), apply }
}

export const removeVds: ChangeCommand = ({ operands: [name = ''], flags }, running) => {
  const { server, domain } = findServer(running, name)
  if (server.volumes.size > 0 && !flags.has('f')) throw new LdmFailure(TEXTS.serverInUse(name))
  for (const volume of server.volumes.values()) refuseUsed(running, name, volume.name)
  const apply = () => {
    domain.servers.delete(name)
    running.exportsChanged()
  }
  return { domain: domain.name, apply }
}

export const addVdsDevice: ChangeCommand = ({ operands, properties, flags }, running, settings) => {
  const [device = '', volumeName = ''] = operands
  const [name, vds] = splitVolume(volumeName)
  const { server, domain } = findServer(running, vds)
  checkName(name)
  if (server.volumes.has(name)) throw new LdmFailure(TEXTS.volumeExists(name, vds))
  const volume: Volume = {
    name,
    device,
    options: parseOptions(properties.get('options') ?? ''),
    mpgroup: properties.get('mpgroup') ?? '',
  }
  const inGroup = [...server.volumes.values()].some(
    other => volume.mpgroup !== '' && other.mpgroup === volume.mpgroup,
  )
  if (inGroup) throw new LdmFailure(TEXTS.groupTwice(volume.mpgroup, vds))
  const warning = checkSecondExport(running, settings, domain.name, volume, flags.has('f'))
  if (
    settings.validateBackends &&
    !flags.has('q') &&
    !running.serviceHost(domain.name).device(device)
  ) {
    throw new LdmFailure(TEXTS.missingBackend(device, domain.name))
  }
  const apply = () => {
    server.volumes.set(name, volume)
    running.exportsChanged()
  }
  return { domain: domain.name, warning, apply }
}

function checkSecondExport(
  running: Running,
  settings: LdmSettings,
  domain: string,
  volume: Volume,
  force: boolean,
): string {
  const other = running
    .volumes()
    .find(member => member.domain === domain && member.volume.device === volume.device)
  if (!other) return ''
  if (other.volume.options.includes('excl') || volume.options.includes('excl')) {
    throw new LdmFailure(TEXTS.exclusive(volume.device, other.volume.name, other.vds))
  }
  if (settings.secondExport === 'warning') return TEXTS.exportedTwice(volume.device, domain)
  if (!force) throw new LdmFailure(TEXTS.needsForce(volume.device, other.volume.name, other.vds))
  return ''
}

export const setVdsDevice: ChangeCommand = (
  { operands: [volumeName = ''], properties },
  running,
) => {
  const [name, vds] = splitVolume(volumeName)
  const { server, domain } = findServer(running, vds)
  const volume = findVolume(server.volumes, name, vds)
  const user = running.userOf(vds, name)
  if (user && running.isBound(user.domain)) {
    throw new LdmFailure(TEXTS.volumeBound(name, user.vdisk.name, user.domain.name))
  }
  const options = properties.get('options')
  const mpgroup = properties.get('mpgroup')
  return {
    domain: domain.name,
    apply: () => {
      if (options !== undefined) volume.options = parseOptions(options)
      if (mpgroup !== undefined) volume.mpgroup = mpgroup
      running.exportsChanged()
    },
  }
}

export const removeVdsDevice: ChangeCommand = ({ operands: [volumeName = ''] }, running) => {
  const [name, vds] = splitVolume(volumeName)
  const { server, domain } = findServer(running, vds)
  findVolume(server.volumes, name, vds)
  refuseUsed(running, vds, name)
  const apply = () => {
    server.volumes.delete(name)
    running.exportsChanged()
  }
  return { domain: domain.name, apply }
}

export const addVdisk: ChangeCommand = ({ operands, properties }, running, settings) => {
  const [name = '', volumeName = '', domainName = ''] = operands
  const domain = findDomain(running, domainName)
  const [volume, vds] = splitVolume(volumeName)
  findVolume(findServer(running, vds).server.volumes, volume, vds)
  checkName(name)
  if (domain.vdisks.has(name)) throw new LdmFailure(TEXTS.vdiskExists(name, domain.name))
  const id = parseNumber(properties.get('id'), 'id')
  if (id !== undefined && [...domain.vdisks.values()].some(other => other.id === id)) {
    throw new LdmFailure(TEXTS.numberTaken(id, domain.name))
  }
  refuseUsed(running, vds, volume)
  const vdisk: VdiskEntry = {
    name,
    volume,
    vds,
    timeout: parseNumber(properties.get('timeout'), 'timeout'),
    id,
    explicitId: id !== undefined,
  }
  refuseUnchangeable(running, domain)
  if (running.isBound(domain)) checkChannels(running, settings, domain, running.membersOf(vdisk), 0)
  const apply = () => {
    domain.vdisks.set(name, vdisk)
    if (!running.isBound(domain)) return
    running.connect(domain, vdisk)
    running.tell(domain.name, 'disks')
  }
  return { domain: domain.name, warning: longNameWarning(name), apply }
}

export const removeVdisk: ChangeCommand = (
  { operands: [name = '', domainName = ''], flags },
  running,
) => {
  const domain = findDomain(running, domainName)
  if (!domain.vdisks.has(name)) throw new LdmFailure(TEXTS.unknownVdisk(name, domain.name))
  refuseUnchangeable(running, domain)
  const live = running.runtime(domain.name).live.get(name)
  if (live && domain.state === 'active' && running.runtime(domain.name).hotplug === 'asks-guest') {
    askGuest(live, domain.name, flags.has('f'))
  }
  const apply = () => {
    running.disconnect(domain, name)
    domain.vdisks.delete(name)
    running.tell(domain.name, 'disks')
  }
  return { domain: domain.name, apply }
}

// A Solaris guest decides in two steps (source: illumos drd_rcm.c, vdc.c). First its resource
// coordinator may refuse, with reasons. Then vdc refuses to detach a disk that is open, without a
// reason. `-f` skips only the first step.
function askGuest(disk: LiveDisk, domain: string, force: boolean): void {
  const reasons = [...disk.holders.values()].filter(row => row !== undefined)
  if (reasons.length > 0 && !force) {
    throw new LdmFailure(
      TEXTS.refused(formatReasons(reasons)) + TEXTS.notRemoved(disk.name, domain),
    )
  }
  if (disk.holders.size > 0) throw new LdmFailure(TEXTS.notRemoved(disk.name, domain))
}

export const setVdisk: ChangeCommand = (
  { operands: [name = '', domainName = ''], properties },
  running,
) => {
  const domain = findDomain(running, domainName)
  const vdisk = domain.vdisks.get(name)
  if (!vdisk) throw new LdmFailure(TEXTS.unknownVdisk(name, domain.name))
  const timeout = parseNumber(properties.get('timeout'), 'timeout')
  const wanted = properties.get('volume')
  refuseUnchangeable(running, domain)
  if (wanted !== undefined) checkOtherVolume(running, domain, vdisk, wanted)
  const apply = () => {
    if (timeout !== undefined) vdisk.timeout = timeout
    if (wanted === undefined) return
    ;[vdisk.volume, vdisk.vds] = splitVolume(wanted)
    const live = running.runtime(domain.name).live.get(name)
    live?.select(
      Math.max(
        0,
        live.paths.findIndex(path => path.vds === vdisk.vds && path.volume.name === vdisk.volume),
      ),
    )
  }
  return { domain: domain.name, apply }
}

// The disk of an active guest can only change to a path that it already has (3.2 and later). A path
// that joined the group since does not count. The simulator also requires this of a bound guest.
function checkOtherVolume(
  running: Running,
  domain: DomainEntry,
  vdisk: VdiskEntry,
  wanted: string,
): void {
  const [volume, vds] = splitVolume(wanted)
  findVolume(findServer(running, vds).server.volumes, volume, vds)
  const isWanted = (path: { readonly vds: string; readonly volume: Volume }) =>
    path.vds === vds && path.volume.name === volume
  if (running.isBound(domain)) {
    const live = running.runtime(domain.name).live.get(vdisk.name)
    if (!live?.paths.some(isWanted)) throw new LdmFailure(TEXTS.wrongState(domain.name, 'inactive'))
  } else if (!running.membersOf(vdisk).some(isWanted)) refuseUsed(running, vds, volume)
}

/**
 * Checks that the guest and every service domain have enough channel end points. `base` is the
 * number for the guest itself when it is bound.
 */
function checkChannels(
  running: Running,
  settings: LdmSettings,
  guest: DomainEntry,
  paths: readonly Member[],
  base: number,
): void {
  const wanted = new Map<string, number>(
    [...running.services.keys()].map(name => [name, name === 'primary' ? base : 0]),
  )
  wanted.set(guest.name, base + paths.length)
  for (const { domain } of paths) wanted.set(domain, (wanted.get(domain) ?? 0) + 1)
  for (const [domain, count] of wanted) {
    const available = settings.ldcBudget - running.channels(domain)
    if (count > 0 && count > available) {
      throw new LdmFailure(TEXTS.channelsExhausted(count, domain, available))
    }
  }
}

export const bindDomain: ChangeCommand = ({ operands: [name = ''] }, running, settings) => {
  const domain = findDomain(running, name)
  if (domain.state !== 'inactive') throw new LdmFailure(TEXTS.wrongState(name, 'inactive'))
  const paths = [...domain.vdisks.values()].flatMap(vdisk => running.membersOf(vdisk))
  checkChannels(running, settings, domain, paths, GUEST_CHANNELS)
  return { domain: name, apply: () => running.setState(domain, 'bound', false) }
}

export const unbindDomain: ChangeCommand = ({ operands: [name = ''] }, running) => {
  const domain = findDomain(running, name)
  if (domain.state !== 'bound') throw new LdmFailure(TEXTS.wrongState(name, 'bound'))
  return { domain: name, apply: () => running.setState(domain, 'inactive', false) }
}

// Clears the error state of the source domain (documented: Oracle VM Server for SPARC 3.3 guide,
// "Recovering From a Failed Migration").
export const cancelMigration: ChangeCommand = (
  { operands: [operation = '', name = ''] },
  running,
) => {
  if (operation !== 'migration') {
    throw new LdmFailure(TEXTS.usage(`the simulation cancels migrations only, not ${operation}`))
  }
  const domain = findDomain(running, name)
  if (running.runtime(domain.name).migration === 'none') {
    throw new LdmFailure(TEXTS.wrongState(name, 'migrating'))
  }
  const apply = () => {
    running.runtime(domain.name).migration = 'none'
  }
  return { domain: name, apply }
}

export function findDomain(running: Running, name: string): DomainEntry {
  const domain = running.configuration.domains.get(name)
  if (!domain) throw new LdmFailure(TEXTS.unknownDomain(name))
  return domain
}

// A change of an active guest needs an operating system that answers. For a guest that is not
// started, ldm changes only the configuration.
function refuseUnchangeable(running: Running, domain: DomainEntry): void {
  const { migration, system, hotplug } = running.runtime(domain.name)
  if (migration !== 'none') throw new LdmFailure(TEXTS.migrating(domain.name))
  if (domain.state === 'inactive' || domain.state === 'bound') return
  if (domain.state !== 'active') throw new LdmFailure(TEXTS.busy(domain.name))
  if (hotplug === 'refused') throw new LdmFailure(TEXTS.noDynamicDisks(domain.name))
  if (!system) throw new LdmFailure(TEXTS.noSystem(domain.name))
}

function refuseUsed(running: Running, vds: string, volume: string): void {
  const user = running.userOf(vds, volume)
  if (user) throw new LdmFailure(TEXTS.volumeAttached(volume, user.vdisk.name, user.domain.name))
}

function findServer(running: Running, vds: string) {
  const found = running.server(vds)
  if (!found) throw new LdmFailure(TEXTS.unknownServer(vds))
  return found
}

function findVolume(volumes: ReadonlyMap<string, Volume>, name: string, vds: string): Volume {
  const volume = volumes.get(name)
  if (!volume) throw new LdmFailure(TEXTS.unknownVolume(name, vds))
  return volume
}

function splitVolume(text: string): [volume: string, vds: string] {
  const [volume, vds, ...rest] = text.split('@')
  if (!volume || !vds || rest.length > 0) {
    throw new LdmFailure(TEXTS.usage(`invalid volume ${text}`))
  }
  return [volume, vds]
}

function parseOptions(text: string): VolumeOption[] {
  return text
    .replace(/^\{(.*)\}$/, '$1')
    .split(',')
    .filter(word => word !== '')
    .map(word => {
      if (word !== 'ro' && word !== 'slice' && word !== 'excl') {
        throw new LdmFailure(TEXTS.usage(`invalid option ${word}`))
      }
      return word
    })
}

function parseNumber(text: string | undefined, key: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new LdmFailure(TEXTS.usage(`invalid ${key} ${text}`))
  return Number(text)
}

// Character set and length (documented: 3.4 guide, "Entering Names in the CLI").
function checkName(name: string): void {
  if (!/^[A-Za-z0-9][-\w+#.:;~()]{0,255}$/.test(name)) throw new LdmFailure(TEXTS.badName(name))
}

function longNameWarning(name: string): string {
  return name.length > 31 ? TEXTS.nameTooLong(name) : ''
}
