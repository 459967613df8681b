// Limits of the driver's SSH server on a storage host, and how they are reached.

import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { StorageMachine } from '../machine.ts'

export interface Limits {
  /** Sessions of one connection. */
  readonly MAX_SESSIONS?: number
  /** Connections that have not logged in. */
  readonly MAX_STARTUPS?: number
}

/** Does the work while the server has other limits. Its connections are killed before and after. */
export async function withLimits(
  machine: StorageMachine,
  limits: Limits,
  work: () => Promise<void>,
): Promise<void> {
  const conf = '/etc/machine.conf'
  const lines = Object.entries(limits).map(([name, value]) => `${name}=${value}\n`)
  await machine.succeed(`cp ${conf} ${conf}.usual; cat >>${conf}`, lines.join(''))
  try {
    await machine.restartSshd()
    await work()
  } finally {
    await machine.succeed(`mv ${conf}.usual ${conf}`)
    await machine.restartSshd()
  }
}

/** A client that never logs in. Returns when the server has answered it, with what ends it. */
export async function lingering(machine: StorageMachine): Promise<() => void> {
  const socket = createConnection({ host: '127.0.0.1', port: machine.ports.driver })
  await once(socket, 'data')
  return () => socket.destroy()
}
