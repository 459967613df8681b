// What a killed process left to the kernel of this machine: unsent bytes of its connections. They
// arrive when the network heals, and may hold a command. Linux lists such connections; elsewhere
// nothing is known of them.

import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'

export interface RemoteEnd {
  /** An IPv4 address is compared; a name may stand for any address. */
  readonly address: string
  readonly port: number
}

const LISTS = ['/proc/net/tcp', '/proc/net/tcp6']
// FIN_WAIT1, LAST_ACK and CLOSING (include/net/tcp_states.h): closed on this side, with something
// left to send.
const CLOSING = ['04', '09', '0B']

/**
 * A connection to that end that no process holds and that still has something to send; undefined if
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
  // The end of a connection (FIN) counts as one byte.
  if (inode !== '0' || !CLOSING.includes(state) || !(unsent > 1)) return false
  return (
    Number.parseInt(hexPort, 16) === port && (!isIPv4(address) || host.endsWith(hexOf(address)))
  )
}

/**
 * The four bytes as one number in this machine's byte order. Where the socket was of both families,
 * `FFFF0000` precedes it.
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
