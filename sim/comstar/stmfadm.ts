// Simulated `stmfadm`: texts, statuses and listings of illumos stmfadm.c (source); two listings are
// recorded. Solaris 11 prints the view listing with other capitals.

import { randomBytes } from 'node:crypto'
import type { SimAnswer } from '../host.ts'
import { type Option, type ParsedOptions, parseOptions } from '../options.ts'
import type { SimZfs } from '../zfs/sim-zfs.ts'
import { type LogicalUnits, type SimLogicalUnit, StmfError } from './units.ts'

type Command = (comstar: TargetFramework, args: readonly string[]) => SimAnswer

/** The SCSI target side of a storage host, as stmfadm sees it. */
export interface TargetFramework {
  readonly zfs: SimZfs
  readonly target: string
  readonly targetGroup: string
  readonly hostGroups: ReadonlyMap<string, readonly string[]>
  readonly state: LogicalUnits
  busy: number
  readonly serviceOnline: boolean
  readonly targetOnline: boolean
}

const COMMANDS: Readonly<Record<string, Command>> = {
  'create-lu': createUnit,
  'import-lu': importUnit,
  'list-lu': listUnits,
  'modify-lu': modifyUnit,
  'delete-lu': deleteUnit,
  'online-lu': (comstar, args) => setStatus(comstar, args, 'Online'),
  'offline-lu': (comstar, args) => setStatus(comstar, args, 'Offline'),
  'add-view': addView,
  'list-view': listViews,
  'remove-view': removeViews,
  'list-hg': listHostGroups,
  'list-tg': listTargetGroups,
  'list-target': listTargets,
  'list-state': listState,
}

/** Ends the command. The message is printed after `stmfadm: `. */
class Refusal extends Error {}

export function stmfadm(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const [name = '', ...rest] = args
  const command = COMMANDS[name]
  if (command === undefined) {
    return failure(1, name === '' ? 'no subcommand specified' : `${name} is not simulated`)
  }
  if (!comstar.serviceOnline && name !== 'list-state') return failure(1, 'STMF service offline')
  const changes = !name.startsWith('list-')
  try {
    // delete-lu removes the views before it finds the unit busy, so it checks on its own.
    if (changes && name !== 'delete-lu' && takeBusy(comstar)) throw new Refusal('resource busy')
    return command(comstar, rest)
  } catch (error) {
    if (error instanceof Refusal || error instanceof StmfError) return failure(1, error.message)
    throw error
  }
}

function takeBusy(comstar: TargetFramework): boolean {
  if (comstar.busy === 0) return false
  comstar.busy -= 1
  return true
}

function success(stdout = ''): SimAnswer {
  return { exitStatus: 0, stdout, stderr: '' }
}

function failure(exitStatus: number, text: string): SimAnswer {
  return { exitStatus, stdout: '', stderr: `stmfadm: ${text}\n` }
}

function parsed(result: ParsedOptions): {
  readonly options: readonly Option[]
  readonly operands: readonly string[]
} {
  if (result.kind === 'unknown-option') throw new Refusal(`unrecognized option -${result.letter}`)
  if (result.kind === 'missing-argument') {
    throw new Refusal(`option -${result.letter} requires an argument`)
  }
  return result
}

function value(options: readonly Option[], letter: string): string | undefined {
  return options.findLast(option => option.letter === letter)?.value
}

function one(operands: readonly string[]): string {
  const [operand, ...more] = operands
  if (operand === undefined || more.length > 0) {
    throw new Refusal(operand === undefined ? 'missing operand' : 'too many operands')
  }
  return operand
}

function createUnit(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 'p:s:'))
  // Source: stmfadm ignores everything after a second `=`.
  const properties = new Map(
    options
      .filter(option => option.letter === 'p')
      .map(option => option.value.split('=').slice(0, 2) as [string, string]),
  )
  const guid = properties.get('guid') ?? `600144F0${randomBytes(12).toString('hex')}`
  if (guid.length !== 32) throw new Refusal('unable to set guid: invalid length')
  if (!/^[0-9A-Fa-f]+$/.test(guid)) throw new Refusal('unable to set guid: bad format')
  const size = value(options, 's')
  const unit = comstar.state.create({
    guid: guid.toUpperCase(),
    alias: properties.get('alias'),
    dataFile: one(operands),
    sizeBytes: size === undefined ? undefined : Number(size),
    writeCacheEnabled: properties.get('wcd') !== 'true',
  })
  return success(`Logical unit created: ${unit.guid}\n`)
}

