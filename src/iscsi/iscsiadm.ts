// The command iscsiadm of a service domain: which logical units of a target it sees, and by which
// device. Reads only.

import { StorageError } from '../errors.ts'
import { expectSuccess, type FailureRow } from '../shell/failures.ts'
import type { Command, CommandResult, Shell } from '../shell/shell.ts'

export const ISCSIADM = '/usr/sbin/iscsiadm'

const ISCSIADM_FAILURES: readonly FailureRow[] = [
  {
    text: /iscsi.*service.*(not online|offline|disabled)/i,
    kind: 'unavailable',
    evidence: 'recalled',
    source: 'iscsiadm without svc:/network/iscsi/initiator',
    hint: 'svcadm enable svc:/network/iscsi/initiator',
  },
  {
    text: /permission denied|insufficient privileges/i,
    kind: 'permission-denied',
    evidence: 'recalled',
    source: 'iscsiadm(8)',
  },
]

export interface TargetLun {
  readonly lun: number
  /** The raw device, `/dev/rdsk/c0t<GUID>d0s2`; undefined until its node exists. */
  readonly device: string | undefined
}

export interface Target {
  readonly connections: number // 0: not logged in
  readonly luns: readonly TargetLun[]
}

export class Iscsiadm {
  readonly #shell: Shell

  constructor(shell: Shell) {
    this.#shell = shell
  }

  /**
   * Undefined where the initiator does not know the target. Several sessions of one target are
   * shown as one.
   */
  async listTarget(iqn: string, signal?: AbortSignal): Promise<Target | undefined> {
    const command: Command = [ISCSIADM, 'list', 'target', '-S', iqn]
    const result = await this.#shell.run(command, { effect: 'read', signal })
    if (isMissing(result, iqn)) return undefined
    return parseTarget(
      expectSuccess(command, result, ISCSIADM_FAILURES, `target ${iqn}`).stdout,
      iqn,
    )
  }

  async initiatorName(signal?: AbortSignal): Promise<string> {
    const command: Command = [ISCSIADM, 'list', 'initiator-node']
    const result = expectSuccess(
      command,
      await this.#shell.run(command, { effect: 'read', signal }),
      ISCSIADM_FAILURES,
      'iSCSI initiator',
    )
    const name = /^Initiator node name: (\S+)\s*$/m.exec(result.stdout)?.[1]
    if (name === undefined) {
      throw new StorageError(
        'internal',
        `iscsiadm printed no initiator name: ${JSON.stringify(result.stdout)}`,
      )
    }
    return name
  }
}

// How an unknown target is answered is not known for certain: by words, or by nothing at all (then
// there is no block to parse).
function isMissing(result: CommandResult, iqn: string): boolean {
  return (
    result.exitStatus !== 0 &&
    result.stderr
      .split('\n')
      .some(line => line.startsWith('iscsiadm:') && line.includes(iqn) && /not found/.test(line))
  )
}

/**
 * Of `iscsiadm list target -S`: blocks that begin with `Target:`; in them a `LUN:` line and the
 * lines about that unit (recorded).
 */
export function parseTarget(text: string, iqn: string): Target | undefined {
  let inside = false
  let connections: number | undefined
  const luns: { lun: number; device: string | undefined }[] = []
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([^:]+):\s*(.*?)\s*$/.exec(line) ?? []
    if (key === undefined || value === undefined) continue
    if (key === 'Target') inside = value === iqn
    if (!inside) continue
    if (key === 'Connections') {
      connections = (connections ?? 0) + parseNumber(value, `connections of ${iqn}`)
    }
    if (key === 'LUN') luns.push({ lun: parseNumber(value, `LUN of ${iqn}`), device: undefined })
    if (key === 'OS Device Name') {
      const last = luns.at(-1)
      if (last === undefined) {
        throw new StorageError('internal', `iscsiadm printed a device of ${iqn} before any LUN`)
      }
      if (value !== 'Not Available') last.device = value
    }
  }
  if (connections === undefined && luns.length > 0) {
    throw new StorageError('internal', `iscsiadm printed target ${iqn} without its connections`)
  }
  return connections === undefined ? undefined : { connections, luns }
}

function parseNumber(text: string, what: string): number {
  if (!/^\d+$/.test(text)) {
    throw new StorageError('internal', `${what} is no number: ${JSON.stringify(text)}`)
  }
  return Number(text)
}
