// The command iscsiadm of a service domain: which logical units of a target it sees, and through
// which device. It only reads.

import { StorageError } from '../errors.ts'
import type { Shell } from '../shell/shell.ts'
import { type Failure, Tool } from '../shell/tool.ts'
import { ISCSIADM_FAILURES } from './failures.ts'

const ISCSIADM = '/usr/sbin/iscsiadm'

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
  readonly #tool: Tool

  constructor(shell: Shell) {
    this.#tool = new Tool(shell, ISCSIADM_FAILURES)
  }

  /**
   * Undefined if the initiator does not know the target. Several sessions of one target are
   * combined.
   */
  async listTarget(iqn: string, signal?: AbortSignal): Promise<Target | undefined> {
    const found = await this.#tool.attempt([ISCSIADM, 'list', 'target', '-S', iqn], {
      about: `target ${iqn}`,
      effect: 'read',
      expected: failure => isMissing(failure, iqn),
      signal,
    })
    return found && parseTarget(found.stdout, iqn)
  }

  async initiatorName(signal?: AbortSignal): Promise<string> {
    const call = { about: 'iSCSI initiator', signal }
    const { stdout } = await this.#tool.read([ISCSIADM, 'list', 'initiator-node'], call)
    const name = /^Initiator node name: (\S+)\s*$/m.exec(stdout)?.[1]
    if (name === undefined) {
      throw new StorageError(
        'internal',
        `iscsiadm printed no initiator name: ${JSON.stringify(stdout)}`,
      )
    }
    return name
  }
}

// The answer for an unknown target is not known for certain: a message, or nothing at all. If
// nothing, there is no block to parse.
function isMissing({ result }: Failure, iqn: string): boolean {
  return result.stderr
    .split('\n')
    .some(line => line.startsWith('iscsiadm:') && line.includes(iqn) && /not found/.test(line))
}

/**
 * Parses `iscsiadm list target -S`: blocks that begin with `Target:`, each with `LUN:` lines
 * followed by the lines about that unit (recorded).
 */
export function parseTarget(text: string, iqn: string): Target | undefined {
  const fields = fieldsOf(text, iqn)
  const sessions = fields.flatMap(({ key, value }) =>
    key === 'Connections' ? [parseNumber(value, `connections of ${iqn}`)] : [],
  )
  const luns = collectLuns(fields, iqn)
  if (sessions.length > 0) return { connections: sessions.reduce((sum, each) => sum + each), luns }
  if (luns.length > 0) {
    throw new StorageError('internal', `iscsiadm printed target ${iqn} without its connections`)
  }
  return undefined
}

interface Field {
  readonly key: string
  readonly value: string
}

/** The `key: value` lines of the target's blocks. */
function fieldsOf(text: string, iqn: string): readonly Field[] {
  const fields: Field[] = []
  let isInside = false
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([^:]+):\s*(.*?)\s*$/.exec(line) ?? []
    if (key === undefined || value === undefined) continue
    if (key === 'Target') isInside = value === iqn
    if (isInside) fields.push({ key, value })
  }
  return fields
}

function collectLuns(fields: readonly Field[], iqn: string): readonly TargetLun[] {
  const luns: { lun: number; device: string | undefined }[] = []
  for (const { key, value } of fields) {
    if (key === 'LUN') luns.push({ lun: parseNumber(value, `LUN of ${iqn}`), device: undefined })
    if (key === 'OS Device Name') {
      const last = luns.at(-1)
      if (last === undefined) {
        throw new StorageError('internal', `iscsiadm printed a device of ${iqn} before any LUN`)
      }
      if (value !== 'Not Available') last.device = value
    }
  }
  return luns
}

function parseNumber(text: string, what: string): number {
  if (!/^\d+$/.test(text)) {
    throw new StorageError('internal', `${what} is not a number: ${JSON.stringify(text)}`)
  }
  return Number(text)
}
