// The ssh shell against the real OpenSSH server, on a port of its own on the loopback interface.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import type { SshTarget } from '../../src/shell/ssh/settings.ts'
import { SshShell } from '../../src/shell/ssh/ssh.ts'
import { OpenSshServer } from '../support/openssh.ts'

const TCSH = '/bin/tcsh'
// Real processes, and a machine that may be busy.
const SLOW_MS = 60_000
const shells: SshShell[] = []
let server: OpenSshServer
let target: SshTarget
const file = (name: string) => server.file(name)

beforeAll(async () => {
  if (!existsSync(TCSH)) throw new Error(`${TCSH} is missing; install it (package tcsh)`)
  server = await OpenSshServer.start()
  target = server.target
  server.generateKey('id_csh')
  // Whoever comes with the second key has his lines read by a C shell, as the server does for an
  // account whose login shell it is.
  const csh =
    `command="exec ${TCSH} -c \\"$SSH_ORIGINAL_COMMAND\\"" ` +
    `${readFileSync(file('id_csh.pub'), 'utf8')}`
  writeFileSync(file('authorized_keys'), csh, { flag: 'a' })
  execFileSync('ssh-keygen', ['-q', '-H', '-f', file('known_hosts')], { stdio: 'ignore' })
})

afterEach(() => {
  for (const shell of shells.splice(0)) shell.close()
})

afterAll(() => server.stop())

function connect(change: Partial<SshTarget> = {}): SshShell {
  const shell = new SshShell({ ...target, ...change })
  shells.push(shell)
  return shell
}

test(
  'a change that leaves a process behind, which holds its output, has its status and its words',
  async () => {
    const shell = connect()
    const leave = '/bin/sleep 100 & echo $!; echo hung >&2; exit 3'
    const { exitStatus, stdout, stderr } = await shell.run(['/bin/sh', '-c', leave], {
      effect: 'write',
    })
    expect({ exitStatus, stderr }).toEqual({ exitStatus: 3, stderr: 'hung\n' })
    await expect(
      shell.run(['/bin/kill', stdout.trim()], { effect: 'write' }),
    ).resolves.toMatchObject({ exitStatus: 0 })
    // The session of the command is free again.
    const many = Array.from({ length: 20 }, () => shell.run(['/bin/true'], { effect: 'read' }))
    for (const { exitStatus: status } of await Promise.all(many)) expect(status).toBe(0)
  },
  SLOW_MS,
)

test(
  'every argument arrives as it was',
  async () => {
    const shell = connect()
    const argument = fc
      .string({ unit: 'binary', maxLength: 40 })
      .map(text => text.replaceAll('\0', ''))
    await fc.assert(
      fc.asyncProperty(fc.array(argument, { minLength: 1, maxLength: 8 }), async words => {
        const { stdout } = await shell.run(['/usr/bin/printf', '%s\\0', ...words], {
          effect: 'read',
        })
        expect(stdout).toBe(words.map(word => `${word}\0`).join(''))
      }),
      { numRuns: 50 },
    )
  },
  SLOW_MS,
)

test(
  'every argument arrives as it was where the login shell is a C shell, as no argument of the ' +
    'driver holds a newline',
  async () => {
    const shell = connect({ privateKeyFile: file('id_csh') })
    const words = [
      `it's "$HOME" $x * ? [a] {b,c} ~ \\ ! !! !$ \\! a!b \`id\` ^a^b % # ; & | < > ( ) ü 漢`,
      '',
      '-n',
      '!',
      "'!'",
    ]
    const { stdout } = await shell.run(['/usr/bin/printf', '%s\\0', ...words], { effect: 'read' })
    expect(stdout).toBe(words.map(word => `${word}\0`).join(''))
    const environment = await shell.run(['/bin/sh', '-c', 'echo $LC_ALL $TZ; exit 3'], {
      effect: 'read',
    })
    expect(environment).toMatchObject({ exitStatus: 3, stdout: 'C UTC\n' })
  },
  SLOW_MS,
)

