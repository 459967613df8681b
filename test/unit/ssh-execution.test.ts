// When a command on an SSH connection has a result.

import { PassThrough } from 'node:stream'
import type { ClientChannel } from 'ssh2'
import { type ExecOptions, SshExecution } from '../../src/shell/ssh/execution.ts'

class FakeChannel extends PassThrough {
  readonly stderr = new PassThrough()
  isClosed = false

  close(): void {
    this.isClosed = true
  }
}

function execution(effect: ExecOptions['effect']) {
  const channel = new FakeChannel()
  const options = { effect, input: '', timeoutMs: 200, drainMs: 20 }
  const started = new SshExecution('host x: xl', options, () => {})
  started.markSent()
  started.begin(channel as unknown as ClientChannel)
  return { channel, started }
}

test('a write that left a process behind, which holds its output, has its own status', async () => {
  const { channel, started } = execution('write')
  channel.stderr.write('killing execution of the script\n')
  channel.emit('exit', 1)

  await expect(started.result).resolves.toMatchObject({
    exitStatus: 1,
    stderr: 'killing execution of the script\n',
  })
  expect(channel.isClosed).toBe(true)
  expect(started.isAbandoned).toBe(false)
})

test('a read has no result before all of its output has come', async () => {
  const { channel, started } = execution('read')
  channel.emit('exit', 0)

  await expect(started.result).rejects.toMatchObject({
    fate: 'unknown',
    message: expect.stringContaining('did not end within 200 ms'),
  })
})

test('a write that was ended by a signal has an unknown fate, also without the close', async () => {
  const { channel, started } = execution('write')
  channel.emit('exit', null, 'SIGKILL')

  await expect(started.result).rejects.toMatchObject({
    fate: 'unknown',
    message: expect.stringContaining('was ended by SIGKILL'),
  })
})

test('a command that is closed in time is answered at once, and its late close counts for nothing', async () => {
  const { channel, started } = execution('write')
  channel.emit('exit', 0)
  started.end()
  await expect(started.result).resolves.toMatchObject({ exitStatus: 0 })

  await new Promise(resolve => setTimeout(resolve, 40))
  expect(channel.isClosed).toBe(false)
})
