// The stage of the demo: its directory, processes and guests. The parts use it to run `ldom-csi`
// and to inspect the world.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type DemoGuest, realGuest, simulatedGuest } from './guests.ts'
import { type Outcome, Processes, run } from './processes.ts'
import type { Report } from './report.ts'
import { Simulation, type WorldState } from './simulation.ts'

const CSI = 'src/bin/ldom-csi.ts'
const SIM = 'sim/bin/ldom-sim.ts'
export const LINUX = 'm1/ldg2'
export const SOLARIS = 'm1/ldg1'
export const XEN_GUEST = 'x1/web'

/** An installation that the simulator has ready, and the guests of it that get disks. */
interface Setting {
  readonly preset: 'demo' | 'xen'
  readonly linux: string
  /** With `linux`. */
  readonly guests: readonly string[]
  /** Whether a mounted file system grows. */
  readonly grows: boolean
}

export const LDOMS: Setting = {
  preset: 'demo',
  linux: LINUX,
  guests: [SOLARIS, LINUX],
  grows: false,
}
export const XEN: Setting = { preset: 'xen', linux: XEN_GUEST, guests: [XEN_GUEST], grows: true }

export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'ldom-csi-demo-'))
  readonly setting: Setting
  readonly report: Report
  readonly simulation = new Simulation(join(this.directory, 'sim', 'control.sock'))
  readonly hasRealBlockDevices: boolean
  readonly solaris: DemoGuest = simulatedGuest(this.simulation, SOLARIS)
  readonly linux: DemoGuest
  readonly #processes = new Processes()

  constructor(setting: Setting, report: Report) {
    this.setting = setting
    this.report = report
    this.hasRealBlockDevices = canUseBlockDevices() && (!setting.grows || canGrowMounted())
    this.linux = this.hasRealBlockDevices
      ? realGuest(setting.linux, join(this.directory, 'guest'))
      : simulatedGuest(this.simulation, setting.linux)
  }

  async startSimulation(): Promise<void> {
    const { preset } = this.setting
    const sim = ['serve', '--preset', preset, '--directory', join(this.directory, 'sim')]
    await this.#processes.start(
      'ldom-sim',
      SIM,
      [...sim, ...(this.hasRealBlockDevices ? ['--real-block-devices'] : [])],
      {
        file: join(this.directory, 'sim/world.json'),
        log: join(this.directory, 'sim.log'),
      },
    )
  }

  async #startPlugin(name: string, args: readonly string[]): Promise<void> {
    const socket = this.#socketOf(name)
    const ready = { file: socket, log: join(this.directory, `${name}.log`) }
    await this.#processes.start(name, CSI, [...args, '--endpoint', `unix://${socket}`], ready)
    this.report.say(`${name}: ${socket}`)
  }

  /** The controller, and the node plugin of each guest. */
  async startPlugins(): Promise<void> {
    this.#writeControllerFile()
    await this.#startPlugin('controller', ['controller', '--config', this.controllerFile])
    for (const guest of this.setting.guests) {
      const file = join(this.directory, `sim/node-${guest.replace('/', '-')}.yaml`)
      await this.#startPlugin(pluginOf(guest), ['node', '--config', file])
    }
  }

  get controllerFile(): string {
    return join(this.directory, 'controller.yaml')
  }

  /**
   * The simulator's configuration, without saving: the power cycle must find nothing saved, however
   * slow this machine is.
   */
  #writeControllerFile(): void {
    const config: { machines: Record<string, object> } = parse(
      readFileSync(join(this.directory, 'sim/controller.yaml'), 'utf8'),
    )
    // Xen has nothing to save.
    for (const machine of Object.values(config.machines)) {
      if (!('hypervisor' in machine)) Object.assign(machine, { saveConfiguration: false })
    }
    writeFileSync(this.controllerFile, stringify(config))
  }

  /** Runs a command that reads the controller's configuration. */
  inspect(
    command: string,
    more: readonly string[] = [],
    show?: (line: string) => void,
  ): Promise<Outcome> {
    return run(CSI, [command, '--config', this.controllerFile, ...more], show)
  }

  async apply(files: readonly string[], more: readonly string[] = []): Promise<void> {
    const args = [
      ...files.flatMap(file => ['-f', file]),
      ...['--controller', this.#socketOf('controller')],
      ...this.setting.guests.flatMap(guest => [
        '--node',
        `${guest}=${this.#socketOf(pluginOf(guest))}`,
      ]),
      ...(this.hasRealBlockDevices
        ? ['--staging-directory', join(this.directory, 'guest/staging')]
        : []),
    ]
    const { status } = await run(CSI, ['apply', ...more, ...args], line => this.report.say(line))
    this.report.check(`apply ${[...more, ''].join(' ')}ends with status 0`, status === 0)
  }

  /**
   * Documents of an example, by default all. With real mounts the root of the Linux guest is this
   * machine's, so its paths move below the stage.
   */
  example(name: string, documents?: { readonly from: number; readonly to: number }): string {
    const parts = readFileSync(join('examples', name), 'utf8').split(/^---$/m)
    const text = parts.slice(documents?.from, documents?.to).join('---')
    const moved = text.replaceAll(
      /mount-path: (\/srv\/\S+)/g,
      (_, path: string) => `mount-path: ${this.inLinux(path)}`,
    )
    const file = join(
      this.directory,
      documents === undefined ? name : `${documents.from}-${documents.to}-${name}`,
    )
    writeFileSync(file, moved)
    return file
  }

  /** The path of the Linux guest as the demo's own programs reach it. */
  inLinux(path: string): string {
    return this.hasRealBlockDevices ? join(this.directory, 'guest', path) : path
  }

  async expectNothingToAudit(): Promise<void> {
    const { status } = await this.inspect('audit', [], line => this.report.say(`audit: ${line}`))
    this.report.check('ldom-csi audit finds nothing', status === 0)
  }

  state(): Promise<WorldState> {
    return this.simulation.state()
  }

  async writeAndRead(guest: DemoGuest, path: string, text: string): Promise<void> {
    await guest.write(path, text)
    await this.expectText(guest, path, text)
  }

  async expectText(guest: DemoGuest, path: string, text: string): Promise<void> {
    const found = await guest.read(path).catch(error => `${error}`)
    this.report.check(`${guest.id} reads ${path}`, found === text, JSON.stringify(found))
  }

  async cleanUp(status: number): Promise<void> {
    if (this.hasRealBlockDevices) {
      await this.linux.losePower().catch(error => console.error(`clean-up: ${error}`))
    }
    await this.#processes.stop()
    if (status === 0) rmSync(this.directory, { recursive: true })
    else console.error(`\nLogs are kept in ${this.directory}`)
  }

  #socketOf(name: string): string {
    return join(this.directory, `${name}.sock`)
  }
}

/** The name of a guest's node plugin on the stage. */
const pluginOf = (guest: string) => guest.split('/')[1] ?? guest

/** To grow a mounted ext4 needs CAP_SYS_RESOURCE (24), which root of a container may lack. */
function canGrowMounted(): boolean {
  const effective = /^CapEff:\t(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return (BigInt(`0x${effective ?? 0}`) & (1n << 24n)) !== 0n
}

function canUseBlockDevices(): boolean {
  if (
    process.getuid?.() !== 0 ||
    process.platform !== 'linux' ||
    !existsSync('/dev/loop-control')
  ) {
    return false
  }
  try {
    for (const program of ['losetup', 'mkfs.ext4', 'mknod', 'umount']) {
      execFileSync('/bin/sh', ['-c', `command -v ${program}`])
    }
    execFileSync('losetup', ['--find'])
    return true
  } catch {
    return false // a container without loop devices
  }
}
