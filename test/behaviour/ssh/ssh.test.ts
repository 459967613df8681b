// The ssh shell against simulated hosts on the loopback interface: what it says of a command must
// be what happened to it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimHost, Timeline } from '../../../sim/host.ts'
import { generateKeys, SimSshServer } from '../../../sim/ssh-server.ts'
import { describeError } from '../../../src/errors.ts'
import type { SshTarget } from '../../../src/shell/ssh/settings.ts'
import { SshShell } from '../../../src/shell/ssh/ssh.ts'

const directory = mkdtempSync(join(tmpdir(), 'ssh-test-'))
const disposals: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const dispose of disposals.splice(0)) await dispose()
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A program that ends when it is told to, so that a test decides how long commands run. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  let begun = 0
  let waiting: { count: number; resolve: () => void } | undefined
  return {
    open: () => open(),
    /** Resolves when that many commands stand at the gate. */
    begun: (count: number) =>
      new Promise<void>(resolve => {
        if (begun >= count) resolve()
        else waiting = { count, resolve }
      }),
    program: async () => {
      begun += 1
      if (waiting && begun >= waiting.count) waiting.resolve()
      await opened
      return { exitStatus: 0, stdout: 'done\n', stderr: '' }
    },
  }
}

async function world(options: { readonly maxSessions?: number } = {}) {
  const host = new SimHost('storage1', new Timeline())
  const written: string[] = []
  host.programs.set('echo', args => ({ exitStatus: 0, stdout: `${args.join(' ')}\n`, stderr: '' }))
  host.programs.set('fail', () => ({ exitStatus: 5, stdout: 'half\n', stderr: 'no\n' }))
  host.programs.set('cat', (_args, { input }) => ({ exitStatus: 0, stdout: input, stderr: '' }))
  host.programs.set('write', args => {
    written.push(args.join(' '))
    return { exitStatus: 0, stdout: 'written\n', stderr: '' }
  })
  const server = await SimSshServer.start({ host, directory, ...options })
  disposals.push(() => server.stop())
  const { address, port, user, privateKeyFile, knownHostsFile } = server.access
  const target = {
    name: 'storage1',
    address,
    port,
    user,
    privateKeyFile,
    knownHostsFile,
    connectTimeoutMs: 2000,
  }
  return { host, server, target, written }
}

function connect(target: SshTarget): SshShell {
  const shell = new SshShell(target)
  disposals.push(() => shell.close())
  return shell
}

const echo = ['/usr/bin/echo', 'a'] as const
const write = ['/usr/sbin/write', 'x'] as const

test('a command ends with its status and both outputs', async () => {
  const { target } = await world()
  const shell = connect(target)
  await expect(shell.run(['/usr/bin/fail'], { effect: 'read' })).resolves.toMatchObject({
    exitStatus: 5,
    stdout: 'half\n',
    stderr: 'no\n',
  })
  await expect(shell.run(['/usr/bin/none'], { effect: 'read' })).resolves.toMatchObject({
    exitStatus: 127,
  })
})

test('arguments, input and large output arrive byte for byte', async () => {
  const { host, target } = await world()
  const shell = connect(target)
  const word = `it's "$HOME" * \\ \n ü 漢 ; |`
  await expect(shell.run(['/usr/bin/echo', word, ''], { effect: 'read' })).resolves.toMatchObject({
    stdout: `${word} \n`,
  })
  const text = 'ü'.repeat(3 << 20)
  await expect(shell.run(['/usr/bin/cat'], { effect: 'read', input: text })).resolves.toMatchObject(
    { stdout: text },
  )
  expect(host.timeline.commands[0]?.argv).toEqual(['/usr/bin/echo', word, ''])
})

test('an account whose login shell is csh runs every command, with arguments as they were', async () => {
  const { host, target } = await world()
  host.loginShell = 'csh'
  const word = `it's "$HOME" * \\ ! !! \\! a!b ~ ü 漢 ; |`
  await expect(
    connect(target).run(['/usr/bin/echo', word], { effect: 'read' }),
  ).resolves.toMatchObject({ stdout: `${word}\n` })
})

