// The driver on a real Xen host: composed as its processes compose it, over the real OpenSSH. The
// controller works in dom0, the node plugins in the guests. Nothing is simulated.

import { stringify } from 'yaml'
import { type OpenShell, openRealShell } from '../../src/bin/compose/hosts.ts'
import { composeInstallation, type Installation } from '../../src/bin/compose/installation.ts'
import { composeNode } from '../../src/bin/compose/node.ts'
import { systemClock } from '../../src/clock.ts'
import {
  type ControllerConfig,
  parseControllerConfig,
  parseNodeConfig,
} from '../../src/config/config.ts'
import { silentLog } from '../../src/log.ts'
import { waitFor } from '../support/commands.ts'
import { GUESTS, type GuestName } from './domains.ts'
import type { XenHost } from './machine.ts'

/** The machine of the configuration; its guests are `x1/web` and so on. */
export const MACHINE = 'x1'
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

type Node = ReturnType<typeof composeNode>

export class XenInstallation {
  readonly #options: InstallationOptions
  readonly #started: Installation[] = []
  readonly #nodes: Node[] = []

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

  /** The controller's configuration, as its file would hold it. */
  configuration(): ControllerConfig {
    const { host, dataset, attachLimit } = this.#options
    const limit = attachLimit === undefined ? {} : { attachLimit }
    const file = {
      cluster: 'test',
      health: true,
      snapshotTopology: true,
      hosts: { 'x1-dom0': { ssh: host.access('dom0') } },
      machines: { [MACHINE]: { hypervisor: 'xen', controlDomain: 'x1-dom0' } },
      guests: [{ machine: MACHINE, match: '*', platform: 'linux', ...limit }],
      pools: {
        [POOL]: {
          design: 'local',
          host: 'x1-dom0',
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

  /** The node plugin of a guest, over SSH, just started. */
  node(guest: GuestName): Node {
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
    const surroundings = { openShell: openRealShell, log: silentLog, clock: systemClock }
    const node = composeNode(parseNodeConfig(stringify(file), 'node.yaml'), '1.2.3', surroundings)
    this.#nodes.push(node)
    return node
  }

  /** The disks that dom0 serves to a guest. Asks its store, not the driver. */
  async vbds(guest: GuestName): Promise<readonly Vbd[]> {
    const domid = await this.host.root(`xl domid ${guest}`)
    if (domid.status !== 0) return []
    const at = `/local/domain/0/backend/vbd/${domid.stdout.trim()}`
    const numbers = await this.host.root(`xenstore-list ${at}`)
    if (numbers.status !== 0) return []
    const found = numbers.stdout.trim().split('\n')
    return Promise.all(
      found.map(async number => {
        const keys = ['params', 'mode', 'frontend', 'state'].map(key => `${at}/${number}/${key}`)
        const answer = await this.host.succeed(`xenstore-read ${keys.join(' ')}`)
        const [params = '', mode = '', frontend = '', backState = ''] = answer.split('\n')
        const front = await this.host.root(`xenstore-read ${frontend}/state`)
        return {
          number: Number(number),
          params,
          mode,
          frontState: Number(front.stdout),
          backState: Number(backState),
        }
      }),
    )
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
