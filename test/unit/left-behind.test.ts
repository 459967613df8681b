// What the kernel still has to deliver for a process that was killed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { SimHost, Timeline } from '../../sim/host.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import type { Clock } from '../../src/clock.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import { findLeftBehind } from '../../src/shell/left-behind.ts'

// Recorded on Linux 6.18: a server that does not read, and a client that wrote 16 MiB and was
// killed; one that was closed in peace.
const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout ' +
  'inode\n'
const LEFT =
  '   4: 0100007F:B4CE 0100007F:AAE1 04 0039DA87:00000000 04:00000020 00000000     0        0 0 ' +
  '2 00000000592651ed 20 0 0 15 -1'
const OTHERS = [
  '   1: 0100007F:AAE1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ' +
    '1074797 1 0000000057e13c7d 100 0 0 10 0',
  '   5: 0100007F:AAE1 0100007F:B4CE 01 00000000:0001F3E5 00:00000000 00000000     0        0 ' +
    '1075354 1 0000000046026033 20 8 0 10 -1',
  '   4: 0100007F:B4CE 0100007F:AAE1 06 00000000:00000000 03:00001748 00000000     0        0 0 ' +
    '3 000000007d07b719',
]
const PORT = 0xaae1

const table = (...lines: readonly string[]) => HEADER + lines.map(line => `${line}\n`).join('')

test.each([
  { name: 'a connection that has something to send', lines: [...OTHERS, LEFT], found: true },
  { name: 'a listening, an open and a finished one', lines: OTHERS, found: false },
  {
    name: 'one that is still held by a process',
    lines: [LEFT.replace(' 0 2 ', ' 1075354 2 ')],
    found: false,
  },
  {
    name: 'one that has only its end to send',
    lines: [LEFT.replace('0039DA87', '00000001')],
    found: false,
  },
  { name: 'one to another port', lines: [LEFT.replace('AAE1', 'AAE2')], found: false },
  {
    name: 'one to another address',
    lines: [LEFT.replace('0100007F:AAE1', '0200007F:AAE1')],
    found: false,
  },
  {
    name: 'one whose end was acknowledged on the other side first',
    lines: [LEFT.replace(' 04 ', ' 09 ')],
    found: true,
  },
])('$name: $found', ({ lines, found }) => {
  const read = (path: string) => (path === '/proc/net/tcp' ? table(...lines) : undefined)
  expect(findLeftBehind({ address: '127.0.0.1', port: PORT }, read) !== undefined).toBe(found)
})

test(
  'a name may stand for any address, and a socket of both families is found by its IPv4 ' +
    'address',
  () => {
    const read = (path: string) => (path === '/proc/net/tcp' ? table(LEFT) : undefined)
    expect(findLeftBehind({ address: 'storage1', port: PORT }, read)).toBeDefined()
    const mapped = LEFT.replaceAll('0100007F:', '0000000000000000FFFF00000100007F:')
    const both = (path: string) => (path === '/proc/net/tcp6' ? table(mapped) : undefined)
    expect(findLeftBehind({ address: '127.0.0.1', port: PORT }, both)).toBeDefined()
    expect(findLeftBehind({ address: '127.0.0.2', port: PORT }, both)).toBeUndefined()
    expect(findLeftBehind({ address: '127.0.0.1', port: PORT }, () => undefined)).toBeUndefined()
  },
)

test(
  'nothing is changed on a host while something is to be delivered there; then it gets its ' +
    'time to start',
  async () => {
    const sim = new SimHost('storage1', new Timeline())
    const slept: number[] = []
    let nowMs = 5000
    let left: string | undefined = LEFT
    const clock: Clock = { nowMs: () => nowMs, sleep: async ms => void slept.push(ms) }
    const host = createHost({
      changes: ALL_CHANGES,
      name: 'storage1',
      shell: new SimShell(sim),
      clock,
      graceMs: 2000,
      leftBehind: () => left,
    })
    nowMs += 60_000
    await expect(host.settled(['v-1'])).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('is not delivered yet'),
    })
    expect(sim.timeline.commands).toEqual([])
    left = undefined
    await host.settled(['v-1'])
    expect(slept).toEqual([2000])
  },
)

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux(
  'a process that is killed while the other side does not read leaves a connection behind, ' +
    'until that reads',
  async () => {
    const server = createServer({ pauseOnConnect: true })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const writes =
      `require('net').connect(${port}, '127.0.0.1', function () { ` +
      `this.write(Buffer.alloc(1 << 24)); setTimeout(() => console.log('written')) })`
    const child = spawn(process.execPath, ['-e', writes])
    const [far] = (await once(server, 'connection')) as [Socket]
    far.on('error', () => {})
    server.close()
    await once(child.stdout, 'data')
    const end = { address: '127.0.0.1', port }
    expect(findLeftBehind(end)).toBeUndefined()
    child.kill('SIGKILL')
    await once(child, 'exit')
    while (findLeftBehind(end) === undefined) await new Promise(setImmediate)
    far.resume()
    while (findLeftBehind(end) !== undefined) await new Promise(setImmediate)
    far.destroy()
  },
)
