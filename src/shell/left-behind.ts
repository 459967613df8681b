// What a process that was killed left to the kernel of this machine: bytes of its connections that
// the other side has not taken. They arrive when the network heals, a command among them perhaps.
// Linux lists such connections; elsewhere nothing is known of them.

import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'

export interface RemoteEnd {
  /** An address counts as it is; a name may stand for any. */
  readonly address: string
  readonly port: number
}

const LISTS = ['/proc/net/tcp', '/proc/net/tcp6']
// FIN_WAIT1, LAST_ACK and CLOSING (include/net/tcp_states.h): closed on this side, with something
// to send.
const CLOSING = ['04', '09', '0B']

/**
 * A connection to that end that nobody holds and that still has something to send; undefined where
 * there is none.
 */
export function findLeftBehind(
  end: RemoteEnd,
  read: (path: string) => string | undefined = readList,
): string | undefined {
  const lines = LISTS.flatMap(path => read(path)?.split('\n').slice(1) ?? [])
  return lines.map(line => line.trim()).find(line => isLeftBehind(line, end))
}

// sl local remote state tx:rx tr:when retransmits uid timeout inode …
// (Documentation/networking/proc_net_tcp.rst)
function isLeftBehind(line: string, { address, port }: RemoteEnd): boolean {
  const [, , remote = '', state = '', queues = '', , , , , inode] = line.split(/\s+/)
  const [host = '', hexPort = ''] = remote.split(':')
  const unsent = Number.parseInt(queues.split(':')[0] ?? '', 16)
  // The end of a connection takes one of the numbers that bytes have.
  if (inode !== '0' || !CLOSING.includes(state) || !(unsent > 1)) return false
  return (
    Number.parseInt(hexPort, 16) === port && (!isIPv4(address) || host.endsWith(hexOf(address)))
  )
}

/**
 * The four bytes as one number of this machine's order; behind `FFFF0000` where a socket of both
 * families was used.
 */
function hexOf(address: string): string {
  const bytes = new Uint8Array(address.split('.').map(Number))
  return (new Uint32Array(bytes.buffer)[0] ?? 0).toString(16).toUpperCase().padStart(8, '0')
}

function readList(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