test('a login banner stands before the output and changes nothing else', async () => {
  const { host, target } = await world()
  host.banner = 'Authorised use only\n'
  await expect(connect(target).run(echo, { effect: 'read' })).resolves.toMatchObject({
    exitStatus: 0,
    stdout: 'Authorised use only\na\n',
  })
})

describe('a cut during a write is unknown, and the next command connects again', () => {
  test.each([
    { name: 'connection, before the effect', style: 'connection', fault: 'cut-before', effects: 0 },
    { name: 'connection, after the effect', style: 'connection', fault: 'cut-after', effects: 1 },
    { name: 'channel, before the effect', style: 'channel', fault: 'cut-before', effects: 0 },
    { name: 'channel, after the effect', style: 'channel', fault: 'cut-after', effects: 1 },
    { name: 'connection, mid-output', style: 'connection', fault: undefined, effects: 1 },
    { name: 'channel, mid-output', style: 'channel', fault: undefined, effects: 1 },
  ] as const)('$name', async ({ style, fault, effects }) => {
    const { host, server, target, written } = await world()
    server.cutStyle = style
    if (fault) {
      host.timeline.rules.push(argv => (argv[0] === write[0] ? { kind: fault } : undefined))
    } else server.cutsMidAnswer = argv => argv[0] === write[0]
    const shell = connect(target)

    await expect(shell.run(write, { effect: 'write' })).rejects.toMatchObject({
      kind: 'unavailable',
      fate: 'unknown',
    })
    expect(written).toHaveLength(effects)
    await expect(shell.run(echo, { effect: 'read' })).resolves.toMatchObject({ stdout: 'a\n' })
  })
})

test('a cut of the connection reaches every command on it, and a later command works', async () => {
  const { host, server, target } = await world()
  const { program, begun } = gate()
  host.programs.set('wait', program)
  const shell = connect(target)
  const running = [1, 2, 3].map(() => shell.run(['/usr/bin/wait'], { effect: 'write' }))
  await begun(3)
  server.cutConnections()
  for (const outcome of await Promise.allSettled(running)) {
    expect(outcome).toMatchObject({ reason: { fate: 'unknown' } })
  }
  await expect(shell.run(echo, { effect: 'read' })).resolves.toMatchObject({ exitStatus: 0 })
})

test(
  'what a connection had not sent when it was given up never arrives, also when the network ' +
    'heals',
  async () => {
    const { server, target, written, host } = await world({ maxSessions: 20 })
    // Between the two a machine that forwards until the network breaks: then it takes nothing from
    // either side.
    const passed: Socket[] = []
    const network = createServer({ allowHalfOpen: true }, near => {
      const far = createConnection({ port: target.port, host: target.address, allowHalfOpen: true })
      passed.push(near, far)
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        one.on('error', () => other.destroy())
        one.on('close', () => other.end())
        one.pipe(other)
      }
    })
    await new Promise<void>(resolve => network.listen(0, '127.0.0.1', resolve))
    disposals.push(() => new Promise<void>(resolve => network.close(() => resolve())))
    disposals.push(() => {
      for (const socket of passed) socket.destroy()
    })
    const { port } = network.address() as AddressInfo
    const key = readFileSync(target.knownHostsFile, 'utf8').replace(/^\S+/, `[127.0.0.1]:${port}`)
    const knownHostsFile = join(directory, 'network_known_hosts')
    writeFileSync(knownHostsFile, key)
    const shell = connect({ ...target, port, knownHostsFile, maxSessions: 20 })
    const { program, begun, open } = gate()
    host.programs.set('wait', program)
    const running = shell
      .run(['/usr/bin/wait'], { effect: 'write', timeoutMs: 1000 })
      .catch(error => error)
    await begun(1)
    const [near, far] = passed
    if (!near || !far) throw new Error('nothing was connected')

    // The sessions are opened, but the answers are on their way when the network breaks: then the
    // commands go out into nothing.
    far.unpipe().pause()
    // So much before the last command that the buffers of the other side are full, and it waits in
    // this machine.
    const filler = 'y'.repeat(32 << 10)
    const opened = server.openedSessions + 15
    const many = Array.from({ length: 14 }, () =>
      shell.run(['/usr/bin/echo', filler], { effect: 'write', timeoutMs: 1000 }),
    )
    const lost = shell.run(write, { effect: 'write', timeoutMs: 1000 })
    const outcomes = Promise.allSettled([...many, lost])
    while (server.openedSessions < opened) await new Promise(setImmediate)
    near.unpipe().pause()
    far.pipe(near)
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ reason: { fate: 'unknown' } })
    }
    expect(await running).toMatchObject({ fate: 'unknown' })

    const closed = new Promise(resolve => far.once('close', resolve))
    near.pipe(far)
    await closed
    open()
    while (!server.isIdle) await new Promise(setImmediate)
    expect(written).toEqual([])
  },
)

