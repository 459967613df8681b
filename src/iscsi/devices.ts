// The device tree of a service domain: creates and removes nodes, describes disks, and reads and
// writes one block of a canary. It never reads or writes user data.

import { StorageError } from '../errors.ts'
import type { Shell } from '../shell/shell.ts'
import { Tool } from '../shell/tool.ts'
import { DEVICE_FAILURES } from './failures.ts'

const DEVFSADM = '/usr/sbin/devfsadm'
const FORMAT = '/usr/sbin/format'
const IOSTAT = '/usr/bin/iostat'
const TEST = '/usr/bin/test'
const DD = '/usr/bin/dd'

const BLOCK_BYTES = 512

/** Length to which Solaris 10 cuts a name. */
const CUT_NAME = 16
const INQUIRY = new RegExp(
  String.raw`^Vendor:\s*(.*?)\s+Product:\s*(.*?)(?:\s+Revision:\s*(.*?))?` +
    String.raw`(?:\s+Serial No:\s*(.*?))?\s+Size: \S+ <(\d+) bytes>`,
)

export interface DiskDescription {
  readonly sizeBytes: number
  readonly vendor: string
  readonly product: string
  readonly serial: string
}

export class DeviceTree {
  readonly #tool: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, DEVICE_FAILURES)
  }

  /**
   * Reads the targets' lists of logical units again and creates nodes for new ones. It may return
   * before they exist.
   */
  async enumerate(signal?: AbortSignal): Promise<void> {
    await this.#tool.write([DEVFSADM, '-i', 'iscsi'], { about: 'iSCSI devices', signal })
  }

  async clean(signal?: AbortSignal): Promise<void> {
    await this.#tool.write([DEVFSADM, '-C', '-c', 'disk'], { about: 'disk devices', signal })
  }

  /**
   * `device` is the disk's name, `c0t<GUID>d0`. Throws `unavailable` if the system does not list
   * the disk.
   */
  async describe(device: string, signal?: AbortSignal): Promise<DiskDescription> {
    if (!/^c\d+t?\w*d\d+$/.test(device)) throw new Error(`not a disk name: ${device}`)
    const { stdout } = await this.#tool.read([IOSTAT, '-En', device], { about: device, signal })
    return parseDescription(stdout, device)
  }

  /** Whether the path is a block device. Throws if it cannot find out. */
  async exists(path: string, signal?: AbortSignal): Promise<boolean> {
    return this.#test('-b', path, signal)
  }

  /**
   * Writes an EFI label to a disk without a label. The exit status of `format` says nothing about
   * success (recalled), so the caller reads the disk afterwards. Solaris 11 only. On an older
   * service domain it fails, and the administrator labels the canary by hand.
   */
  async labelBlank(device: string, signal?: AbortSignal): Promise<void> {
    if (!/^c\d+t\w+d\d+$/.test(device)) throw new Error(`not a disk name: ${device}`)
    // The vendor's own iSCSI connector does the same on SPARC (parser).
    await this.#tool.write([FORMAT, '-L', 'efi', '-d', device], { about: device, signal })
  }

  /** The text that writeBlock wrote, without its padding. */
  async readBlock(path: string, block: number, signal?: AbortSignal): Promise<string> {
    // skip and seek are the POSIX operands; iseek and oseek exist only on Solaris.
    const { stdout } = await this.#tool.read(
      [DD, `if=${path}`, `bs=${BLOCK_BYTES}`, `skip=${block}`, 'count=1'],
      { about: path, signal },
    )
    return stdout.replace(/\0+$/, '')
  }

  /** Writes one block, padded with zero bytes, to a raw device. */
  async writeBlock(
    path: string,
    { block, text }: { readonly block: number; readonly text: string },
    signal?: AbortSignal,
  ): Promise<void> {
    if (!/^[\x20-\x7e]{1,512}$/.test(text)) {
      throw new Error(`not a text for one block: ${JSON.stringify(text)}`)
    }
    // If the device is missing, dd creates a regular file (recorded on Linux).
    if (!(await this.#test('-c', path, signal))) {
      throw new StorageError('unavailable', `${path} is not a raw device; nothing was written`)
    }
    await this.#tool.write([DD, `of=${path}`, `bs=${BLOCK_BYTES}`, `seek=${block}`, 'count=1'], {
      about: path,
      signal,
      input: text.padEnd(BLOCK_BYTES, '\0'),
    })
  }

  async #test(flag: '-b' | '-c', path: string, signal?: AbortSignal): Promise<boolean> {
    if (!path.startsWith('/')) throw new Error(`not an absolute path: ${path}`)
    const found = await this.#tool.attempt([TEST, flag, path], {
      about: path,
      effect: 'read',
      expected: ({ result }) => result.exitStatus === 1 && result.stderr.trim() === '',
      signal,
    })
    return found !== undefined
  }
}

/**
 * Parses `iostat -En <disk>`: a block that begins with the name, then Vendor, Product, often
 * Revision and Serial No, then Size. Only newer releases break the line before the size and print
 * names over 16 characters in full (captured; show_disk_errors of iostat.c).
 */
export function parseDescription(text: string, device: string): DiskDescription {
  const lines = text.split('\n')
  const starts = lines.flatMap((line, at) => (/ Soft Errors: /.test(line) ? [at] : []))
  const nameAt = (at: number) => lines[at]?.split(/\s+/)[0]
  const exact = starts.filter(at => nameAt(at) === device)
  const cut = device.slice(0, CUT_NAME)
  const [start, another] =
    exact.length > 0 ? exact : starts.filter(at => device.length > CUT_NAME && nameAt(at) === cut)
  if (start === undefined) {
    throw new StorageError('unavailable', `iostat does not list disk ${device}`)
  }
  if (another !== undefined) {
    throw new StorageError(
      'unavailable',
      `iostat lists several disks as ${nameAt(start)} and does not say which is ${device}`,
    )
  }
  const block = lines
    .slice(
      start + 1,
      starts.find(at => at > start),
    )
    .join(' ')
  const parts = INQUIRY.exec(block)
  const [, vendor = '', product = '', , serial = '', size = ''] = parts ?? []
  if (parts === null || !Number.isSafeInteger(Number(size))) {
    throw new StorageError(
      'internal',
      `iostat printed disk ${device} without inquiry data or size: ${JSON.stringify(text)}`,
    )
  }
  return { sizeBytes: Number(size), vendor, product, serial }
}
