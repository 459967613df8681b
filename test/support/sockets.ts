// Sockets of programs that have just been started.

import { createConnection } from 'node:net'

/** Whether somebody listens. The file of a socket is there a moment before that. */
export function isAnswering(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(path, () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