test.each([
  {
    name: 'a failure',
    command: ['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'],
    result: { exitStatus: 3, stdout: 'out\n', stderr: 'err\n' },
  },
  {
    name: 'a missing program',
    command: ['/usr/sbin/no-such-program'],
    result: { exitStatus: 127 },
  },
  {
    name: 'the locale and the time zone',
    command: ['/bin/sh', '-c', 'echo $LC_ALL $TZ'],
    result: { stdout: 'C UTC\n' },
  },
] as const)('$name is reported as it is', async ({ command, result }) => {
  await expect(connect().run(command, { effect: 'read' })).resolves.toMatchObject(result)
})

test('large input and output pass unharmed', async () => {
  const text = 'ü'.repeat(4 << 20)
  await expect(connect().run(['/bin/cat'], { effect: 'read', input: text })).resolves.toMatchObject(
    { exitStatus: 0, stdout: text },
  )
})

test('a command that is killed has an unknown fate', async () => {
  const running = connect().run(['/bin/sh', '-c', 'kill -9 $$'], { effect: 'write' })
  await expect(running).rejects.toMatchObject({ kind: 'unavailable', fate: 'unknown' })
})

test('a connection that breaks leaves an unknown fate, and the next command connects again', async () => {
  const shell = connect()
  // The command ends the session process it runs under, as a restart of the server or a broken
  // network would.
  const running = shell.run(['/bin/sh', '-c', 'kill -9 $PPID; sleep 1'], { effect: 'write' })
  await expect(running).rejects.toMatchObject({ kind: 'unavailable', fate: 'unknown' })
  await expect(shell.run(['/bin/echo', 'a'], { effect: 'read' })).resolves.toMatchObject({
    stdout: 'a\n',
  })
})

test(
  'fifty commands at once, twice, all succeed on ten sessions a connection',
  async () => {
    const shell = connect()
    for (const round of [1, 2]) {
      const commands = Array.from({ length: 50 }, (_, index) =>
        shell.run(['/bin/echo', `${round}-${index}`], { effect: 'write' }),
      )
      const outputs = (await Promise.all(commands)).map(({ stdout }) => stdout)
      expect(outputs).toEqual(Array.from({ length: 50 }, (_, index) => `${round}-${index}\n`))
    }
  },
  SLOW_MS,
)

test(
  'sessions that the server refuses are not started and run later, each once',
  async () => {
    const counter = file('counter')
    const shell = connect({ maxSessions: 30 })
    const commands = Array.from({ length: 60 }, () =>
      shell.run(['/bin/sh', '-c', `echo x >> ${counter}`], { effect: 'write' }),
    )
    await Promise.all(commands)
    expect(readFileSync(counter, 'utf8')).toBe('x\n'.repeat(60))
  },
  SLOW_MS,
)

test(
  'an aborted read is given up and the shell goes on',
  async () => {
    const shell = connect()
    const reading = shell.run(['/bin/sleep', '30'], {
      effect: 'read',
      signal: AbortSignal.timeout(300),
    })
    await expect(reading).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(shell.run(['/bin/echo', 'a'], { effect: 'read' })).resolves.toMatchObject({
      stdout: 'a\n',
    })
  },
  SLOW_MS,
)

test.each([
  { name: 'a key of a type that the server has otherwise', key: 'host_rsa.pub', accepted: true },
  { name: "the user's own key in place of the host's", key: 'id.pub', accepted: false },
])('the host is known by $name: $accepted', async ({ key, accepted }) => {
  const knownHostsFile = file(`known_hosts_${key}`)
  writeFileSync(knownHostsFile, `[127.0.0.1]:${target.port} ${readFileSync(file(key), 'utf8')}`)
  const running = connect({ knownHostsFile }).run(['/bin/echo', 'a'], { effect: 'read' })
  if (accepted) await expect(running).resolves.toMatchObject({ stdout: 'a\n' })
  else {
    await expect(running).rejects.toMatchObject({
      fate: 'not-started',
      cause: { message: expect.stringContaining(knownHostsFile) },
    })
  }
})
