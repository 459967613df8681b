// The driver on a real Xen host: composed as its processes compose it, over the real OpenSSH. The
// controller works in dom0, the node plugins in the guests. Nothing is simulated.

import { stringify } from 'yaml'
import { type OpenShell, openRealShell } from '../../src/bin/compose/hosts.ts'
import { composeInstallation, type Installation } from '../../src/bin/compose/installation.ts'
import { composeNode } from '../../src/bin/compose/node.ts'
import { systemClock } from '../../src/clock.ts'
import {
  type ControllerConfig,
  type NodeConfig,
  parseControllerConfig,
  parseNodeConfig,
} from '../../src/config/config.ts'
import { silentLog } from '../../src/log.ts'
import type { Shell } from '../../src/shell/shell.ts'
import { waitFor } from '../support/commands.ts'
import { GUESTS, type GuestName } from './domains.ts'
import type { XenHost } from './machine.ts'

/** The machine of the configuration; its guests are `x1/web` and so on. */
export const MACHINE = 'x1'
/** dom0 in the configuration. */
export const CONTROL_HOST = 'x1-dom0'
/** The pool of the configuration. */
export const POOL = 'silver'

export interface InstallationOptions {
  readonly host: XenHost
  /** Parent of all volumes, made with the installation; nothing else may be in it. */
  readonly dataset: string
  /** Of every guest; the driver's own default if absent. */
  readonly attachLimit?: number
}

/** A disk of a guest, as dom0's store has it. */
export interface Vbd {
  readonly number: number
  readonly params: string
  readonly mode: string
  readonly frontState: number
  readonly backState: number
}

// In one go, because each command takes a while in emulation. A guest that does not run has none.
const LIST_VBDS = `
read guest
id=$(xl domid $guest 2>/dev/null) || exit 0
at=/local/domain/0/backend/vbd/$id
for number in $(xenstore-list $at 2>/dev/null); do
  back=$(xenstore-read $at/$number/params $at/$number/mode $at/$number/state)
  echo $number $back $(xenstore-read $(xenstore-read $at/$number/frontend)/state)
done
`

type Node = ReturnType<typeof composeNode>

export class XenInstallation {
  readonly #options: InstallationOptions
  readonly #started: Installation[] = []
  readonly #nodes: Pick<Node, 'stop'>[] = []

  private constructor(options: InstallationOptions) {
    this.#options = options
  }

  static async start(options: InstallationOptions): Promise<XenInstallation> {
    await options.host.succeed(`zfs create -p ${options.dataset}`)
    return new XenInstallation(options)
  }

  get host(): XenHost {
    return this.#options.host
  }

  get dataset(): string {
    return this.#options.dataset
  }

  /** The controller's configuration, as its file would hold it. */
  configuration(): ControllerConfig {
    const { host, dataset, attachLimit } = this.#options
    const limit = attachLimit === undefined ? {} : { attachLimit }
    const file = {
      cluster: 'test',
      health: true,
      snapshotTopology: true,
      hosts: { [CONTROL_HOST]: { ssh: host.access('dom0') } },
      machines: { [MACHINE]: { hypervisor: 'xen', controlDomain: CONTROL_HOST } },
      guests: [{ machine: MACHINE, match: '*', platform: 'linux', ...limit }],
      pools: {
        [POOL]: {
          design: 'local',
          host: CONTROL_HOST,
          dataset,
          paths: [{ machine: MACHINE, device: '/dev/zvol/{dataset}/{volume}' }],
        },
      },
    }
    return parseControllerConfig(stringify(file), 'controller.yaml')
  }

  /** A driver that has just started and remembers nothing. */
  async driver(openShell: OpenShell = openRealShell): Promise<Installation> {
    const surroundings = { openShell, log: silentLog, clock: systemClock }
    const installation = composeInstallation(this.configuration(), surroundings)
    this.#started.push(installation)
    await installation.resume()
    return installation
  }

  /** The driver's own way to a guest. */
  guestShell(guest: GuestName): Shell {
    const { shell: way, prefix } = this.#nodeConfiguration(guest)
    const { shell, close } = openRealShell({ name: `${MACHINE}/${guest}`, shell: way, prefix })
    this.#nodes.push({ stop: async () => close() })
    return shell
  }

  /** The node plugin of a guest, over SSH, just started. */
  node(guest: GuestName): Node {
    const surroundings = { openShell: openRealShell, log: silentLog, clock: systemClock }
    const node = composeNode(this.#nodeConfiguration(guest), '1.2.3', surroundings)
    this.#nodes.push(node)
    return node
  }

  #nodeConfiguration(guest: GuestName): NodeConfig {
    const { host, attachLimit } = this.#options
    const limit = attachLimit === undefined ? {} : { attachLimit }
    const file = {
      cluster: 'test',
      health: true,
      snapshotTopology: true,
      node: {
        machine: MACHINE,
        guest,
        hypervisor: 'xen',
        platform: 'linux',
        shell: { ssh: host.access(guest) },
        ...limit,
      },
    }
    return parseNodeConfig(stringify(file), 'node.yaml')
  }

  /** The disks that dom0 serves to a guest. Asks its store, not the driver. */
  async vbds(guest: GuestName): Promise<readonly Vbd[]> {
    const lines = (await this.host.succeed(LIST_VBDS, `${guest}\n`)).trimEnd().split('\n')
    return lines
      .filter(line => line !== '')
      .map(line => {
        const [number, params = '', mode = '', backState, frontState] = line.split(' ')
        return {
          ...{ number: Number(number), params, mode },
          ...{ frontState: Number(frontState), backState: Number(backState) },
        }
      })
  }

  /** Everything below the parent, as `zfs list` of dom0 names it. */
  async datasets(): Promise<readonly string[]> {
    const { dataset } = this.#options
    const list = await this.host.succeed(`zfs list -H -r -o name -t all ${dataset}`)
    return list
      .trimEnd()
      .split('\n')
      .filter(name => name.startsWith(`${dataset}/`))
  }

  /** Ends the drivers, takes what is left from the guests, and removes the dataset. */
  async end(): Promise<void> {
    for (const { stop } of [...this.#started, ...this.#nodes]) await stop()
    for (const guest of GUESTS) await this.#takeAll(guest)
    const destroy = `udevadm settle; zfs destroy -R ${this.#options.dataset}`
    await waitFor({ what: 'the removal of the volumes' }, async () => {
      return (await this.host.root(destroy)).status === 0
    })
  }

  async #takeAll(guest: GuestName): Promise<void> {
    const vbds = await this.vbds(guest)
    if (vbds.length === 0) return
    await this.host.root(`xl unpause ${guest}`)
    await this.host.root('umount -a -t ext4,xfs', '', guest)
    for (const { number } of vbds) await this.host.root(`xl block-detach ${guest} ${number}`)
  }
}
