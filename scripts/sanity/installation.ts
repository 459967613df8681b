// The subject of csi-sanity: a simulated installation behind ssh, and the driver as two processes,
// all in one directory.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { SshTarget } from '../../src/shell/ssh/settings.ts'
import { SshShell } from '../../src/shell/ssh/ssh.ts'
import { Processes, run } from '../demo/processes.ts'
import { Simulation } from '../demo/simulation.ts'
import type { Setting } from './variants.ts'

const SIM = 'sim/bin/ldom-sim.ts'
const CSI = 'src/bin/ldom-csi.ts'

/** Solaris, because such a guest sees an attached disk grow. */
const GUEST = { machine: 'm1', guest: 'ldg1' }

/** As small as possible, because the suite fills the guest up to this limit. */
const ATTACH_LIMIT = 3

export interface Sockets {
  readonly controller: string
  readonly node: string
}

export class SanityInstallation {
  readonly directory: string
  readonly #simulation = new Processes()
  readonly #plugins = new Processes()
  readonly #logs: string[] = []

  constructor(directory: string) {
    this.directory = directory
  }

  /** Starts the simulation. Returns a shell in the guest, for the suite's own directories. */
  async start(): Promise<SshShell> {
    const directory = join(this.directory, 'sim')
    mkdirSync(directory)
    const file = join(directory, 'world.json')
    await this.#simulation.start(
      'ldom-sim',
      SIM,
      ['serve', '--preset', 'demo', '--directory', directory],
      {
        file,
        log: this.#log('ldom-sim'),
      },
    )
    const { node } = parse(readFileSync(this.#nodeFile, 'utf8')) as {
      node: { shell: { ssh: Omit<SshTarget, 'name'> } }
    }
    return new SshShell({ name: `${GUEST.machine}/${GUEST.guest}`, ...node.shell.ssh })
  }

  get #nodeFile(): string {
    return join(this.directory, 'sim', `node-${GUEST.machine}-${GUEST.guest}.yaml`)
  }

  /** Starts two new processes without any memory of earlier ones. */
  async startPlugins(setting: Setting): Promise<Sockets> {
    const directory = join(this.directory, `suite-${setting.suite}-health-${setting.health}`)
    mkdirSync(directory)
    const switches = {
      health: setting.health === 'on',
      snapshotTopology: setting.snapshotTopology === 'on',
    }
    const controller = parse(readFileSync(join(this.directory, 'sim', 'controller.yaml'), 'utf8'))
    for (const guest of controller.guests) guest.attachLimit = ATTACH_LIMIT
    const node = parse(readFileSync(this.#nodeFile, 'utf8'))
    node.node.attachLimit = ATTACH_LIMIT
    return {
      controller: await this.#startPlugin(directory, 'controller', { ...controller, ...switches }),
      node: await this.#startPlugin(directory, 'node', { ...node, ...switches }),
    }
  }

  async #startPlugin(
    directory: string,
    kind: 'controller' | 'node',
    config: object,
  ): Promise<string> {
    const file = join(directory, `${kind}.yaml`)
    writeFileSync(file, stringify(config))
    const socket = join(directory, `${kind}.sock`)
    const endpoint = `unix://${socket}`
    await this.#plugins.start(
      kind,
      CSI,
      [kind, '--config', file, '--endpoint', endpoint, '--log-level', 'debug'],
      {
        file: socket,
        log: this.#log(`${kind}-${setting(directory)}`),
      },
    )
    return endpoint
  }

  #log(name: string): string {
    const file = join(this.directory, `${name}.log`)
    this.#logs.push(file)
    return file
  }

  /**
   * What the suite left behind after its clean-up, as seen by the driver's own audit and in the
   * pools.
   */
  async findRemains(): Promise<readonly string[]> {
    const { storage } = await new Simulation(join(this.directory, 'sim', 'control.sock')).state()
    const datasets = Object.values(storage).flatMap(list => list.map(({ name }) => name))
    const ours = datasets
      .filter(name => /\/[av]-/.test(name))
      .map(name => `dataset ${name} is left`)
    const audit = await run(CSI, [
      'audit',
      '--config',
      join(this.directory, 'sim', 'controller.yaml'),
    ])
    return audit.status === 0 ? ours : [...ours, `audit:\n${audit.output}`]
  }

  /** Whether any output of the processes contains a text. */
  hasLogged(text: string): boolean {
    return this.#logs.some(file => readFileSync(file, 'utf8').includes(text))
  }

  stopPlugins(): Promise<void> {
    return this.#plugins.stop()
  }

  async stop(): Promise<void> {
    await this.#plugins.stop()
    await this.#simulation.stop()
  }
}

function setting(directory: string): string {
  return directory.slice(directory.lastIndexOf('/') + 1)
}
