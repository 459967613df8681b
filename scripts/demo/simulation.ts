// The control socket of `ldom-sim serve`: the world behind the driver's back, to look at and to break.

import { connect } from 'node:net'
import { createInterface } from 'node:readline'

export type Answer = Readonly<Record<string, unknown>>

/** One request, one JSON line each way. */
export function ask(socketPath: string, request: Answer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    socket.once('error', reject)
    createInterface({ input: socket }).once('line', line => {
      socket.end()
      const answer = JSON.parse(line) as Answer
      if (typeof answer.error === 'string') reject(new Error(`${JSON.stringify(request)}: ${answer.error}`))
      else resolve(answer)
    })
    socket.write(`${JSON.stringify(request)}\n`)
  })
}