function importUnit(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  return success(
    'Logical unit imported: ' +
      `${comstar.state.import(one(parsed(parseOptions(args, '')).operands)).guid}\n`,
  )
}

function modifyUnit(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 's:'))
  const size = value(options, 's')
  const guid = one(operands)
  if (size === undefined || !/^\d+$/.test(size)) {
    throw new Refusal('modify-lu is simulated for sizes in bytes only')
  }
  if (comstar.state.find(guid) === undefined) throw new Refusal(`${guid.toLowerCase()}: not found`)
  comstar.state.modify(guid.toUpperCase(), Number(size))
  return success()
}

function deleteUnit(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const guid = one(parsed(parseOptions(args, '')).operands).toUpperCase()
  const lower = guid.toLowerCase()
  const hadViews = comstar.state.forget(guid)
  if (comstar.state.find(guid) === undefined) {
    if (hadViews) return success()
    throw new Refusal(`${lower}: not found`)
  }
  if (takeBusy(comstar)) throw new Refusal(`${lower}: resource busy`)
  comstar.state.delete(guid)
  return success()
}

function setStatus(
  comstar: TargetFramework,
  args: readonly string[],
  status: SimLogicalUnit['status'],
): SimAnswer {
  const guid = one(parsed(parseOptions(args, '')).operands)
  if (comstar.state.find(guid) === undefined) throw new Refusal(`${guid.toLowerCase()}: not found`)
  comstar.state.setStatus(guid.toUpperCase(), status)
  return success()
}

function listUnits(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 'v'))
  const verbose = options.length > 0
  const missing: string[] = []
  const blocks: string[] = []
  for (const asked of operands.length > 0 ? operands : comstar.state.guids()) {
    // Source: an invalid GUID gives a message and status 0.
    if (!/^[0-9A-Fa-f]{32}$/.test(asked)) {
      return {
        exitStatus: 0,
        stdout: '',
        stderr: `stmfadm: ${asked}: must be 32 hexadecimal digits long\n`,
      }
    }
    const guid = asked.toUpperCase()
    if (!comstar.state.knows(guid)) missing.push(`stmfadm: ${guid}: not found\n`)
    else blocks.push(`LU Name: ${guid}\n${verbose ? describe(comstar, guid) : ''}`)
  }
  return { exitStatus: missing.length, stdout: blocks.join(''), stderr: missing.join('') }
}

// Recorded: labels are padded to 18 characters, vendor and product to their lengths in the SCSI
// inquiry.
function describe(comstar: TargetFramework, guid: string): string {
  const unit = comstar.state.find(guid)
  const views = comstar.state.views.filter(view => view.guid === guid).length
  const line = (label: string, text: string) => `    ${label.padEnd(18)}: ${text}\n`
  if (unit === undefined) {
    return (
      line('Operational Status', 'unregistered') +
      line('Provider Name', 'unregistered') +
      line('Alias', '-') +
      line('View Entry Count', String(views))
    )
  }
  return [
    ['Operational Status', unit.status],
    ['Provider Name', 'sbd'],
    ['Alias', unit.alias],
    ['View Entry Count', String(views)],
    ['Data File', unit.dataFile],
    ['Meta File', 'not set'],
    ['Size', String(unit.sizeBytes)],
    ['Block Size', '512'],
    ['Management URL', 'not set'],
    ['Vendor ID', 'SUN     '],
    ['Product ID', 'COMSTAR         '],
    ['Serial Num', 'not set'],
    ['Write Protect', 'Disabled'],
    ['Writeback Cache', unit.writeCacheEnabled ? 'Enabled' : 'Disabled'],
    ['Access State', 'Active'],
  ]
    .map(([label = '', text = '']) => line(label, text))
    .join('')
}

