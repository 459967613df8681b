// The `ldm` tool: arguments and answers of the subcommands that the driver uses, in the short
// spelling that every release has. It decides nothing. After a failed command the caller lists
// again to see whether it took effect.

import { StorageError } from '../../errors.ts'
import type { Command, CommandResult, Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import { formatRefusal, LDM_FAILURES, LDM_NOTICES } from './failures.ts'
import { type Domain, parseListing } from './listing.ts'

const LDM = '/usr/sbin/ldm'
/**
 * Saving to the service processor takes up to a minute (estimate), so its time limit is longer than
 * that of other writes.
 */
const SAVE_TIMEOUT_MS = 300_000

export interface NewVdsDevice {
  readonly name: string
  readonly vds: string
  readonly device: string
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  readonly mpgroup: string | undefined
  /** `-f`: the backend is already exported for another guest through the same service domain. */
  readonly alreadyExported: boolean
}

export interface NewVdisk {
  readonly name: string
  readonly guest: string
  readonly volume: { readonly name: string; readonly vds: string }
  readonly id: number
  readonly timeoutSeconds: number
}

/** A configuration on the service processor, with its marks: `current`, `next poweron`, … */
export interface SavedConfiguration {
  readonly name: string
  readonly marks: readonly string[]
}

export interface LdmOptions {
  readonly signal?: AbortSignal | undefined
}

export class Ldm {
  readonly #tool: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, LDM_FAILURES)
  }

  /** All domains with their devices and vdisks. No other listing shows the states of paths. */
  async listBindings(options: LdmOptions = {}): Promise<Domain[]> {
    return parseListing(
      (await this.#read([LDM, 'list-bindings', '-p'], 'list of domains', options)).stdout,
    )
  }

  async addVdsDevice(device: NewVdsDevice, options: LdmOptions = {}): Promise<void> {
    const volume = volumeName(device)
    const words = [
      ...(device.mode === 'ro' ? ['ro'] : []),
      ...(device.shape === 'slice' ? ['slice'] : []),
    ]
    const command: Command = [
      LDM,
      'add-vdsdev',
      ...(device.alreadyExported ? ['-f'] : []), // options come before properties
      ...(words.length > 0 ? [`options=${words.join(',')}`] : []),
      ...(device.mpgroup === undefined
        ? []
        : [`mpgroup=${checkedName('mpgroup', device.mpgroup)}`]),
      checkedDevice(device.device),
      volume,
    ]
    await this.#write(command, `device ${volume}`, options)
  }

  /** Fails with `in-use` while a vdisk uses the device. */
  async removeVdsDevice(
    device: { readonly name: string; readonly vds: string },
    options: LdmOptions = {},
  ): Promise<'removed' | 'absent'> {
    const volume = volumeName(device)
    return this.#remove([LDM, 'rm-vdsdev', volume], `device ${volume}`, options)
  }

  async addVdisk(vdisk: NewVdisk, options: LdmOptions = {}): Promise<void> {
    const name = checkedName('vdisk', vdisk.name)
    const command: Command = [
      LDM,
      'add-vdisk',
      ...(vdisk.timeoutSeconds > 0 ? [`timeout=${vdisk.timeoutSeconds}`] : []),
      `id=${vdisk.id}`, // without it ldm chooses the number at bind, and may change it at the next
      name,
      volumeName(vdisk.volume),
      checkedName('guest', vdisk.guest),
    ]
    await this.#write(command, `vdisk ${name} of guest ${vdisk.guest}`, options)
  }

  /**
   * Never forced. If the guest still uses the disk, fails with `busy` and the guest's own reasons.
   */
  async removeVdisk(
    vdisk: { readonly name: string; readonly guest: string },
    options: LdmOptions = {},
  ): Promise<'removed' | 'absent'> {
    const command: Command = [
      LDM,
      'rm-vdisk',
      checkedName('vdisk', vdisk.name),
      checkedName('guest', vdisk.guest),
    ]
    return this.#remove(command, `vdisk ${vdisk.name} of guest ${vdisk.guest}`, options)
  }

  async version(options: LdmOptions = {}): Promise<string> {
    const { stdout } = await this.#read([LDM, '-V'], 'version', options)
    // "Logical Domain Manager" in 1.2, "Logical Domains Manager" later.
    const version = /Logical Domains? Manager \(v ([0-9.]+)/.exec(stdout)?.[1]
    if (version === undefined) {
      throw new StorageError('internal', 'ldm -V: no version in its answer')
    }
    return version
  }

  async listConfigurations(options: LdmOptions = {}): Promise<SavedConfiguration[]> {
    const { stdout } = await this.#read([LDM, 'list-spconfig'], 'saved configurations', options)
    const configurations = parseConfigurations(stdout)
    // factory-default cannot be removed, so a listing without it is incomplete or not a listing.
    if (!configurations.some(({ name }) => name === 'factory-default')) {
      throw new StorageError('internal', 'ldm list-spconfig: factory-default is not in its answer')
    }
    return configurations
  }

  /**
   * Whether ldm's autosave of the running configuration is newer than the saved one (`[newer]`: 3.5
   * guide). If the answer does not list the configuration, this returns true.
   */
  async isAutosaveNewer(name: string, options: LdmOptions = {}): Promise<boolean> {
    const { stdout } = await this.#read(
      [LDM, 'list-spconfig', '-r'],
      'autosaved configurations',
      options,
    )
    const found = parseConfigurations(stdout).find(configuration => configuration.name === name)
    return found === undefined || found.marks.includes('newer')
  }

  /**
   * Saves the running configuration under a new name and makes it the one for the next power-on.
   * Slow.
   */
  async addConfiguration(name: string, options: LdmOptions = {}): Promise<void> {
    const command: Command = [LDM, 'add-spconfig', checkedName('configuration', name)]
    await this.#write(command, `configuration ${name}`, { ...options, timeoutMs: SAVE_TIMEOUT_MS })
  }

  async removeConfiguration(name: string, options: LdmOptions = {}): Promise<'removed' | 'absent'> {
    return this.#remove(
      [LDM, 'rm-spconfig', checkedName('configuration', name)],
      `configuration ${name}`,
      options,
    )
  }

  async #read(command: Command, about: string, { signal }: LdmOptions): Promise<CommandResult> {
    const result = await this.#tool.read(command, { about, signal })
    refuseNotice(result, LDM_NOTICES.slice(0, 1), about)
    return result
  }

  async #write(
    command: Command,
    about: string,
    options: LdmOptions & { readonly timeoutMs?: number },
  ): Promise<void> {
    refuseNotice(await this.#tool.write(command, { about, ...options }), LDM_NOTICES, about)
  }

  async #remove(
    command: Command,
    about: string,
    { signal }: LdmOptions,
  ): Promise<'removed' | 'absent'> {
    const result = await this.#tool.ask(command, { effect: 'write', signal })
    const row = this.#tool.rowOf(result)
    if (row?.kind === 'not-found') return 'absent'
    const reasons = row?.kind === 'busy' ? formatRefusal(result.stderr) : ''
    if (reasons !== '') throw new StorageError('busy', `${about}: the guest refuses: ${reasons}`)
    refuseNotice(this.#tool.accept(command, result, { about }), LDM_NOTICES, about)
    return 'removed'
  }
}

