// The listings of the simulated ldm, parseable and for people. Recorded listings are in
// test/transcripts/ldm. VDS and VDISK records have the keys that public automation reads, in the
// order on which it relies.

import type { LiveDisk } from './exports.ts'
import { CONTROL_DOMAIN, type DomainEntry, type LdmSettings, type VdiskEntry } from './model.ts'
import type { Running, Runtime } from './running.ts'

export interface View {
  readonly running: Running
  readonly settings: LdmSettings
}

export function versionLine({ settings }: View): string {
  return `VERSION ${settings.formatVersion}\n`
}

export function domainRecord(
  view: View,
  domain: DomainEntry,
  form: 'short' | 'long' | 'bindings',
): string {
  const { running, settings } = view
  const runtime = running.runtime(domain.name)
  const bound = running.isBound(domain)
  const started = domain.state === 'active'
  const util = started ? `${runtime.utilPercent}${settings.percent ? '%' : ''}` : ''
  const words = form === 'long' || (form === 'bindings' && settings.bindingsFlagWords)
  const fields = [
    `name=${domain.name}`,
    `state=${domain.state}`,
    `flags=${words ? flagWords(view, domain, runtime) : flagPositions(view, domain, runtime)}`,
    `cons=${bound ? domain.console : ''}`,
    `ncpu=${bound ? domain.vcpus : ''}`,
    `mem=${bound ? domain.memoryBytes : ''}`,
    `util=${util}`,
    `uptime=${started ? uptimeSeconds(running, runtime) : ''}`,
    ...(settings.normUtil && bound ? [`norm_util=${util}`] : []),
    ...(form === 'long' && started ? [`softstate=${runtime.softState}`] : []),
  ]
  return `DOMAIN|${fields.join('|')}\n`
}

function flagPositions({ running, settings }: View, domain: DomainEntry, runtime: Runtime): string {
  if (domain.state === 'inactive' || domain.state === 'bound') {
    return '-'.repeat(settings.flagPositions)
  }
  const flags = [
    domain.state === 'active' ? '-' : 's',
    runtime.system ? 'n' : 't',
    domain.name === CONTROL_DOMAIN && running.delayedReconfiguration ? 'd' : '-',
    domain.name === CONTROL_DOMAIN ? 'c' : '-',
    running.services.has(domain.name) ? 'v' : '-',
    { none: '-', source: 's', failed: 'e' }[runtime.migration],
  ]
  return flags.slice(0, settings.flagPositions).join('')
}

// "normal,control,vio-service" is documented; the words for the rarer flags are recalled.
function flagWords({ running }: View, domain: DomainEntry, runtime: Runtime): string {
  if (domain.state === 'inactive' || domain.state === 'bound') return ''
  const control = domain.name === CONTROL_DOMAIN
  const words = [
    ...(domain.state === 'active' ? [] : ['starting']),
    runtime.system ? 'normal' : 'transition',
    ...(control && running.delayedReconfiguration ? ['delayed-reconf'] : []),
    ...(control ? ['control'] : []),
    ...(running.services.has(domain.name) ? ['vio-service'] : []),
    ...{ none: [], source: ['migration-source'], failed: ['migration-error'] }[runtime.migration],
  ]
  return words.join(',')
}

function uptimeSeconds(running: Running, runtime: Runtime): number {
  return Math.floor((running.nowMs() - runtime.startedMs) / 1000)
}

export function uuidRecord(domain: DomainEntry): string {
  return `UUID|uuid=${domain.uuid}\n`
}

export function serviceRecords(
  view: View,
  domain: DomainEntry,
  form: 'plain' | 'bindings',
): string {
  const console =
    domain.name === CONTROL_DOMAIN ? 'VCC|name=primary-vcc0|port-range=5000-5100\n' : ''
  const servers = [...domain.servers.values()].map(server => {
    const volumes = [...server.volumes.values()].map(
      ({ name, options, device, mpgroup }) =>
        `|vol=${name}|opts=${options.join(',')}|dev=${device}|mpgroup=${mpgroup}\n`,
    )
    return `VDS|name=${server.name}\n${volumes.join('')}${form === 'bindings' ? clientLines(view, server.name) : ''}`
  })
  return console + servers.join('')
}

function clientLines({ running }: View, vds: string): string {
  return running.domains
    .filter(domain => running.isBound(domain))
    .flatMap(domain =>
      [...domain.vdisks.values()].flatMap(vdisk =>
        running.membersOf(vdisk).map(member => ({ domain, vdisk, member })),
      ),
    )
    .filter(({ member }) => member.vds === vds)
    .map(
      ({ domain, vdisk, member }) =>
        `|client=${vdisk.name}@${domain.name}|vol=${member.volume.name}\n`,
    )
    .join('')
}

