// What stands around a shell: the log of its commands, the word before each of them, and how a
// command reads in a message.

import type { LogFields } from '../../src/log.ts'
import { formatTitle, logged } from '../../src/shell/logging-shell.ts'
import { Output } from '../../src/shell/output.ts'
import { prefixed } from '../../src/shell/prefix.ts'
import {
  type Command,
  formatCommand,
  type RunOptions,
  type Shell,
  ShellError,
} from '../../src/shell/shell.ts'

const RESULT = { exitStatus: 3, stdout: 'out', stderr: 'err', durationMs: 7 }

/** A shell that answers as told and keeps what it was asked. */
function answering(answer: () => Promise<typeof RESULT> = async () => RESULT) {
  const asked: { command: Command; options: RunOptions }[] = []
  const shell: Shell = {
    run: (command, options) => {
      asked.push({ command, options })
      return answer()
    },
  }
  return { shell, asked }
}

function logging(shell: Shell) {
  const lines: { level: string; fields: LogFields; message: string }[] = []
  const at = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, fields, message })
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { lines, logged: logged(shell, { host: 'storage1', log }) }
}

const SECRET: Command = ['/usr/sbin/zfs', 'set', 'ldom-csi:key=hidden', 'tank/v']

test.each([
  { effect: 'write', level: 'info' },
  { effect: 'read', level: 'debug' },
] as const)(
  'a $effect is one line of level $level, without arguments, input and output',
  async ({ effect, level }) => {
    const { shell, asked } = answering()
    const { lines, logged } = logging(shell)
    const options = { effect, input: 'hidden too' }
    expect(await logged.run(SECRET, options)).toBe(RESULT)
    expect(asked).toEqual([{ command: SECRET, options }])
    const fields = {
      host: 'storage1',
      command: 'zfs set',
      exitStatus: 3,
      durationMs: expect.any(Number),
    }
    expect(lines).toEqual([{ level, fields, message: 'command done' }])
  },
)

test('the line of a command that took a moment says how long, in whole milliseconds', async () => {
  const { shell } = answering(async () => {
    const until = performance.now() + 3
    while (performance.now() < until);
    return RESULT
  })
  const { lines, logged } = logging(shell)
  const startedAt = performance.now()
  await logged.run(SECRET, { effect: 'read' })
  const took = lines[0]?.fields.durationMs ?? 0
  expect(took).toBeGreaterThanOrEqual(3)
  expect(took).toBeLessThanOrEqual(performance.now() - startedAt + 1)
  expect(Number.isInteger(took)).toBe(true)
})

test.each([
  {
    what: 'a lost command',
    error: new ShellError('unknown', 'cut', { cause: new Error('reset') }),
    says: { fate: 'unknown', error: 'cut: reset' },
  },
  { what: 'a bug', error: new Error('broken'), says: { error: 'broken' } },
])('the line of $what has its error, which the caller gets as it was', async ({ error, says }) => {
  const { lines, logged } = logging(answering(() => Promise.reject(error)).shell)
  await expect(logged.run(SECRET, { effect: 'write' })).rejects.toBe(error)
  expect(lines.map(({ fields }) => fields)).toEqual([
    { host: 'storage1', command: 'zfs set', durationMs: expect.any(Number), ...says },
  ])
})

test.each<{ command: Command; title: string }>([
  { command: ['/usr/sbin/zfs', 'list', 'tank'], title: 'zfs list' },
  { command: ['ldm', 'list-bindings', '-p'], title: 'ldm list-bindings' },
  { command: ['/bin/touch', '/pods/a'], title: 'touch' },
  { command: ['/bin/rm', '-f', 'a'], title: 'rm' },
  { command: ['/usr/bin/id', 'Root'], title: 'id' },
  { command: ['/usr/bin/id', 'user1'], title: 'id' },
  { command: ['/usr/bin/id'], title: 'id' },
])('$command is titled "$title"', ({ command, title }) => {
  expect(formatTitle(command)).toBe(title)
})

test('a prefix stands before program and arguments, and options pass', async () => {
  const { shell, asked } = answering()
  const options = { effect: 'write', timeoutMs: 5 } as const
  expect(await prefixed(shell, ['sudo', '-n']).run(['/usr/sbin/zfs', 'list'], options)).toBe(RESULT)
  expect(asked).toEqual([{ command: ['sudo', '-n', '/usr/sbin/zfs', 'list'], options }])
  expect(prefixed(shell, [])).toBe(shell)
})

test.each<{ command: Command; text: string }>([
  {
    command: ['/usr/sbin/zfs', 'get', '-Hp', 'a,b@c', 'x=y:z'],
    text: '/usr/sbin/zfs get -Hp a,b@c x=y:z',
  },
  { command: ['echo', ''], text: 'echo ""' },
  {
    command: ['echo', 'a b', 'c"d', 'e\n', '!f', 'g!'],
    text: 'echo "a b" "c\\"d" "e\\n" "!f" "g!"',
  },
])('$command reads as $text', ({ command, text }) => {
  expect(formatCommand(command)).toBe(text)
})

test(
  'a character that is split between two chunks arrives whole, and half of one is not lost ' +
    'silently',
  () => {
    const output = new Output()
    const bytes = Buffer.from('größe 漢')
    for (const byte of bytes) expect(output.add(Buffer.of(byte))).toBe(true)
    expect(output.text()).toBe('größe 漢')
    const half = new Output()
    half.add(bytes.subarray(0, -1))
    expect(half.text()).toBe('größe \ufffd')
  },
)

test('output may reach its limit and not pass it', () => {
  const output = new Output()
  const chunk = Buffer.alloc(32 * 1024 * 1024, 'x')
  expect([output.add(chunk), output.add(chunk), output.add(Buffer.from('y'))]).toEqual([
    true,
    true,
    false,
  ])
  expect(output.text().length).toBe(64 * 1024 * 1024)
})
