// The plugins as processes whose log cannot be written: they answer and end as ever.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { connect } from '../../../src/csi/wire/client.ts'
import { isAnswering } from '../../support/sockets.ts'

const PROGRAM = fileURLToPath(new URL('../../../src/bin/ldom-csi.ts', import.meta.url))
const NODE_FILE = `
node: { machine: m1, guest: ldg1, platform: linux, shell: { local: true } }
`
/**
 * Each is a line of more than 4 KiB, so that 64 KiB of a pipe and what may wait before it are soon
 * full.
 */
const VOLUME_ID = `silver/${'v'.repeat(4096)}`
const CALLS = 200

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ldom-csi-'))
})
afterEach(() => rm(directory, { recursive: true }))

async function serve(output: number | 'pipe', complaints: number | 'ignore' = 'ignore') {
  const file = join(directory, 'c.yaml')
  await writeFile(file, NODE_FILE)
  const socket = join(directory, 'csi.sock')
  const child = spawn(
    process.execPath,
    [PROGRAM, 'node', '--config', file, '--endpoint', `unix://${socket}`],
    {
      stdio: ['ignore', output, complaints],
    },
  )
  const client = connect(`unix://${socket}`)
  while (!(await isAnswering(socket)) && child.exitCode === null) {
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  /** Every call is answered; that nothing is found does not matter. */
  const call = async () => {
    const asked = Array.from({ length: CALLS }, () =>
      client.node.NodeUnstageVolume({ volume_id: VOLUME_ID }).catch(error => error.code),
    )
    return new Set(await Promise.all(asked))
  }
  const end = async (process: ChildProcess) => {
    const ended = once(process, 'exit')
    process.kill('SIGTERM')
    const status = await ended
    client.close()
    return status
  }
  return { child, call, end }
}

test('where the disk under the log is full, calls are answered and SIGTERM ends the plugin', async () => {
  const full = openSync('/dev/full', 'w')
  const { child, call, end } = await serve(full, full)
  closeSync(full)
  expect(await call()).toEqual(new Set(['INVALID_ARGUMENT']))
  expect(await end(child)).toEqual([0, null])
})

test('where nobody reads the log, calls are answered and SIGTERM ends the plugin', async () => {
  const { child, call, end } = await serve('pipe')
  expect(await call()).toEqual(new Set(['INVALID_ARGUMENT']))
  expect(await end(child)).toEqual([0, null])
})

test('where the reader of the log has gone, calls are answered and SIGTERM ends the plugin', async () => {
  const { child, call, end } = await serve('pipe')
  ;(child.stdout as Readable).destroy()
  expect(await call()).toEqual(new Set(['INVALID_ARGUMENT']))
  expect(await end(child)).toEqual([0, null])
})

test('a reader that takes the log up again hears how many lines it missed', async () => {
  const { child, call, end } = await serve('pipe')
  await call()
  let text = ''
  for await (const chunk of (child.stdout as Readable).setEncoding('utf8')) {
    text += chunk
    if (/"msg":"lines of the log were lost since the start"}\n/.test(text)) break
  }
  const told = text.split('\n').filter(line => line.includes('were lost'))
  expect(JSON.parse(told[0] ?? '{}')).toMatchObject({ level: 'warn', count: expect.any(Number) })
  expect(await end(child)).toEqual([0, null])
})
