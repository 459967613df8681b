// The subcommands of the simulated ldm that only read. print.ts formats their output.

import type { Arguments } from './arguments.ts'
import { findDomain } from './changes.ts'
import { CONTROL_DOMAIN, type DomainEntry } from './model.ts'
import {
  diskTable,
  domainRecord,
  domainTable,
  serviceRecords,
  uuidRecord,
  type View,
  vdiskRecords,
  versionLine,
} from './print.ts'
import { LdmFailure, TEXTS } from './texts.ts'

export type ListCommand = (args: Arguments, view: View) => string

export const listDomains: ListCommand = ({ flags, values, operands }, view) => {
  const domains = chosen(view, operands)
  const formats = values.has('o') ? (values.get('o') ?? '').split(',') : []
  const unknown = formats.find(format => !'disk'.startsWith(format) && !'domain'.startsWith(format))
  if (unknown !== undefined) {
    throw new LdmFailure(TEXTS.usage(`format ${unknown} is not in the simulation`))
  }
  const wantsDisks = formats.some(format => format !== '' && 'disk'.startsWith(format))
  const long = flags.has('l')
  if (!flags.has('p')) {
    const blocks = (domain: DomainEntry) =>
      (long ? `\nUUID\n    ${domain.uuid}\n` : '') +
      (wantsDisks ? `\n${diskTable(view, domain)}` : '')
    return long || wantsDisks
      ? domains.map(domain => domainTable(view, [domain]) + blocks(domain)).join('\n')
      : domainTable(view, domains)
  }
  const records = domains.map(domain => {
    const disks =
      long || wantsDisks
        ? serviceRecords(view, domain, 'plain') + vdiskRecords(view, domain, 'plain')
        : ''
    return (
      domainRecord(view, domain, long ? 'long' : 'short') + (long ? uuidRecord(domain) : '') + disks
    )
  })
  return versionLine(view) + records.join('')
}

export const listBindings: ListCommand = ({ flags, operands }, view) => {
  const domains = chosen(view, operands)
  if (!flags.has('p')) {
    return domains
      .map(domain => `${domainTable(view, [domain])}\n${diskTable(view, domain)}`)
      .join('\n')
  }
  const records = domains.map(domain =>
    [
      domainRecord(view, domain, 'bindings'),
      uuidRecord(domain),
      'CONTROL|failure-policy=ignore\n',
      view.running.isBound(domain)
        ? `MEMORY\n|ra=0x10000000|pa=0x50000000|size=${domain.memoryBytes}\n`
        : '',
      variableRecords(domain),
      serviceRecords(view, domain, 'bindings'),
      vdiskRecords(view, domain, 'bindings'),
      domain.name === CONTROL_DOMAIN || !view.running.isBound(domain) ? '' : consoleRecord(domain),
    ].join(''),
  )
  return versionLine(view) + records.join('')
}

export const listServices: ListCommand = ({ flags, operands }, view) => {
  if (!flags.has('p')) {
    throw new LdmFailure(TEXTS.usage('list-services prints only with -p in the simulation'))
  }
  return (
    versionLine(view) +
    chosen(view, operands)
      .map(domain => serviceRecords(view, domain, 'plain'))
      .join('')
  )
}

export const listConstraints: ListCommand = ({ flags, operands }, view) => {
  if (!flags.has('p')) {
    throw new LdmFailure(TEXTS.usage('list-constraints prints only with -p in the simulation'))
  }
  const records = chosen(view, operands).map(
    domain =>
      `DOMAIN|name=${domain.name}\n${uuidRecord(domain)}CONTROL|failure-policy=ignore\n${vdiskRecords(view, domain, 'plain')}`,
  )
  return versionLine(view) + records.join('')
}

/**
 * Recorded for 1.2. Later releases print "Domains" and a Hostconfig line; the rest of their output
 * is recalled.
 */
export function versionText({ settings }: View): string {
  if (settings.managerVersion === '1.2') {
    return [
      'Logical Domain Manager (v 1.2)',
      '   Hypervisor control protocol v 1.3',
      '   Using Hypervisor MD v 0.1',
      ' ',
      'System PROM:',
      '   Hypervisor  v. 1.7.0.    @(#)Hypervisor 1.7.0. 2008/11/19 10:20',
      '   OpenBoot    v. 4.30.0.   @(#)OBP 4.30.0. 2008/11/18 13:44',
      '',
    ].join('\n')
  }
  return [
    '',
    'Logical Domains Manager (v 3.6.2.0.48)',
    '\tHypervisor control protocol v 1.12',
    '\tUsing Hypervisor MD v 1.4',
    '',
    'System PROM:',
    '\tHostconfig      v. 1.9.4.       @(#)Hostconfig 1.9.4',
    '\tHypervisor      v. 1.20.4.      @(#)Hypervisor 1.20.4',
    '\tOpenBoot        v. 4.43.4       @(#)OpenBoot 4.43.4',
    '',
  ].join('\n')
}

// ldm prints a value unchanged, with all its lines: public parsers of `list-bindings -p` work
// around the lines of nvramrc.
function variableRecords({ variables }: DomainEntry): string {
  return `VARIABLES\n${[...variables].map(([name, value]) => `|${name}=${value}\n`).join('')}`
}

function consoleRecord(domain: DomainEntry): string {
  return `VCONS|group=${domain.name}|port=${domain.console}|service=primary-vcc0@primary\n`
}

function chosen({ running }: View, names: readonly string[]): DomainEntry[] {
  return names.length === 0 ? running.domains : names.map(name => findDomain(running, name))
}
