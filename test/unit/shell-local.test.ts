// The local shell on this machine's own programs.

import { LocalShell } from '../../src/shell/local.ts'

const shell = new LocalShell()
const NODE = process.execPath
const script = (code: string) => [NODE, '-e', code] as const

test('a command ends with its status and what it printed', async () => {
  const result = await shell.run(['/bin/sh', '-c', 'printf out; printf err >&2; exit 3'], { effect: 'read' })
  expect(result).toMatchObject({ exitStatus: 3, stdout: 'out', stderr: 'err' })
})

test('arguments reach the program as they are', async () => {
  const words = ["it's", '$HOME', '*', '', 'a\nb', '; exit 1']
  const result = await shell.run([...script('console.log(JSON.stringify(process.argv.slice(1)))'), '--', ...words], { effect: 'read' })
  expect(JSON.parse(result.stdout)).toEqual(words)
})

test('the program sees the C locale and UTC, and its input', async () => {
  const result = await shell.run(['/bin/sh', '-c', 'echo "$LC_ALL $TZ"; cat'], { effect: 'read', input: 'given' })
  expect(result.stdout).toBe('C UTC\ngiven')
})

test('a program that does not read its input still ends with its own status', async () => {
  await expect(shell.run(['/bin/true'], { effect: 'write', input: 'x'.repeat(1 << 20) })).resolves.toMatchObject({ exitStatus: 0 })
})

test('a program that is not there is status 127', async () => {
  await expect(shell.run(['/usr/sbin/no-such-program'], { effect: 'read' })).resolves.toMatchObject({ exitStatus: 127 })
})

test('a write that is killed has an unknown fate', async () => {
  await expect(shell.run(['/bin/sh', '-c', 'kill -9 $$'], { effect: 'write' })).rejects.toMatchObject({
    kind: 'unavailable',
    fate: 'unknown',
  })
})

test('a command that exceeds its cap has an unknown fate', async () => {
  await expect(shell.run(['/bin/sleep', '2'], { effect: 'write', timeoutMs: 50 })).rejects.toMatchObject({ fate: 'unknown' })
})

test('a read is given up when it is aborted', async () => {
  const running = shell.run(['/bin/sleep', '20'], { effect: 'read', signal: AbortSignal.timeout(50) })
  await expect(running).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a write that has started is awaited although its deadline passes', async () => {
  const deadline = new AbortController()
  const running = shell.run(['/bin/sh', '-c', 'read line; exit 4'], { effect: 'write', input: 'go\n', signal: deadline.signal })
  deadline.abort()
  await expect(running).resolves.toMatchObject({ exitStatus: 4 })
})

test('nothing is started after the deadline', async () => {
  const running = shell.run(['/bin/true'], { effect: 'write', signal: AbortSignal.abort() })
  await expect(running).rejects.toMatchObject({ fate: 'not-started' })
})
