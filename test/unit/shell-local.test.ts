// The local shell on this machine's own programs.

import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalShell } from '../../src/shell/local.ts'

const shell = new LocalShell()
const NODE = process.execPath
const script = (code: string) => [NODE, '-e', code] as const

test('a command ends with its status and what it printed', async () => {
  const result = await shell.run(['/bin/sh', '-c', 'printf out; printf err >&2; exit 3'], {
    effect: 'read',
  })
  expect(result).toMatchObject({ exitStatus: 3, stdout: 'out', stderr: 'err' })
})

test('arguments reach the program as they are', async () => {
  const words = ["it's", '$HOME', '*', '', 'a\nb', '; exit 1']
  const result = await shell.run(
    [...script('console.log(JSON.stringify(process.argv.slice(1)))'), '--', ...words],
    { effect: 'read' },
  )
  expect(JSON.parse(result.stdout)).toEqual(words)
})

test('the program sees the C locale and UTC, and its input', async () => {
  const result = await shell.run(['/bin/sh', '-c', 'echo "$LC_ALL $TZ"; cat'], {
    effect: 'read',
    input: 'given',
  })
  expect(result.stdout).toBe('C UTC\ngiven')
})

// An interrupt at the terminal goes to all processes of a group.
test('a program is in a process group of its own', async () => {
  const { stdout } = await shell.run(['/bin/sh', '-c', 'echo $$; ps -o pgid= -p $$'], {
    effect: 'write',
  })
  const [pid, group] = stdout.trim().split(/\s+/)
  expect(group).toBe(pid)
})

test('a program that does not read its input still ends with its own status', async () => {
  await expect(
    shell.run(['/bin/true'], { effect: 'write', input: 'x'.repeat(1 << 20) }),
  ).resolves.toMatchObject({ exitStatus: 0 })
})

test('a program that is not there is status 127', async () => {
  await expect(shell.run(['/usr/sbin/no-such-program'], { effect: 'read' })).resolves.toMatchObject(
    { exitStatus: 127 },
  )
})

test('a program that may not be run is status 126', async () => {
  await expect(shell.run(['/etc/passwd'], { effect: 'read' })).resolves.toMatchObject({
    exitStatus: 126,
  })
})

test('what could not be started for another reason was not started', async () => {
  const running = shell.run(['/bin/echo', 'x'.repeat(1 << 22)], { effect: 'write' })
  await expect(running).rejects.toMatchObject({ kind: 'unavailable', fate: 'not-started' })
})

test('a daemon that keeps the output open does not keep its starter from its end', async () => {
  const running = shell.run(['/bin/sh', '-c', 'sleep 20 & echo $!; exit 5'], { effect: 'read' })
  const { exitStatus, stdout, durationMs } = await running
  // Of a command that printed nothing the number would be 0: everybody in the group of this
  // process.
  expect(stdout).toMatch(/^[1-9]\d+\n$/)
  process.kill(Number(stdout))
  expect(exitStatus).toBe(5)
  expect(durationMs).toBeLessThan(20_000)
})

/** A program that lives until somebody kills it or tells it to end, and is connected meanwhile. */
async function living() {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-'))
  const server = createServer()
  await once(server.listen(join(directory, 'socket')), 'listening')
  const connected = once(server, 'connection').then(([socket]) => socket as Socket)
  const code = `const s = require('node:net').connect(${JSON.stringify(join(directory, 'socket'))})
    s.on('data', () => { require('node:fs').writeFileSync(${JSON.stringify(join(directory, 'done'))}, ''); s.end() })`
  const dispose = () => {
    server.close()
    rmSync(directory, { recursive: true })
  }
  return {
    command: script(code),
    connected,
    isDone: () => existsSync(join(directory, 'done')),
    dispose,
  }
}

test('a read that is given up is killed', async () => {
  const { command, connected, dispose } = await living()
  const deadline = new AbortController()
  const running = shell.run(command, { effect: 'read', signal: deadline.signal })
  const socket = await connected
  deadline.abort()
  await expect(running).rejects.toMatchObject({ fate: 'unknown' })
  await once(socket.resume(), 'close')
  dispose()
})

test('a write that is given up goes on to its end', async () => {
  const { command, connected, isDone, dispose } = await living()
  const running = shell.run(command, { effect: 'write', timeoutMs: 1 })
  await expect(running).rejects.toMatchObject({ fate: 'unknown' })
  const socket = await connected
  socket.write('end')
  await once(socket.resume(), 'close')
  expect(isDone()).toBe(true)
  dispose()
})

test('a program that prints too much is given up', async () => {
  const running = shell.run(['/usr/bin/head', '-c', '70000000', '/dev/zero'], { effect: 'read' })
  await expect(running).rejects.toMatchObject({
    fate: 'unknown',
    message: expect.stringContaining('printed too much'),
  })
})

test('a write that is killed has an unknown fate', async () => {
  await expect(
    shell.run(['/bin/sh', '-c', 'kill -9 $$'], { effect: 'write' }),
  ).rejects.toMatchObject({
    kind: 'unavailable',
    fate: 'unknown',
  })
})

test('a command that exceeds its cap has an unknown fate', async () => {
  await expect(
    shell.run(['/bin/sleep', '2'], { effect: 'write', timeoutMs: 50 }),
  ).rejects.toMatchObject({ fate: 'unknown' })
})

test('a read is given up when it is aborted', async () => {
  const running = shell.run(['/bin/sleep', '20'], {
    effect: 'read',
    signal: AbortSignal.timeout(50),
  })
  await expect(running).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a write that has started is awaited although its deadline passes', async () => {
  const deadline = new AbortController()
  const running = shell.run(['/bin/sh', '-c', 'read line; exit 4'], {
    effect: 'write',
    input: 'go\n',
    signal: deadline.signal,
  })
  deadline.abort()
  await expect(running).resolves.toMatchObject({ exitStatus: 4 })
})

test('nothing is started after the deadline', async () => {
  const running = shell.run(['/bin/true'], {
    effect: 'write',
    signal: AbortSignal.abort(new Error('too late')),
  })
  await expect(running).rejects.toMatchObject({
    fate: 'not-started',
    cause: { message: 'too late' },
  })
})
