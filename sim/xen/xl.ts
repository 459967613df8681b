// The program `xl` of the simulated machine: the subcommands that the driver and people use.

import type { SimAnswer, SimProgram } from '../host.ts'
import { type ParsedSpec, parseDiskSpec } from './disk-spec.ts'
import { disksOf, type Vbd, type XenControl, type XenDomain } from './model.ts'
import { failed, ok, TEXTS, tooFew } from './texts.ts'
import { parseVdev } from './vdev.ts'

type Command = (machine: XenControl, args: readonly string[]) => SimAnswer

export function xlProgram(machine: XenControl): SimProgram {
  return args => {
    const [name = '', ...rest] = args
    const command = COMMANDS[name]
    return command === undefined
      ? { exitStatus: 2, stdout: '', stderr: `xl: the simulation does not know ${name}\n` }
      : command(machine, rest)
  }
}

const COMMANDS: Readonly<Record<string, Command>> = {
  list: (machine, args) => (args.length === 0 ? list(machine) : unsupported('list', args)),
  info: machine => ok(`host                   : ${machine.host.name}\n${INFO}`),
  domid: (machine, [name = '']) => {
    const domain = machine.domain(name)
    return domain === undefined ? failed(TEXTS.noDomainId(name)) : ok(`${domain.id}\n`)
  },
  domname: (machine, [id = '']) => onDomain(machine, id, ({ name }) => ok(`${name}\n`)),
  'block-list': blockList,
  'block-attach': blockAttach,
  'block-detach': blockDetach,
  pause: (machine, [name = '']) =>
    onDomain(machine, name, domain => {
      machine.pause(domain)
      return ok()
    }),
  unpause: (machine, [name = '']) =>
    onDomain(machine, name, domain => {
      if (!domain.paused) return { ...ok(), stderr: TEXTS.notPaused(domain.id) }
      machine.unpause(domain)
      return ok()
    }),
  destroy: (machine, [name = '']) =>
    onDomain(machine, name, domain => {
      machine.destroy(domain.name)
      return ok()
    }),
}

// Part of the recorded answer (01-host.txt).
const INFO = `\
release                : 6.1.0-56-amd64
machine                : x86_64
xen_major              : 4
xen_minor              : 17
xen_extra              : .7
xen_version            : 4.17.7
xend_config_format     : 4
`

function unsupported(command: string, args: readonly string[]): SimAnswer {
  const stderr = `xl ${command}: the simulation does not know ${args.join(' ')}\n`
  return { exitStatus: 2, stdout: '', stderr }
}

function onDomain(
  machine: XenControl,
  text: string,
  work: (domain: XenDomain) => SimAnswer,
): SimAnswer {
  const domain = machine.domain(text)
  return domain === undefined ? failed(TEXTS.noDomainToList(text)) : work(domain)
}

function list(machine: XenControl): SimAnswer {
  const row = (name: string, id: number, rest: { memoryMiB: number; flags: string }) =>
    `${name.padEnd(40)} ${String(id).padStart(5)} ${String(rest.memoryMiB).padStart(5)} ` +
    `    1     ${rest.flags}  ${'8.1'.padStart(8)}\n`
  const flagsOf = ({ reboots, paused, system }: XenDomain) =>
    reboots ? '--psr-' : paused ? '--p---' : system ? '-b----' : '------'
  return ok(
    TEXTS.domainsHeader +
      row('Domain-0', 0, { memoryMiB: 1024, flags: 'r-----' }) +
      machine.domains
        .map(domain =>
          row(domain.name, domain.id, { memoryMiB: domain.memoryMiB, flags: flagsOf(domain) }),
        )
        .join(''),
  )
}

/** Status 0 even for a domain that does not exist; a number that none has is not even complained of. */
function blockList(machine: XenControl, args: readonly string[]): SimAnswer {
  if (args.length === 0) return tooFew('block-list', 1)
  let stdout = TEXTS.disksHeader
  let stderr = ''
  for (const text of args) {
    const domain = machine.domain(text)
    if (domain !== undefined) stdout += disksOf(domain).map(row(domain)).join('')
    else if (!/^\d+$/.test(text)) stderr += TEXTS.noDomainToList(text)
  }
  return { exitStatus: 0, stdout, stderr }
}