// Each mark has its own brackets (recalled). Several words in one pair of brackets are split too.
function marksOf(text: string): string[] {
  return [...text.matchAll(/\[([^\]]+)\]/g)].flatMap(mark =>
    (mark[1] ?? '').split(',').map(word => word.trim()),
  )
}

/**
 * Lines before the first configuration (a banner, a notice) are accepted, unknown lines after it
 * are not.
 */
function parseConfigurations(stdout: string): SavedConfiguration[] {
  const configurations: SavedConfiguration[] = []
  for (const line of stdout.split('\n')) {
    const match = /^(\S+)((?: \[[^\]]+\])*)\s*$/.exec(line)
    if (match) {
      configurations.push({ name: match[1] ?? '', marks: marksOf(match[2] ?? '') })
    } else if (line.trim() !== '' && configurations.length > 0) {
      throw new StorageError(
        'internal',
        `ldm list-spconfig: line not understood: ${JSON.stringify(line.slice(0, 80))}`,
      )
    }
  }
  return configurations
}

// Warnings with status 0 are harmless. These notices also have status 0, but mean that nothing was
// done.
function refuseNotice(result: CommandResult, rows: typeof LDM_NOTICES, object: string): void {
  const text = `${result.stderr}\n${result.stdout}`
  const row = rows.find(notice => notice.text.test(text))
  if (row) {
    throw new StorageError(
      row.kind,
      `${object}: ${row.text.exec(text)?.[0].replace(/\s+/g, ' ')} (${row.hint})`,
    )
  }
}

function volumeName(device: { readonly name: string; readonly vds: string }): string {
  return `${checkedName('device', device.name)}@${checkedName('vds', device.vds)}`
}

// The characters of names: Oracle VM Server for SPARC 3.4 guide, "Entering Names in the CLI". Names
// cannot start with a dash.
function checkedName(what: string, name: string): string {
  if (/^[A-Za-z0-9][-A-Za-z0-9_+#.:;~()]{0,255}$/.test(name)) return name
  throw new StorageError(
    'invalid-argument',
    `${what} ${JSON.stringify(name)}: not a name that ldm accepts`,
  )
}

// Listings quote nothing, so the driver could not read back a path with `|`, `=` or a line end.
function checkedDevice(path: string): string {
  if (/^\/[\x21-\x7e]*$/.test(path) && !/[|=]/.test(path)) return path
  throw new StorageError(
    'invalid-argument',
    `device path ${JSON.stringify(path)}: not a path that ldm can list`,
  )
}
