// The driver on a real storage host: composed as the controller's process composes it, over the
// real OpenSSH. The control domain and the guests are simulated, behind the simulator's SSH server;
// what they export and see has the bytes of the real zvols.

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { type Served, serve } from '../../sim/serve.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import type { World } from '../../sim/world.ts'
import { completeWorld, type WorldSpec } from '../../sim/world-spec.ts'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import { type OpenShell, openRealShell } from '../../src/bin/compose/hosts.ts'
import { composeInstallation, type Installation } from '../../src/bin/compose/installation.ts'
import { systemClock } from '../../src/clock.ts'
import { type ControllerConfig, parseControllerConfig } from '../../src/config/config.ts'
import { GuestVolumes } from '../../src/guest/guest-volumes.ts'
import { LinuxPlatform } from '../../src/guest/linux/linux.ts'
import { SolarisPlatform } from '../../src/guest/solaris/solaris.ts'
import { silentLog } from '../../src/log.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import { LocalShell } from '../../src/shell/local.ts'
import type { MachineAccess } from '../support/machines/access.ts'
import type { StorageMachine } from './machine.ts'
import { MACHINES, sharedMachine } from './shared.ts'
import { ZvolDevices } from './zvol-devices.ts'

/** Each storage host is a service domain of machine m1: design `local`. */
export type Home = 'storage' | 'second'

const hostOf = (home: Home) => `m1-${home}`

export interface InstallationOptions {
  readonly machine: StorageMachine
  /** Another storage host, to which the pool may move. */
  readonly second?: StorageMachine
  /** Parent of all volumes, made with the installation; nothing else may be in it. */
  readonly dataset: string
  /** Of the installation's own; its path has to be short, because a socket is in it. */
  readonly directory: string
  /** How the driver reaches the storage host; directly and as root if absent. */
  readonly access?: MachineAccess
}

/** What a person would change in the configuration. */
export interface ConfigurationChange {
  readonly home?: Home
  readonly dataset?: string
  /** How the driver reaches the pool's host. */
  readonly access?: MachineAccess
}

export class OpenZfsInstallation {
  readonly world: World
  /** What the simulated machine finds in `/dev/zvol` of a storage host. */
  readonly devices: Readonly<Record<Home, ZvolDevices>>
  readonly #served: Served
  readonly #options: InstallationOptions
  readonly #started = new Set<Installation>()

  private constructor(served: Served, options: InstallationOptions) {
    this.#served = served
    this.#options = options
    this.world = served.world
    const directory = join(options.directory, 'zvols')
    this.devices = {
      storage: new ZvolDevices(options.machine, directory),
      second: new ZvolDevices(options.second ?? options.machine, directory),
    }
    for (const [home, devices] of [
      ['storage', this.devices.storage],
      ['second', this.devices.second],
    ] as const) {
      this.world.host(hostOf(home)).devices.push(path => devices.find(path))
    }
  }

  static async start(options: InstallationOptions): Promise<OpenZfsInstallation> {
    const { machine, dataset, directory } = options
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    await machine.succeed(`zfs create -p ${dataset}`)
    const spec = worldAround(dataset)
    return new OpenZfsInstallation(
      await serve({ spec, directory, realBlockDevices: true }),
      options,
    )
  }

  /** On the machine that most test files share, with a dataset and a directory of this name. */
  static async onShared(name: string): Promise<OpenZfsInstallation> {
    const machine = await sharedMachine()
    const directory = join(MACHINES, name)
    return OpenZfsInstallation.start({ machine, dataset: `tank/${name}`, directory })
  }

  /** Its storage host. */
  get machine(): StorageMachine {
    return this.#options.machine
  }

  get dataset(): string {
    return this.#options.dataset
  }

  /** The controller's configuration, as its file would hold it. */
  configuration(change: ConfigurationChange = {}): ControllerConfig {
    const { home = 'storage', dataset = this.#options.dataset } = change
    const file = join(this.#options.directory, 'controller.yaml')
    const { hosts, pools: _pools, ...rest } = parse(readFileSync(file, 'utf8'))
    const { machine, second = machine } = this.#options
    const given = change.access ?? (home === 'storage' ? this.#options.access : undefined)
    const reached = { storage: machine.access(), second: second.access() }
    if (given !== undefined) reached[home] = given
    const storage = {
      [hostOf('storage')]: { ssh: reached.storage },
      [hostOf('second')]: { ssh: reached.second },
    }
    const pools = { silver: poolOn(home, dataset) }
    return parseControllerConfig(
      stringify({ ...rest, pools, hosts: { ...hosts, ...storage } }),
      file,
    )
  }

  /** A driver that has just started and remembers nothing. */
  async driver(
    config = this.configuration(),
    openShell: OpenShell = openRealShell,
  ): Promise<Installation> {
    const surroundings = { openShell, log: silentLog, clock: systemClock }
    const installation = composeInstallation(config, surroundings)
    this.#started.add(installation)
    await installation.resume()
    return installation
  }

  /** Ends one driver: those that only wait keep connections that the storage host has to serve. */
  async endDriver(driver: Installation): Promise<void> {
    this.#started.delete(driver)
    await driver.stop()
  }

  /** The node plugin's work in a guest. Linux has the real tools of this machine. */
  node(guestId: string): GuestVolumes {
    const found = this.world.guests.get(guestId)
    if (found === undefined) throw new Error(`the installation has no guest ${guestId}`)
    const { platform, host, kernelRoot: root } = found
    const reached = createHost({
      changes: ALL_CHANGES,
      name: guestId,
      shell: root === undefined ? new SimShell(host) : new LocalShell(),
      clock: systemClock,
    })
    return new GuestVolumes({
      platform:
        platform === 'linux'
          ? new LinuxPlatform({ shell: reached.shell, root })
          : new SolarisPlatform(reached.shell),
      host: reached,
      clock: systemClock,
    })
  }

  /** Ends the drivers and the simulation; removes the dataset with all that is in it. */
  async end(): Promise<void> {
    for (const driver of this.#started) await driver.stop()
    await this.#served.stop()
    for (const devices of Object.values(this.devices)) devices.dispose()
    const { machine, dataset, directory } = this.#options
    rmSync(directory, { recursive: true })
    // A zvol that was just closed is busy while udev looks at it.
    const destroy = `udevadm settle; zfs destroy -r ${dataset}`
    await machine.succeed(`for i in 1 2 3 4 5; do ${destroy} && exit; sleep 1; done; exit 1`)
  }
}

function worldAround(dataset: string): WorldSpec {
  const homes: readonly Home[] = ['storage', 'second']
  return completeWorld({
    hosts: { 'm1-control': {}, ...Object.fromEntries(homes.map(home => [hostOf(home), {}])) },
    machines: {
      m1: {
        controlDomain: 'm1-control',
        serviceDomains: Object.fromEntries(
          homes.map(home => [home, { host: hostOf(home), vds: [`${home}-vds0`] }]),
        ),
        guests: {
          ldg1: { platform: 'solaris' },
          ldg2: { platform: 'linux' },
          ldg3: { platform: 'linux' },
        },
      },
    },
    pools: { silver: poolOn('storage', dataset) },
  })
}

function poolOn(home: Home, dataset: string): object {
  const path = {
    machine: 'm1',
    serviceDomain: home,
    vds: `${home}-vds0`,
    device: '/dev/zvol/{dataset}/{volume}',
  }
  return { design: 'local', host: hostOf(home), dataset, paths: [path] }
}