function backEndPath({ id }: XenDomain, { number, backEnd }: Vbd): string {
  return `/local/domain/0/backend/${backEnd === 'qdisk' ? 'qdisk' : 'vbd'}/${id}/${number}`
}

// The event channel and the ring exist once the guest's side is initialised. Their numbers are
// invented.
function row(domain: XenDomain): (vbd: Vbd, index: number) => string {
  return (vbd, index) => {
    const hasRing = vbd.front > 1 && vbd.backEnd !== 'qdisk'
    const columns = [
      String(vbd.number).padEnd(5),
      '0'.padEnd(3),
      String(domain.id).padEnd(3),
      String(vbd.front).padStart(4).padEnd(8),
      String(hasRing ? 10 + index : -1).padEnd(6),
      String(hasRing ? 522 + index : -1).padEnd(8),
      backEndPath(domain, vbd),
    ]
    return `${columns.join(' ')}\n`
  }
}

function blockAttach(machine: XenControl, args: readonly string[]): SimAnswer {
  const [text = '', ...words] = args
  if (args.length < 2) return tooFew('block-attach', 2)
  const domain = machine.domain(text)
  if (domain === undefined && !/^\d+$/.test(text)) return failed(TEXTS.noDomainToAttach(text))
  const spec = parseDiskSpec(words)
  if (typeof spec === 'string') return failed(spec)
  if (domain === undefined) return failed(TEXTS.noDomainType(Number(text)))
  return addDisk(machine, domain, spec)
}

let nextProcess = 447

function addDisk(machine: XenControl, domain: XenDomain, spec: ParsedSpec): SimAnswer {
  const { target, vdev, access, format, wantsQdisk } = spec
  const kind = machine.kindOf(target)
  const isDirectory = kind === undefined && DIRECTORIES.includes(target)
  if (wantsQdisk) return failed(TEXTS.noDeviceModel(domain.id))
  if (kind === undefined && !isDirectory) return failed(TEXTS.noTarget(vdev, target))
  const number = parseVdev(vdev)
  if (number === undefined) return failed(TEXTS.badVdev(domain.id, vdev))
  if (domain.vbds.has(number)) return failed(TEXTS.exists(domain.id))
  // Whatever is neither raw nor a device goes to a device model, whether there is one or not.
  const backEnd = format !== 'raw' || isDirectory ? 'qdisk' : 'phy'
  const refusal = machine.attach(domain, { vdev, number, target, access, backEnd })
  if (refusal === undefined) return ok()
  if (refusal === 'hung') return failed(TEXTS.scriptHung(domain.id, number))
  const refused = { id: domain.id, number, process: ++nextProcess, reason: refusal }
  return failed(TEXTS.scriptRefused(refused))
}

const DIRECTORIES = ['/srv', '/tmp', '/dev']

function blockDetach(machine: XenControl, args: readonly string[]): SimAnswer {
  const force = args.includes('-f') || args.includes('--force')
  const [text = '', device, ...rest] = args.filter(word => word !== '-f' && word !== '--force')
  if (device === undefined) return tooFew('block-detach', 2)
  if (rest.length > 0) return unsupported('block-detach', args)
  const domain = machine.domain(text)
  if (domain === undefined && !/^\d+$/.test(text)) return failed(TEXTS.noDomainToDetach(text))
  const number = /^\d+$/.test(device) ? Number(device) : parseVdev(device)
  if (number === undefined) return failed(TEXTS.notConnected(device))
  const vbd = domain?.vbds.get(number)
  if (domain === undefined || vbd === undefined) {
    const id = domain?.id ?? Number(text)
    return failed(TEXTS.notInStore(id, number) + TEXTS.notConnected(device))
  }
  const path = backEndPath(domain, vbd)
  return machine.detach(domain, vbd, { force }) === 'removed'
    ? ok()
    : failed(TEXTS.keptByGuest(domain.id, number, path))
}