describe('a connection that is refused starts nothing', () => {
  test('another host key than the pinned one names file and offered key', async () => {
    const { target, written } = await world()
    const knownHostsFile = join(directory, 'wrong_known_hosts')
    writeFileSync(knownHostsFile, `[127.0.0.1]:${target.port} ${generateKeys().public}\n`)
    const running = connect({ ...target, knownHostsFile }).run(write, { effect: 'write' })
    await expect(running).rejects.toMatchObject({
      fate: 'not-started',
      fault: 'local',
      cause: { message: expect.stringMatching(/wrong_known_hosts; .*offered ssh-ed25519 SHA256:/) },
    })
    expect(written).toEqual([])
  })

  test('a host without an entry is not trusted on first use', async () => {
    const { target, written } = await world()
    const knownHostsFile = join(directory, 'empty_known_hosts')
    writeFileSync(knownHostsFile, '')
    const running = connect({ ...target, knownHostsFile }).run(write, { effect: 'write' })
    await expect(running).rejects.toMatchObject({
      fate: 'not-started',
      fault: 'local',
      cause: {
        message: expect.stringMatching(/empty_known_hosts has no key for \[127\.0\.0\.1\]/),
      },
    })
    expect(written).toEqual([])
  })

  test.each([
    { name: 'the wrong user', change: { user: 'root' } },
    { name: 'a missing private key file', change: { privateKeyFile: join(directory, 'none') } },
    { name: 'a missing known_hosts file', change: { knownHostsFile: join(directory, 'none') } },
  ])('$name', async ({ change }) => {
    const { target, written } = await world()
    const running = connect({ ...target, ...change }).run(write, { effect: 'write' })
    await expect(running).rejects.toMatchObject({
      kind: 'unavailable',
      fate: 'not-started',
      fault: 'local',
    })
    expect(written).toEqual([])
  })

  test.each([
    { name: 'a directory for a private key', change: { privateKeyFile: directory } },
    {
      name: 'a private key file that holds something else',
      change: { privateKeyFile: process.execPath },
    },
    { name: 'a directory for known_hosts', change: { knownHostsFile: directory } },
  ])('$name is named, and no connection is left behind', async ({ change }) => {
    const { target, server } = await world()
    const error = await connect({ ...target, ...change })
      .run(write, { effect: 'write' })
      .catch(each => each)
    expect(error).toMatchObject({ fate: 'not-started', fault: 'local' })
    expect(describeError(error)).toContain(Object.values(change)[0])
    while (!server.isIdle) await new Promise(setImmediate)
  })

  test("another host's private key", async () => {
    const { target } = await world()
    const foreign = join(directory, 'foreign-id')
    writeFileSync(foreign, generateKeys().private, { mode: 0o600 })
    const running = connect({ ...target, privateKeyFile: foreign }).run(write, { effect: 'write' })
    await expect(running).rejects.toMatchObject({ fate: 'not-started' })
  })
})

