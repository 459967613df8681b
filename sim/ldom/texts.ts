// The messages of the simulated ldm. "recorded": printed in a vendor manual or seen on a machine;
// the transcript is in test/transcripts/ldm. "words": the text is not published, but it has the
// words that public automation for ldm matches. "recalled": neither.

/** A command that ends with status 1 and this text on standard error. */
export class LdmFailure extends Error {}

export const TEXTS = {
  // recorded: Oracle VM Server for SPARC 3.4 guide, "Entering Names in the CLI"
  nameTooLong: (name: string) => `Warning: Device name ${name} is too long to create devalias\n`,
  invalidConfigurationName: () =>
    'Error: Operation failed because an invalid configuration name was given\n',
  // recorded: 3.2 and 3.4 guides, "Using Logical Domain Channels"
  channelsExhausted: (wanted: number, domain: string, available: number) =>
    `${wanted} additional LDCs are required on guest ${domain} to meet this request,\nbut only ` +
    `${available} LDCs are available\n`,
  // recorded: LDoms 1.1 guide, chapter 6
  exportedTwice: (device: string, domain: string) =>
    `Warning: “${device}” is already in use by one or more servers in guest “${domain}”\n`,
  // recorded: Logical Domains 1.2 guide, chapter 4
  delayedInitiate: (domain: string) =>
    `Initiating delayed reconfigure operation on LDom ${domain}. All\nconfiguration changes for ` +
    'other LDoms are disabled until the\nLDom reboots, at which time the new configuration ' +
    `for LDom\n${domain} will also take effect.\n`,
  delayedPending: (domain: string) =>
    `Notice: LDom ${domain} is in the process of a delayed\nreconfiguration. Any changes made ` +
    'to this LDom will only take\neffect after it reboots.\n',
  configurationMode: () =>
    'Notice: the LDom Manager is running in configuration mode. Any \nconfiguration changes ' +
    'made will only take effect after the machine\nconfiguration is downloaded to the system ' +
    'controller and the host\nis reset.\n',
  // recorded: public tutorial
  started: (domain: string) => `LDom ${domain} started\n`,
  stopped: (domain: string) => `LDom ${domain} stopped\n`, // recalled

  // words
  unknownDomain: (domain: string) => `LDom "${domain}" was not found\n`,
  volumeExists: (volume: string, vds: string) =>
    `Error: Volume ${volume} already exists in vds ${vds}\n`,
  unknownVolume: (volume: string, vds: string) => `Error: Volume ${volume}@${vds} does not exist\n`,
  volumeAttached: (volume: string, vdisk: string, domain: string) =>
    `Error: Volume ${volume} is attached to vdisk ${vdisk} of domain ${domain}\n`,
  needsForce: (device: string, volume: string, vds: string) =>
    `Error: Path ${device} is already in use by volume ${volume} in vds ${vds}; use -f to ` +
    'override\n',
  otherDomainDelayed: () =>
    'Error: LDom primary is in the process of a delayed reconfiguration. Changes to other LDoms ' +
    'are disabled until it reboots.\n',

  // recalled
  unknownServer: (vds: string) => `Error: Service ${vds} does not exist\n`,
  serverExists: (vds: string) => `Error: Service ${vds} already exists\n`,
  serverInUse: (vds: string) => `Error: Service ${vds} is attached to by a device\n`,
  exclusive: (device: string, volume: string, vds: string) =>
    `Error: Path ${device} is already in use by volume ${volume} in vds ${vds} with the excl ` +
    'option\n',
  missingBackend: (device: string, domain: string) =>
    `Error: Path ${device} is not valid on service domain ${domain}\n`,
  groupTwice: (group: string, vds: string) =>
    `Error: Volume with mpgroup ${group} already exists in vds ${vds}\n`,
  volumeBound: (volume: string, vdisk: string, domain: string) =>
    `Error: Volume ${volume} is attached to vdisk ${vdisk} of domain ${domain}, which must be ` +
    'unbound first\n',
  vdiskExists: (vdisk: string, domain: string) =>
    `Error: Vdisk ${vdisk} already exists in domain ${domain}\n`,
  unknownVdisk: (vdisk: string, domain: string) =>
    `Error: Vdisk ${vdisk} does not exist in domain ${domain}\n`,
  numberTaken: (id: number, domain: string) =>
    `Error: Disk ID ${id} is already in use in domain ${domain}\n`,
  noSystem: (domain: string) =>
    `Error: LDom ${domain} is not responding; its disks cannot be changed now\n`,
  noDynamicDisks: (domain: string) =>
    `Error: LDom ${domain} does not support dynamic reconfiguration of virtual I/O devices\n`,
  refused: (table: string) =>
    `Guest LDom returned the following reason for failing the operation:\n${table}\n\n`,
  notRemoved: (vdisk: string, domain: string) =>
    `Error: Vdisk ${vdisk} could not be removed from domain ${domain}\n`,
  migrating: (domain: string) => `Error: LDom ${domain} is being migrated\n`,
  busy: (domain: string) => `Error: LDom ${domain} is busy\n`,
  wrongState: (domain: string, wanted: string) => `Error: LDom ${domain} is not ${wanted}\n`,
  badName: (name: string) => `Error: Invalid name ${name}\n`,
  configurationExists: (name: string) => `Error: Configuration ${name} already exists\n`,
  unknownConfiguration: (name: string) => `Error: Configuration ${name} does not exist\n`,
  factoryDefault: () => 'Error: Configuration factory-default cannot be removed\n',
  noReconfiguration: () => 'Error: LDom primary is not in delayed reconfiguration\n',
  unauthorised: () => 'Error: You are not authorized to perform this operation\n',
  newerAutosave: (name: string) =>
    `Notice: An autosave configuration newer than the SP configuration ${name} exists. Use "ldm ` +
    `add-spconfig -r" to recover it.\n`,
  usage: (message: string) => `Error: ${message}\n`,
}

/**
 * The table in which a guest's resource coordinator gives its reasons. Layout (source: illumos
 * drd_rcm.c): a column is as wide as its widest cell, or one more if the heading cannot be centred.
 * Two blanks separate columns, and no newline follows the last row.
 */
export function formatReasons(
  rows: readonly { readonly resource: string; readonly information: string }[],
): string {
  const width = (heading: string, cells: readonly string[]) => {
    const widest = Math.max(heading.length, ...cells.map(cell => cell.length))
    return widest + ((widest - heading.length) % 2)
  }
  const center = (heading: string, columns: number) => {
    const side = ' '.repeat((columns - heading.length) / 2)
    return `${side}${heading}${side}`
  }
  const first = width(
    'Resource',
    rows.map(row => row.resource),
  )
  const second = width(
    'Information',
    rows.map(row => row.information),
  )
  const body = rows.map(row => `${row.resource.padEnd(first)}  ${row.information.padEnd(second)}`)
  return [
    '',
    `${center('Resource', first)}  ${center('Information', second)}`,
    `${'-'.repeat(first)}  ${'-'.repeat(second)}`,
    ...body,
  ].join('\n')
}
