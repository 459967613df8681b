// The socket under an ssh connection, against plain servers on the loopback interface.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { ResettingSocket } from '../../src/shell/ssh/resetting-socket.ts'

async function connected() {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = new ResettingSocket().connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[far]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [
    [Socket],
    unknown,
  ]
  server.close()
  return { socket, far }
}

test('given up, it drops what the other side has not taken, and is gone at once', async () => {
  const { socket, far } = await connected()
  far.pause()
  socket.write(Buffer.alloc(64 << 20))
  await new Promise(setImmediate)
  expect(socket.writableLength).toBeGreaterThan(0)
  socket.destroy()
  await once(socket, 'close')
  const reset = once(far, 'error')
  far.resume()
  expect(await reset).toMatchObject([{ code: 'ECONNRESET' }])
})

test('given up for a reason, it says so', async () => {
  const { socket, far } = await connected()
  far.on('error', () => {})
  const said = once(socket, 'error')
  socket.destroy(new Error('no answer'))
  expect(await said).toMatchObject([{ message: 'no answer' }])
})

test('given up behind a polite end, it closes all the same', async () => {
  const { socket, far } = await connected()
  far.resume()
  socket.write('x')
  socket.end()
  socket.destroy()
  await once(socket, 'close')
})

test('a connection that is refused is told as what it is', async () => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const socket = new ResettingSocket().connect(port, '127.0.0.1')
  const closed = once(socket, 'close').catch(error => error)
  expect(await once(socket, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }])
  await closed
  expect(socket.destroyed).toBe(true)
})