function addView(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 'h:t:n:'))
  const guid = one(operands)
  const hostGroup = value(options, 'h') ?? 'All'
  const targetGroup = value(options, 't') ?? 'All'
  if (!/^[0-9A-Fa-f]{32}$/.test(guid)) {
    throw new Refusal(`${guid}: must be 32 hexadecimal digits long`)
  }
  if (hostGroup !== 'All' && !comstar.hostGroups.has(hostGroup)) {
    throw new Refusal(`${hostGroup}: invalid host group`)
  }
  if (targetGroup !== 'All' && targetGroup !== comstar.targetGroup) {
    throw new Refusal(`${targetGroup}: invalid target group`)
  }
  const number = value(options, 'n')
  // Source: text that is not a number counts as 0.
  const lun = number === undefined ? undefined : Number.parseInt(number, 10) || 0
  if (lun !== undefined && lun > 16383) throw new Refusal('invalid logical unit number')
  comstar.state.addView({ guid: guid.toUpperCase(), hostGroup, targetGroup, lun })
  return success()
}

function listViews(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 'l:v'))
  const guid = value(options, 'l')
  if (guid === undefined || operands.length > 0) {
    throw new Refusal('list-view is simulated with -l only')
  }
  const views = comstar.state.views.filter(view => view.guid === guid.toUpperCase())
  if (views.length === 0) throw new Refusal(`${guid.toLowerCase()}: no views found`)
  const solaris = comstar.zfs.dialect.name === 'solaris-11'
  const line = (label: string, text: string) => `    ${label.padEnd(13)}: ${text}\n`
  return success(
    views
      .map(
        view =>
          `View Entry: ${view.entry}\n` +
          line(solaris ? 'Host Group' : 'Host group', view.hostGroup) +
          line(solaris ? 'Target Group' : 'Target group', view.targetGroup) +
          line(solaris ? 'Lun' : 'LUN', String(view.lun)),
      )
      .join(''),
  )
}

function removeViews(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 'l:'))
  const guid = value(options, 'l')
  if (guid === undefined || operands.length === 0) {
    throw new Refusal('remove-view is simulated with -l and entries only')
  }
  if (!comstar.state.views.some(view => view.guid === guid.toUpperCase())) {
    throw new Refusal(`${guid.toLowerCase()}: no views found`)
  }
  for (const entry of operands) {
    try {
      comstar.state.removeView(guid.toUpperCase(), Number(entry))
    } catch (error) {
      if (error instanceof StmfError) {
        throw new Refusal(`view entry "${entry}", LU: ${guid.toLowerCase()}: not found`)
      }
      throw error
    }
  }
  return success()
}

function listHostGroups(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 'v'))
  const missing = operands.find(group => !comstar.hostGroups.has(group))
  if (missing !== undefined) throw new Refusal(`${missing}: not found`)
  const groups = [...comstar.hostGroups].filter(
    ([group]) => operands.length === 0 || operands.includes(group),
  )
  return success(
    groups
      .map(([group, members]) =>
        formatGroup('Host Group', group, options.length > 0 ? members : []),
      )
      .join(''),
  )
}

function listTargetGroups(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options, operands } = parsed(parseOptions(args, 'v'))
  const missing = operands.find(group => group !== comstar.targetGroup)
  if (missing !== undefined) throw new Refusal(`${missing}: not found`)
  return success(
    formatGroup('Target Group', comstar.targetGroup, options.length > 0 ? [comstar.target] : []),
  )
}

function formatGroup(title: string, name: string, members: readonly string[]): string {
  return `${title}: ${name}\n${members.map(member => `        Member: ${member}\n`).join('')}`
}

function listTargets(comstar: TargetFramework, args: readonly string[]): SimAnswer {
  const { options } = parsed(parseOptions(args, 'v'))
  const status =
    options.length > 0
      ? `    ${'Operational Status'.padEnd(18)}: ${comstar.targetOnline ? 'Online' : 'Offline'}\n`
      : ''
  return success(`Target: ${comstar.target}\n${status}`)
}

function listState(comstar: TargetFramework): SimAnswer {
  const line = (label: string, text: string) => `${label.padEnd(18)}: ${text}\n`
  return success(
    line('Operational Status', comstar.serviceOnline ? 'online' : 'offline') +
      line('Config Status', comstar.serviceOnline ? 'initialized' : 'uninitialized') +
      line('ALUA Status', 'disabled') +
      line('ALUA Node', '0'),
  )
}