test('a host that is down at start answers at once, and serves when it is up', async () => {
  const { host, target } = await world()
  host.down = true
  const shell = connect(target)
  await expect(shell.run(echo, { effect: 'read' })).rejects.toMatchObject({ fate: 'not-started' })
  const again = performance.now()
  await expect(shell.run(echo, { effect: 'read' })).rejects.toMatchObject({ fate: 'not-started' })
  expect(performance.now() - again).toBeLessThan(1000)
  host.down = false
  await expect(eventually(() => shell.run(echo, { effect: 'read' }))).resolves.toMatchObject({
    stdout: 'a\n',
  })
})

test(
  'a port that nobody listens on is the far side that does not answer, and is still so a ' +
    'moment later',
  async () => {
    const { target } = await world()
    const free = createServer()
    await new Promise<void>(resolve => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as AddressInfo
    await new Promise(resolve => free.close(resolve))
    const shell = connect({ ...target, port })
    for (const _ of [1, 2]) {
      await expect(shell.run(echo, { effect: 'read' })).rejects.toMatchObject({
        fate: 'not-started',
        fault: 'unreachable',
      })
    }
  },
)

test(
  'a port that takes the connection and says nothing does not answer; one that closes it ' +
    'again does',
  async () => {
    const { target } = await world()
    const sockets: Socket[] = []
    const server = createServer(socket => sockets.push(socket.on('error', () => {})))
    disposals.push(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const silent = connect({ ...target, port, connectTimeoutMs: 100 }).run(echo, { effect: 'read' })
    await expect(silent).rejects.toMatchObject({ fate: 'not-started', fault: 'unreachable' })
    server.on('connection', socket => socket.destroy())
    const closed = connect({ ...target, port, connectTimeoutMs: 5000 }).run(echo, {
      effect: 'read',
    })
    await expect(closed).rejects.toMatchObject({ fate: 'not-started', fault: 'local' })
  },
)

test('a host that goes down later and comes back is used again', async () => {
  const { host, server, target } = await world()
  const shell = connect(target)
  await shell.run(echo, { effect: 'read' })
  host.down = true
  server.cutConnections()
  await expect(shell.run(write, { effect: 'write' })).rejects.toMatchObject({ kind: 'unavailable' })
  host.down = false
  await expect(eventually(() => shell.run(echo, { effect: 'read' }))).resolves.toMatchObject({
    stdout: 'a\n',
  })
})

test(
  'fifty commands at once succeed on ten sessions a connection, more than ten at the same ' +
    'time',
  async () => {
    const { host, server, target } = await world()
    const { program, begun, open } = gate()
    host.programs.set('wait', program)
    const shell = connect(target)
    const running = Array.from({ length: 50 }, () =>
      shell.run(['/usr/bin/wait'], { effect: 'write' }),
    )
    await begun(11)
    open()
    for (const result of await Promise.all(running)) {
      expect(result).toMatchObject({ exitStatus: 0, stdout: 'done\n' })
    }
    expect(server.peakCommands).toBeGreaterThan(10)
    expect(server.refusedSessions).toBe(0)
  },
)

test('a server with fewer sessions than expected refuses some, and every command still runs once', async () => {
  const { server, target, written } = await world({ maxSessions: 2 })
  const shell = connect(target)
  const words = Array.from({ length: 30 }, (_, index) => `w${index}`)
  await Promise.all(words.map(word => shell.run(['/usr/sbin/write', word], { effect: 'write' })))
  expect([...written].sort()).toEqual([...words].sort())
  expect(server.refusedSessions).toBeGreaterThan(0)
})

test('commands that a server refused keep their order', async () => {
  const { server, target, written } = await world({ maxSessions: 1 })
  const shell = connect(target)
  const words = Array.from({ length: 8 }, (_, index) => `w${index}`)
  await Promise.all(words.map(word => shell.run(['/usr/sbin/write', word], { effect: 'write' })))
  expect(server.refusedSessions).toBeGreaterThan(0)
  // Neighbours may be on two connections.
  for (const [at, word] of words.entries()) {
    expect(Math.abs(written.indexOf(word) - at)).toBeLessThanOrEqual(2)
  }
})

describe('with all sessions in use', () => {
  async function busyWorld() {
    const { host, target } = await world()
    const { program, begun, open } = gate()
    host.programs.set('wait', program)
    const shell = connect({ ...target, maxSessions: 1 })
    const running = [1, 2, 3].map(() => shell.run(['/usr/bin/wait'], { effect: 'read' }))
    await begun(3)
    return { host, shell, running, open }
  }

  test('a queue that is too long refuses more', async () => {
    const { shell, running, open } = await busyWorld()
    const waiting = Array.from({ length: 256 }, () => shell.run(echo, { effect: 'read' }))
    await expect(shell.run(echo, { effect: 'read' })).rejects.toMatchObject({
      fate: 'not-started',
      fault: 'local',
    })
    open()
    await Promise.all([...running, ...waiting])
  })

  test('an aborted command leaves the queue and was not started', async () => {
    const { host, shell, running, open } = await busyWorld()
    const deadline = new AbortController()
    const waiting = shell.run(write, { effect: 'write', signal: deadline.signal })
    deadline.abort()
    await expect(waiting).rejects.toMatchObject({ fate: 'not-started', fault: 'local' })
    open()
    await Promise.all(running)
    expect(host.timeline.commands.map(({ argv }) => argv[0])).not.toContain(write[0])
  })

  test('a command that waits for longer than its cap was not started', async () => {
    const { shell, running, open } = await busyWorld()
    await expect(shell.run(write, { effect: 'write', timeoutMs: 20 })).rejects.toMatchObject({
      fate: 'not-started',
      fault: 'local',
    })
    open()
    await Promise.all(running)
  })
})

test('an aborted read is given up, and an aborted write is awaited', async () => {
  const { host, target } = await world()
  const { program, begun, open } = gate()
  host.programs.set('wait', program)
  const shell = connect(target)
  const deadline = new AbortController()
  const { signal } = deadline
  const reading = shell.run(['/usr/bin/wait'], { effect: 'read', signal })
  const writing = shell.run(['/usr/bin/wait'], { effect: 'write', signal })
  await begun(2)
  deadline.abort()
  await expect(reading).rejects.toMatchObject({ kind: 'unavailable' })
  open()
  await expect(writing).resolves.toMatchObject({ exitStatus: 0 })
})

test('a write that exceeds its cap is unknown, and the shell goes on', async () => {
  const { host, target } = await world()
  const { program, open } = gate()
  host.programs.set('wait', program)
  const shell = connect(target)
  // Connected before: the cap is of the command, and a slow handshake would use it up.
  await shell.run(echo, { effect: 'read' })
  await expect(
    shell.run(['/usr/bin/wait'], { effect: 'write', timeoutMs: 100 }),
  ).rejects.toMatchObject({ fate: 'unknown' })
  await expect(shell.run(echo, { effect: 'read' })).resolves.toMatchObject({ stdout: 'a\n' })
  open()
})

test('nothing is started after the deadline or after the shell was closed', async () => {
  const { target, written } = await world()
  const shell = connect(target)
  await expect(
    shell.run(write, { effect: 'write', signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({
    fate: 'not-started',
    fault: 'local',
  })
  shell.close()
  await expect(shell.run(write, { effect: 'write' })).rejects.toMatchObject({
    fate: 'not-started',
    fault: 'local',
  })
  expect(written).toEqual([])
})

/** Asks again while the host is unavailable: a bounded wait on the world. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + 5000; ; ) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > until) throw error
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
}
