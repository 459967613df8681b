// The tools `xl` and `xenstore-ls` of dom0: arguments and answers of what the driver uses. They
// decide nothing. Commands name a domain by its id: a guest that was started anew has another one,
// so that a late command cannot meet the wrong guest.

import { StorageError } from '../../errors.ts'
import { vdevName } from '../../model/vdev.ts'
import type { Command, Shell } from '../../shell/shell.ts'
import { isNotFound, Tool } from '../../shell/tool.ts'
import { XENSTORE_FAILURES, XL_FAILURES } from './failures.ts'
import {
  type BackEnd,
  type Domain,
  type FrontEnd,
  parseBackEnds,
  parseDomains,
  parseFrontEnds,
} from './listing.ts'

const XL = '/usr/sbin/xl'
const XENSTORE_LS = '/usr/bin/xenstore-ls'
const READLINK = '/usr/bin/readlink'
const BACK_ENDS = '/local/domain/0/backend'

export interface NewDisk {
  readonly domainId: number
  readonly slot: number
  readonly mode: 'rw' | 'ro'
  /** Path of a block device in dom0. */
  readonly device: string
}

export interface XlOptions {
  readonly signal?: AbortSignal | undefined
}

export class Xl {
  readonly #xl: Tool
  readonly #xenstore: Tool
  readonly #links: Tool

  constructor(shell: Shell) {
    this.#xl = new Tool(shell, XL_FAILURES)
    this.#xenstore = new Tool(shell, XENSTORE_FAILURES)
    this.#links = new Tool(shell, [])
  }

  /** The running domains, dom0 among them. A guest that is off is not listed. */
  async listDomains({ signal }: XlOptions = {}): Promise<readonly Domain[]> {
    const { stdout } = await this.#xl.read([XL, 'list'], { about: 'list of domains', signal })
    const domains = parseDomains(stdout)
    if (!domains.some(({ id }) => id === 0)) {
      throw new StorageError('internal', 'xl list: domain 0 is not in its answer')
    }
    return domains
  }

  /** The guests' side of all disks of these domains. Domains that are gone have none. */
  async listFrontEnds(
    domainIds: readonly number[],
    { signal }: XlOptions = {},
  ): Promise<readonly FrontEnd[]> {
    if (domainIds.length === 0) return [] // xl wants at least one domain
    const command: Command = [XL, 'block-list', ...domainIds.map(String)]
    return parseFrontEnds((await this.#xl.read(command, { about: 'list of disks', signal })).stdout)
  }

  /** The serving side of all disks that dom0 serves, also of domains that are gone. */
  async listBackEnds({ signal }: XlOptions = {}): Promise<readonly BackEnd[]> {
    const result = await this.#xenstore.attempt([XENSTORE_LS, '-f', BACK_ENDS], {
      effect: 'read',
      about: 'back ends in xenstore',
      signal,
      expected: isNotFound,
    })
    return result === undefined ? [] : parseBackEnds(result.stdout)
  }

  /**
   * Success does not mean that the guest has the disk: it has once both sides are connected. A
   * failure may leave the disk behind (xen/06, 09).
   */
  async attachDisk(disk: NewDisk, { signal }: XlOptions = {}): Promise<void> {
    const vdev = vdevName(disk.slot)
    // `target` comes last and takes all the rest (xl-disk-configuration(5)).
    const spec = `format=raw,vdev=${vdev},access=${disk.mode},target=${checkedDevice(disk.device)}`
    const command: Command = [XL, 'block-attach', String(disk.domainId), spec]
    await this.#xl.write(command, { about: `disk ${vdev}`, signal })
  }

  /**
   * Never forced: that leaves a guest behind which can neither get nor lose a disk (xen/03). A
   * mounted disk is removed as well.
   */
  async detachDisk(
    { domainId, number }: { readonly domainId: number; readonly number: number },
    { signal }: XlOptions = {},
  ): Promise<'removed' | 'absent'> {
    const command: Command = [XL, 'block-detach', String(domainId), String(number)]
    const result = await this.#xl.attempt(command, {
      effect: 'write',
      about: `disk ${number}`,
      signal,
      expected: isNotFound,
    })
    return result === undefined ? 'absent' : 'removed'
  }

  /** The device node behind a name: `/dev/zd0` behind `/dev/zvol/tank/z1` (xen/11-zvol.txt). */
  async realPath(device: string, { signal }: XlOptions = {}): Promise<string> {
    const about = `device ${device}`
    const { stdout } = await this.#links.read([READLINK, '-f', device], { about, signal })
    return stdout.trimEnd()
  }

  async version({ signal }: XlOptions = {}): Promise<string> {
    const { stdout } = await this.#xl.read([XL, 'info'], { about: 'version', signal })
    const version = /^xen_version +: (\S+)$/m.exec(stdout)?.[1]
    if (version === undefined) {
      throw new StorageError('internal', 'xl info: no xen_version in its answer')
    }
    return version
  }
}

// xenstore-ls prints quotes and backslashes in its own way, so the driver could not read them back.
function checkedDevice(path: string): string {
  if (/^\/[\x21-\x7e]*$/.test(path) && !/["\\]/.test(path)) return path
  throw new StorageError(
    'invalid-argument',
    `device path ${JSON.stringify(path)}: not a path that xenstore can list`,
  )
}
