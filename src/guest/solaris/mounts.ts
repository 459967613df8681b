// The mount table of a Solaris guest: reading and changing it.

import type { Shell } from '../../shell/shell.ts'
import { isNotFound, Tool } from '../../shell/tool.ts'
import { Paths } from '../paths.ts'
import type { GuestDevice, MountRequest, Mounts, UseTable } from '../platform.ts'
import { SOLARIS_FAILURES, UMOUNT_FAILURES } from './failures.ts'
import { checkMountable } from './file-systems.ts'
import { parseMountTable, SolarisUses } from './tables.ts'

const MOUNT = '/sbin/mount'
const UMOUNT = '/sbin/umount'

export class SolarisMounts implements Mounts {
  readonly #paths: Paths
  readonly #tool: Tool
  readonly #umount: Tool

  constructor(shell: Shell) {
    this.#paths = new Paths(shell)
    this.#tool = new Tool(shell, SOLARIS_FAILURES)
    this.#umount = new Tool(shell, UMOUNT_FAILURES)
  }

  async readUses(signal?: AbortSignal): Promise<UseTable> {
    const text = await this.#tool.read(['/bin/cat', '/etc/mnttab'], {
      about: 'mount table',
      signal,
    })
    return new SolarisUses(parseMountTable(text.stdout))
  }

  // Solaris 10 has no tool that follows links in a path. The guest mounts at the path as the caller
  // spells it.
  async resolvePath(path: string): Promise<string> {
    return path
  }

  async mount(device: GuestDevice, request: MountRequest, signal?: AbortSignal): Promise<void> {
    checkMountable(device, request.type)
    const options = [...(request.readonly ? ['ro'] : ['rw', 'logging']), ...request.options]
    await this.#tool.write(
      [MOUNT, '-F', 'ufs', '-o', options.join(','), device.blockPath, request.path],
      { about: device.blockPath, signal },
    )
  }

  async bindFileSystem(
    { source, target, readonly }: { source: string; target: string; readonly: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    const options = readonly ? ['-o', 'ro'] : []
    await this.#tool.write([MOUNT, '-F', 'lofs', ...options, source, target], {
      about: target,
      signal,
    })
  }

  // Solaris cannot bind-mount a device node. A link shows the device at a path without a second
  // node of the same numbers.
  async bindDevice(
    { device, target }: { device: GuestDevice; target: string },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#paths.createLink(target, device.blockPath, signal)
  }

  async readDeviceAt(path: string, signal?: AbortSignal): Promise<string | undefined> {
    const entry = await this.#paths.readEntry(path, signal)
    return entry.kind === 'link' && /^\/dev\/dsk\/c\d+d\d+s0$/.test(entry.target)
      ? entry.target
      : undefined
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