export function vdiskRecords(view: View, domain: DomainEntry, form: 'plain' | 'bindings'): string {
  const { running, settings } = view
  const bound = running.isBound(domain)
  return [...domain.vdisks.values()]
    .map(vdisk => {
      const [own] = running.membersOf(vdisk)
      const fields = [
        `name=${vdisk.name}`,
        `vol=${vdisk.volume}@${vdisk.vds}`,
        `timeout=${vdisk.timeout ?? ''}`,
        `dev=${bound ? `disk@${vdisk.id}` : ''}`,
        `server=${bound ? own.domain : ''}`,
        `mpgroup=${own.volume.mpgroup}`,
        `id=${vdisk.id ?? ''}`,
      ]
      const live = running.runtime(domain.name).live.get(vdisk.name)
      const paths =
        form === 'bindings' && settings.pathStates && own.volume.mpgroup !== '' && live
          ? pathLines(running, domain, vdisk, live)
          : ''
      return `VDISK|${fields.join('|')}\n${paths}`
    })
    .join('')
}

// The configured path comes first. Paths of a Linux guest, or of one that does not run, are
// `unknown`.
function pathLines(
  running: Running,
  domain: DomainEntry,
  vdisk: VdiskEntry,
  live: LiveDisk,
): string {
  const tells = running.isRunning(domain) && running.runtime(domain.name).platform === 'solaris'
  const configured = (path: LiveDisk['paths'][number]) =>
    path.vds === vdisk.vds && path.volume.name === vdisk.volume
  return [...live.paths]
    .sort((a, b) => Number(configured(b)) - Number(configured(a)))
    .map(path => {
      const state = !tells ? 'unknown' : path === live.activePath ? 'active' : 'standby'
      return `|port=${path.port}|mpg-vol=${path.volume.name}@${path.vds}|mpg-server=${path.service.name}|mpg-path=${state}\n`
    })
    .join('')
}

/** The table for people. The name has 17 columns; the state has 9 up to 1.2, and 11 later. */
export function domainTable(view: View, domains: readonly DomainEntry[]): string {
  const { running, settings } = view
  const row = (cells: readonly string[]) => {
    const widths = [17, settings.managerVersion === '1.2' ? 9 : 11, 8, 8, 6, 9, 6]
    return cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('')
      .trimEnd()
  }
  const rows = domains.map(domain => {
    const runtime = running.runtime(domain.name)
    const flags = flagPositions(view, domain, runtime)
    if (!running.isBound(domain)) return row([domain.name, domain.state, flags])
    const load =
      domain.state === 'active'
        ? [`${runtime.utilPercent}%`.padStart(4), formatUptime(uptimeSeconds(running, runtime))]
        : []
    return row([
      domain.name,
      domain.state,
      flags,
      domain.console,
      String(domain.vcpus),
      formatMemory(domain.memoryBytes),
      ...load,
    ])
  })
  return [row(['NAME', 'STATE', 'FLAGS', 'CONS', 'VCPU', 'MEMORY', 'UTIL', 'UPTIME']), ...rows]
    .map(line => `${line}\n`)
    .join('')
}

/** The DISK table of `list-bindings` for people. */
export function diskTable({ running }: View, domain: DomainEntry): string {
  if (domain.vdisks.size === 0) return ''
  const row = (cells: readonly string[]) => {
    const widths = [17, 28, 5, 8, 15]
    return `    ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('')}`.trimEnd()
  }
  const rows = [...domain.vdisks.values()].map(vdisk => {
    const [own] = running.membersOf(vdisk)
    const bound = running.isBound(domain)
    const timeout = vdisk.timeout === undefined ? '' : String(vdisk.timeout)
    return row([
      vdisk.name,
      `${vdisk.volume}@${vdisk.vds}`,
      timeout,
      bound ? `disk@${vdisk.id}` : '',
      bound ? own.domain : '',
      own.volume.mpgroup,
    ])
  })
  const table = ['DISK', row(['NAME', 'VOLUME', 'TOUT', 'DEVICE', 'SERVER', 'MPGROUP']), ...rows]
  return table.map(line => `${line}\n`).join('')
}

function formatMemory(bytes: number): string {
  const mib = bytes / 1024 ** 2
  return mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`
}

function formatUptime(seconds: number): string {
  const days = Math.floor(seconds / 86400)
  const hours = Math.floor((seconds % 86400) / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  if (days > 0) return `${days}d ${hours}h ${minutes}m`
  if (hours > 0) return `${hours}h ${minutes}m`
  return minutes > 0 ? `${minutes}m` : `${seconds}s`
}
