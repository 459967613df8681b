// The test cluster as a whole: a control plane, two nodes, and the simulated installation whose
// guests they are. It ends only what it started.

import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, run, waitFor } from '../support/commands.ts'
import { Daemons } from '../support/daemons.ts'
import { Authority } from './certificates.ts'
import { startControlPlane } from './control-plane.ts'
import { makeImages } from './images.ts'
import { Kubectl } from './kubectl.ts'
import { restoreSysctls, saveSysctls } from './machine-settings.ts'
import { createBridges, deleteBridges } from './network.ts'
import { NodeMachine } from './node-machine.ts'
import { buildPrograms, type Programs } from './programs.ts'
import { ADMIN, NODES, type NodeName, PKI, STATE } from './settings.ts'
import { Simulation } from './simulation.ts'

const DRIVER_IMAGE = join(import.meta.dirname, '../../build/ldom-csi-image.tar')

const NEEDED = [
  'containerd',
  'runc',
  'ctr',
  'socat',
  'openssl',
  'ip',
  'losetup',
  'mkfs.ext4',
  'fsfreeze',
]
const FILES = ['/usr/lib/cni/bridge', '/usr/lib/cni/host-local', '/bin/busybox']

export class Cluster {
  readonly kubectl: Kubectl
  readonly programs: Programs
  readonly #daemons: Daemons
  readonly #authority: Authority

  private constructor(programs: Programs) {
    this.programs = programs
    this.#daemons = new Daemons(STATE)
    this.#authority = new Authority(PKI)
    const access = { binary: programs.kubectl, kubeconfig: ADMIN }
    this.kubectl = new Kubectl({ ...access, namespace: 'default' })
  }

  /** The one that runs, or that is to be started. Builds what is missing. */
  static async open(): Promise<Cluster> {
    await checkMachine()
    return new Cluster(await buildPrograms())
  }

  get simulation(): Simulation {
    return new Simulation()
  }

  node(name: NodeName): NodeMachine {
    const settings = NODES.find(node => node.name === name)
    if (settings === undefined) throw new Error(`no node ${name}`)
    const { programs } = this
    return new NodeMachine({
      daemons: this.#daemons,
      programs,
      authority: this.#authority,
      settings,
    })
  }

  async start(): Promise<void> {
    if (this.#daemons.isRunning('etcd')) {
      throw new Error(`a test cluster runs already in ${STATE}; stop it first`)
    }
    if (!existsSync(DRIVER_IMAGE)) {
      throw new Error(`${DRIVER_IMAGE} is missing; make it with: npm run build && npm run image`)
    }
    removeState()
    mkdirSync(STATE, { mode: 0o755 })
    saveSysctls()
    const archive = makeImages(this.programs)
    await createBridges()
    const { programs } = this
    const parts = { daemons: new Daemons(STATE), programs, authority: new Authority(PKI) }
    const [simulation] = await Promise.all([
      Simulation.start(parts.daemons),
      startControlPlane(parts),
    ])
    for (const { name, guest } of NODES) {
      const node = this.node(name)
      await node.boot(simulation.kernelRoot(guest))
      for (const image of [await archive, DRIVER_IMAGE]) await node.importImage(image)
      node.startKubelet()
    }
    await this.#untilReady()
  }

  /** A node that died: what it had on its disk is still there. */
  async bootAgain(name: NodeName): Promise<void> {
    const node = this.node(name)
    await node.boot(this.simulation.kernelRoot(node.settings.guest))
    node.startKubelet()
  }

  async #untilReady(): Promise<void> {
    for (const { name } of NODES) {
      await waitFor({ what: `node ${name}`, limitMs: 180_000 }, () =>
        this.kubectl.wait(`node/${name}`, 'condition=Ready', 1000).then(() => true),
      )
    }
    await waitFor({ what: 'the default service account' }, () =>
      this.kubectl.exists('serviceaccount', 'default'),
    )
  }

  /** Ends everything and removes what it made, whatever state it is in. */
  async stop(): Promise<void> {
    for (const { name } of NODES) await this.node(name).remove()
    for (const name of this.#daemons.names()) await this.#daemons.end(name)
    await Simulation.remove()
    await detachLeftLoops()
    await deleteBridges()
    restoreSysctls()
    removeState()
  }
}

/** What a process of a pod has just left may be busy for a moment. */
function removeState(): void {
  rmSync(STATE, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 })
}

async function checkMachine(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('the test cluster needs root on Linux')
  }
  for (const program of NEEDED) {
    await run(['sh', '-c', 'command -v "$0"', program]).catch(() => {
      throw new Error(`the test cluster needs ${program}`)
    })
  }
  const missing = FILES.find(file => !existsSync(file))
  if (missing !== undefined) throw new Error(`the test cluster needs ${missing}`)
}

/** Of a simulation that could not end in peace. */
async function detachLeftLoops(): Promise<void> {
  const listed = await attempt(['losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE'])
  for (const line of listed.split('\n')) {
    const [device = '', file = ''] = line.trim().split(/\s+/)
    if (file.startsWith(`${STATE}/`)) await attempt(['losetup', '--detach', device])
  }
}
