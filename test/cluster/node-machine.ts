// One node: containerd and a kubelet in a mount namespace of their own, which has its own /run,
// /var/lib and /var/log. So two nodes have the paths of every installation on one machine, and
// whatever they mount goes with the namespace.

import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, run, waitFor } from '../support/commands.ts'
import type { Daemons } from '../support/daemons.ts'
import { type Authority, CLIENT } from './certificates.ts'
import { cgroupProcesses, createCgroup, deleteCgroup } from './machine-settings.ts'
import { KUBELET_DIRECTORY, writeNodeFiles } from './node-files.ts'
import type { Programs } from './programs.ts'
import { API_SERVER, containerdSocket, type NodeSettings, nodeAddress } from './settings.ts'

/** Where a node has the kernel root of its guest: the devices that the simulation gives it. */
export const KERNEL_ROOT = '/var/lib/kernel-root'

// "$1" is the node's directory, "$2" the kernel root of its guest. Mounts go into
// containers, and come out of them, only below a shared mount.
const PREPARE = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
mount -t tmpfs tmpfs /var/lib
mkdir -p ${KUBELET_DIRECTORY} ${KERNEL_ROOT}
mount --bind "$1/kubelet" ${KUBELET_DIRECTORY}
mount --make-shared ${KUBELET_DIRECTORY}
mount --bind "$2" ${KERNEL_ROOT}
mount --make-shared ${KERNEL_ROOT}
mount --bind "$1/logs" /var/log
: >"$1/prepared"
exec sleep infinity`

export interface NodeParts {
  readonly daemons: Daemons
  readonly programs: Programs
  readonly authority: Authority
  readonly settings: NodeSettings
}

export class NodeMachine {
  readonly settings: NodeSettings
  readonly #daemons: Daemons
  readonly #programs: Programs
  readonly #authority: Authority

  constructor({ daemons, programs, authority, settings }: NodeParts) {
    this.settings = settings
    this.#daemons = daemons
    this.#programs = programs
    this.#authority = authority
  }

  /** Returns when containerd answers; images can then be imported. */
  async boot(kernelRoot: string): Promise<void> {
    const { name, directory, cgroup } = this.settings
    mkdirSync(directory, { recursive: true })
    await this.#authority.issue(`${name}-server`, `/CN=${name}`, [
      'extendedKeyUsage=serverAuth',
      `subjectAltName=DNS:${name},IP:${nodeAddress(this.settings)}`,
    ])
    await this.#authority.issue(name, `/O=system:nodes/CN=system:node:${name}`, [CLIENT])
    this.#authority.writeKubeconfig(join(directory, 'kubeconfig'), name, API_SERVER)
    writeNodeFiles(this.settings, this.#authority)
    createCgroup(cgroup)
    const prepared = join(directory, 'prepared')
    rmSync(prepared, { force: true })
    const own = ['unshare', '--mount', '--propagation', 'private']
    this.#daemons.start(this.#name('namespace'), [
      ...own,
      ...['sh', '-c', PREPARE, 'node', directory, kernelRoot],
    ])
    const log = this.#daemons.log(this.#name('namespace'))
    await waitFor({ what: `the mount namespace of ${name}, see ${log}` }, async () =>
      existsSync(prepared),
    )
    await this.#startContainerd()
  }

  startKubelet(): void {
    const { name, directory } = this.settings
    this.#startInside('kubelet', [
      this.#programs.kubelet,
      `--config=${join(directory, 'kubelet.yaml')}`,
      `--kubeconfig=${join(directory, 'kubeconfig')}`,
      `--root-dir=${KUBELET_DIRECTORY}`,
      `--cert-dir=${join(directory, 'certificates')}`,
      `--hostname-override=${name}`,
      `--node-ip=${nodeAddress(this.settings)}`,
    ])
  }

  async killKubelet(): Promise<void> {
    await this.#daemons.end(this.#name('kubelet'), 'SIGKILL')
  }

  /** Everything on the node ends at once, as when its machine loses power. */
  async die(): Promise<void> {
    const { cgroup, directory } = this.settings
    const holder = this.#daemons.pid(this.#name('namespace'))
    const namespace = holder === undefined ? undefined : namespaceOf(holder)
    await waitFor({ what: `the end of every process of ${this.settings.name}` }, async () => {
      const left = [
        ...cgroupProcesses(cgroup),
        ...(namespace === undefined ? [] : processesInNamespace(namespace)),
      ].filter(isAlive)
      for (const pid of left) kill(pid)
      return left.length === 0
    })
    for (const name of ['kubelet', 'containerd', 'namespace']) {
      await this.#daemons.end(this.#name(name), 'SIGKILL')
    }
    // What a machine forgets when it loses power.
    rmSync(join(directory, 'containerd/state'), { recursive: true, force: true })
  }

  async remove(): Promise<void> {
    await this.die()
    deleteCgroup(this.settings.cgroup)
  }

  async importImage(archive: string): Promise<void> {
    await this.#ctr(['images', 'import', '--all-platforms', archive])
  }

  /** Ends a container's process as a lack of memory would. */
  async killContainer(id: string): Promise<void> {
    await this.#ctr(['tasks', 'kill', '--signal', 'SIGKILL', id])
  }

  /** Runs a program with the node's mounts. */
  inside(argv: readonly string[]): Promise<string> {
    return run([...this.#enter(), ...argv])
  }

  async #startContainerd(): Promise<void> {
    const config = join(this.settings.directory, 'containerd.toml')
    this.#startInside('containerd', ['containerd', '--config', config, '--log-level', 'info'])
    const log = this.#daemons.log(this.#name('containerd'))
    const answers = ['ctr', '--address', containerdSocket(this.settings), 'version']
    await waitFor({ what: `containerd of ${this.settings.name}, see ${log}` }, async () =>
      (await attempt(answers)).includes('Server'),
    )
  }

  #ctr(args: readonly string[]): Promise<string> {
    return run(['ctr', '--address', containerdSocket(this.settings), '-n', 'k8s.io', ...args])
  }

  #startInside(name: string, argv: readonly string[]): void {
    this.#daemons.start(this.#name(name), [...this.#enter(), ...argv])
  }

  #enter(): readonly string[] {
    const holder = this.#daemons.pid(this.#name('namespace'))
    if (holder === undefined) throw new Error(`${this.settings.name} is not running`)
    return ['nsenter', `--mount=/proc/${holder}/ns/mnt`]
  }

  #name(part: string): string {
    return `${this.settings.name}-${part}`
  }
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`)
  } catch {
    return undefined // gone, or closed to this user
  }
}

function processesInNamespace(namespace: string): readonly number[] {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return all.map(Number).filter(pid => namespaceOf(pid) === namespace)
}

// A zombie has no namespace to ask for.
const isAlive = (pid: number) => namespaceOf(pid) !== undefined

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}
