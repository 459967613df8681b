// The mount table of a Linux guest: reading and changing it.

import type { Command, Shell } from '../../shell/shell.ts'
import { isNotFound, Tool } from '../../shell/tool.ts'
import { Paths } from '../paths.ts'
import type { GuestDevice, MountRequest, Mounts, UseTable } from '../platform.ts'
import type { LinuxBus } from './bus.ts'
import { LINUX_FAILURES, UMOUNT_FAILURES } from './failures.ts'
import { checkType } from './file-systems.ts'
import { BLOCKDEV } from './sysfs.ts'
import { LinuxUses, parseMountInfo } from './tables.ts'

const MOUNT = '/bin/mount'
const UMOUNT = '/bin/umount'
const READLINK = '/bin/readlink'

export class LinuxMounts implements Mounts {
  readonly #paths: Paths
  readonly #tool: Tool
  readonly #umount: Tool
  readonly #bus: LinuxBus

  constructor(shell: Shell, bus: LinuxBus) {
    this.#bus = bus
    this.#paths = new Paths(shell)
    this.#tool = new Tool(shell, LINUX_FAILURES)
    this.#umount = new Tool(shell, UMOUNT_FAILURES)
  }

  async readUses(signal?: AbortSignal): Promise<UseTable> {
    const command: Command = ['/bin/cat', '/proc/self/mountinfo']
    const text = await this.#tool.read(command, { about: 'mount table', signal })
    return new LinuxUses(parseMountInfo(text.stdout), this.#bus)
  }

  async resolvePath(path: string, signal?: AbortSignal): Promise<string> {
    // As the mount table will spell it, even if some directories do not exist yet.
    const result = await this.#tool.ask([READLINK, '-m', path], { effect: 'read', signal })
    const line = result.stdout.split('\n').findLast(at => at !== '')
    return result.exitStatus === 0 && line?.startsWith('/') ? line : path
  }

  async mount(device: GuestDevice, request: MountRequest, signal?: AbortSignal): Promise<void> {
    const { blockPath } = device
    const kind = checkType(request.type)
    const options = [request.readonly ? 'ro' : 'rw', ...request.options]
    // A mount writes to the disk to replay a log, even a read-only mount. Without the replay,
    // synced data is missing. sunvdc does not learn from the export that the disk is read-only
    // (drivers/block/sunvdc.c). With --setro the kernel decides: it mounts a clean file system
    // without writing, and refuses one with a log.
    if (request.diskReadonly) {
      await this.#tool.write([BLOCKDEV, '--setro', blockPath], { about: blockPath, signal })
    }
    // A copy has the identity of its original. xfs refuses to mount the second of two equal
    // identities, in either order.
    if (request.copy && kind === 'xfs') options.push('nouuid')
    await this.#tool.write([MOUNT, '-t', kind, '-o', options.join(','), blockPath, request.path], {
      about: blockPath,
      signal,
    })
  }

  async bindFileSystem(
    request: { source: string; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#bind(request, signal)
  }

  // A read-only bind protects the node from being replaced. Only a read-only attachment protects
  // the bytes.
  async bindDevice(
    { device, target, readonly }: { device: GuestDevice; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#paths.ensureFile(target, signal)
    await this.#bind({ source: device.blockPath, target, readonly }, signal)
  }

  // Uses one command, so that an interrupted call cannot leave a writable mount where a read-only
  // one was asked for. The second command is for mount before util-linux 2.27, which ignores `ro`
  // here (mount(8)).
  async #bind(
    { source, target, readonly }: { source: string; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    const call = { about: target, signal }
    await this.#tool.write([MOUNT, '-o', readonly ? 'bind,ro' : 'bind', source, target], call)
    if (readonly && (await this.readUses(signal)).at(target)?.readonly === false) {
      await this.#tool.write([MOUNT, '-o', 'remount,bind,ro', target], call)
    }
  }

  async readDeviceAt(path: string, signal?: AbortSignal): Promise<string | undefined> {
    const entry = await this.#paths.readEntry(path, signal)
    return entry.kind === 'device' ? path : undefined
  }

  async unmount(path: string, signal?: AbortSignal): Promise<void> {
    await this.#umount.attempt([UMOUNT, path], {
      about: path,
      effect: 'write',
      expected: isNotFound,
      signal,
    })
  }
}
