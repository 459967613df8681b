// Who has a disk of a Linux guest open, apart from mounts in the driver's own mount namespace:
// stacked devices, swap, the kernel itself, processes.

import { StorageError } from '../../errors.ts'
import type { Command, Shell } from '../../shell/shell.ts'
import { Tool } from '../../shell/tool.ts'
import { Paths } from '../paths.ts'
import { type DeviceAddress, MEASURE_MS } from '../platform.ts'
import { LINUX_FAILURES } from './failures.ts'
import { FILE_SYSTEMS } from './file-systems.ts'
import { deviceName, listBlockDevices } from './sysfs.ts'
import { findProcess, findUnseen } from './tables.ts'

// fuser is in /bin on Debian, in /sbin on Red Hat and Oracle Linux.
const FUSERS = ['/bin/fuser', '/sbin/fuser'] as const
const STAT = '/usr/bin/stat'
const FIND = '/usr/bin/find'
const GREP = '/bin/grep'
// The scan prints this file if it has worked.
const SCANNED = '/proc/uptime'

export class LinuxHolders {
  readonly #root: string
  readonly #paths: Paths
  readonly #tool: Tool

  /** `root`: prefix of /sys. */
  constructor(shell: Shell, root: string) {
    this.#root = root
    this.#paths = new Paths(shell)
    this.#tool = new Tool(shell, LINUX_FAILURES)
  }

  /** Empty if nobody has it open. */
  async list(device: DeviceAddress, signal?: AbortSignal): Promise<readonly string[]> {
    const name = deviceName(device.blockPath)
    const stacked = await listBlockDevices(
      this.#paths,
      `${this.#root}/sys/class/block/${name}/holders`,
      signal,
    )
    const swaps = await this.#tool.read(['/bin/cat', '/proc/swaps'], {
      about: 'swap areas',
      signal,
    })
    const swap = swaps.stdout.split('\n').some(line => line.split(/\s/)[0] === device.blockPath)
    const kernel = await this.#inKernel(name, signal)
    const processes = [
      ...(await this.#processesOn(device.blockPath, signal)),
      ...(await this.#processesOf(device, signal)),
    ]
    return [...stacked, ...(swap ? ['the swap area'] : []), ...kernel, ...new Set(processes)]
  }

  /**
   * The kernel lists a file system here while it works on it, in any mount namespace. It also lists
   * one that was unmounted lazily (fs/ext4/sysfs.c, fs/xfs/xfs_mount.c).
   */
  async #inKernel(name: string, signal?: AbortSignal): Promise<readonly string[]> {
    const kernel: string[] = []
    for (const type of FILE_SYSTEMS) {
      const live = await this.#paths.list(`${this.#root}/sys/fs/${type}/${name}/`, signal)
      if (live !== undefined) {
        kernel.push(
          `the kernel (its ${type} is still active: mounted in a container, or unmounted lazily)`,
        )
      }
    }
    return kernel
  }

  /**
   * Processes that have the device open through any node of its numbers, or that see it mounted in
   * their own mount namespace. An exclusive open would not find the first kind. The usual tools
   * that open exclusively (mkfs, wipefs) are one letter away from destroying data.
   */
  async #processesOf(device: DeviceAddress, signal?: AbortSignal): Promise<readonly string[]> {
    const command = scanOf(device.identity)
    const result = await this.#tool.ask(command, { effect: 'read', signal, timeoutMs: MEASURE_MS })
    const lines = result.stdout.split('\n')
    // The exit status says only that a process ended meanwhile, or that grep found nothing.
    if (!lines.includes(SCANNED)) {
      this.#tool.accept(command, result, { about: device.blockPath })
      throw new StorageError(
        'unavailable',
        `${device.blockPath}: the processes of the guest could not be listed`,
      )
    }
    const unseen = result.stderr.split('\n').flatMap(line => findUnseen(line))
    return [...lines.flatMap(line => findProcess(line, device.identity)), ...unseen]
  }

  async #processesOn(blockPath: string, signal?: AbortSignal): Promise<readonly string[]> {
    for (const fuser of FUSERS) {
      const result = await this.#tool.ask([fuser, blockPath], { effect: 'read', signal })
      if (result.exitStatus === 127) continue
      const words = result.exitStatus === 0 ? result.stdout.split(/\s+/) : []
      const found = words.flatMap(word =>
        /^\d+/.test(word) ? [`process ${word.replace(/\D/g, '')}`] : [],
      )
      const complaints = result.stderr.split('\n').filter(line => line.trim() !== '')
      const processes = [...found, ...new Set(complaints.flatMap(line => findUnseen(line)))]
      if (result.exitStatus === 0) return processes
      // On any other complaint fuser did not look.
      const complaint = complaints.find(line => !line.startsWith('Cannot stat file /proc/'))
      if (
        result.exitStatus === 1 &&
        (complaint === undefined || /does not exist/.test(complaint))
      ) {
        return processes
      }
      throw new StorageError(
        'unavailable',
        `${blockPath}: fuser could not find out who uses it: ` +
          `${complaint ?? `status ${result.exitStatus}`}`,
      )
    }
    throw new StorageError(
      'failed-precondition',
      `${blockPath}: the guest has no fuser; install psmisc`,
    )
  }
}

/** Prints the mount tables and open files in /proc that show the device. */
function scanOf(identity: string): Command {
  const tables = ['-path', '/proc/[0-9]*/mountinfo', '-exec', GREP, '-lF', ` ${identity} `, '{}']
  const numbers = ['-exec', STAT, '-L', '-c', '%t:%T %n', '{}']
  const opened = ['-path', '/proc/[0-9]*/fd/*', '-xtype', 'b', ...numbers]
  return [
    FIND,
    '/proc',
    '-maxdepth',
    '3',
    ...['(', '-path', SCANNED, '-print', ')'],
    '-o',
    ...['(', ...tables, '+', ')'],
    '-o',
    ...['(', ...opened, '+', ')'],
  ]
}
