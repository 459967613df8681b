// A served plugin for tests: real server, real socket in a directory of its own, real client, and
// the log as it was written.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CsiClient, connect } from '../../src/csi/wire/client.ts'
import type { CallWatch, Service } from '../../src/csi/wire/handler.ts'
import { type CsiServer, startServer } from '../../src/csi/wire/server.ts'
import { createLog } from '../../src/log.ts'

export interface Plugin {
  readonly client: CsiClient
  readonly server: CsiServer
  /** Every line of the log so far, parsed. */
  readonly lines: Record<string, unknown>[]
  end(): Promise<void>
}

export async function servePlugin(
  services: readonly Service[],
  watch?: CallWatch,
): Promise<Plugin> {
  const directory = await mkdtemp(join(tmpdir(), 'csi-'))
  const lines: Record<string, unknown>[] = []
  const log = createLog({
    level: 'debug',
    destination: { write: line => lines.push(JSON.parse(line)) },
  })
  const server = await startServer({
    endpoint: `unix://${join(directory, 'csi.sock')}`,
    services,
    log,
    watch,
  })
  const client = connect(server.endpoint)
  const end = async () => {
    client.close()
    await server.stop(0)
    await rm(directory, { recursive: true })
  }
  return { client, server, lines, end }
}

/** Something to wait for, and the way to end the wait. */
export function gate<T = void>() {
  return Promise.withResolvers<T>()
}

/** A wait that only its signal ends, with the reason of the signal. */
export function until(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
}
