// The ssh shell while a real OpenSSH server dies, changes its key, is cut off or falls silent: what
// it says of each command is true, and it serves again once the server does.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { Relay } from '../../sim/relay.ts'
import { describeError } from '../../src/errors.ts'
import { type Command, ShellError } from '../../src/shell/shell.ts'
import type { SshTarget } from '../../src/shell/ssh/settings.ts'
import { SshShell } from '../../src/shell/ssh/ssh.ts'
import { type OpenSshOptions, OpenSshServer } from '../support/openssh.ts'

const SLOW_MS = 60_000
/** The keepalive needs 45 s to notice, and the link is down for a minute. */
const LINK_MS = 240_000
const ECHO: Command = ['/bin/echo', 'a']
const disposals: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose()
})

async function world(options: OpenSshOptions = {}) {
  const server = await OpenSshServer.start(options)
  disposals.push(() => server.stop())
  const connect = (change: Partial<SshTarget> = {}) => {
    const shell = new SshShell({ ...server.target, connectTimeoutMs: 2000, ...change })
    disposals.push(() => shell.close())
    return shell
  }
  const shell = connect()
  await shell.run(ECHO, { effect: 'read' })
  const log = server.file('log')
  const append = (word: string, seconds = '0'): Command => [
    '/bin/sh',
    '-c',
    `sleep ${seconds}; echo ${word} >> ${log}`,
  ]
  const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [])
  return { server, shell, connect, append, lines }
}

/** Begun when the file is there. */
async function begun(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise(setImmediate)
}

/** Asks again while the host is unavailable: a bounded wait on the world. */
async function eventually<T>(attempt: () => Promise<T>, limitMs = 10_000): Promise<T> {
  for (const until = performance.now() + limitMs; ; ) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > until) throw error
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}

test(
  'a server that is killed and starts again at once fails only what it was running',
  async () => {
    const { server, shell, append, lines } = await world()
    const mark = server.file('begun')
    const running = shell.run(['/bin/sh', '-c', `touch ${mark}; sleep 5`], { effect: 'write' })
    const lost = expect(running).rejects.toMatchObject({ kind: 'unavailable', fate: 'unknown' })
    await begun(mark)
    await server.kill()
    const waiting = [
      shell.run(append('one'), { effect: 'write' }),
      shell.run(ECHO, { effect: 'read' }),
    ]
    await server.restart()
    await expect(Promise.all(waiting)).resolves.toMatchObject([
      { exitStatus: 0 },
      { exitStatus: 0, stdout: 'a\n' },
    ])
    await lost
    expect(lines()).toEqual(['one'])
  },
  SLOW_MS,
)

test(
  'a server that stays away is the far side that does not answer, and is used again when it is back',
  async () => {
    const { server, shell, append, lines } = await world()
    await server.kill()
    const error = await shell.run(append('one'), { effect: 'write' }).catch(each => each)
    expect(error).toMatchObject({
      kind: 'unavailable',
      fate: 'not-started',
      fault: 'unreachable',
    })
    expect(describeError(error)).toMatch(/host openssh: .*ECONNREFUSED/)
    await server.restart()
    await eventually(() => shell.run(append('two'), { effect: 'write' }))
    expect(lines()).toEqual(['two'])
  },
  SLOW_MS,
)

test(
  'a server with another host key is refused with file and offered key, and accepted once the ' +
    'file has it',
  async () => {
    const { server, shell, append, lines } = await world()
    await server.restart('host_other')
    const error = await shell.run(append('one'), { effect: 'write' }).catch(each => each)
    expect(error).toMatchObject({ kind: 'unavailable', fate: 'not-started', fault: 'local' })
    expect(describeError(error)).toMatch(
      /the host key is not the one in .*known_hosts; .* offered ssh-ed25519 SHA256:/,
    )
    server.pin('host_other')
    await eventually(() => shell.run(append('two'), { effect: 'write' }))
    expect(lines()).toEqual(['two'])
  },
  SLOW_MS,
)

test(
  'changes while every connection lives for a moment only: each success is one, and what was not ' +
    'started has not run',
  async () => {
    const { server, connect, append, lines } = await world()
    const relay = await Relay.start(server.target.port)
    disposals.push(() => relay.stop())
    const shell = connect({ port: relay.port, knownHostsFile: pinned(server, relay.port) })
    await shell.run(ECHO, { effect: 'read' })
    relay.lifetimeMs = () => 300 + ((relay.accepted * 370) % 1000)
    relay.cut()
    const words = Array.from({ length: 60 }, (_, index) => `w${index}`)
    const left = [...words]
    const succeeded: string[] = []
    const notStarted: string[] = []
    const work = async () => {
      for (let word = left.shift(); word !== undefined; word = left.shift()) {
        try {
          await shell.run(append(word, '0.1'), { effect: 'write' })
          succeeded.push(word)
        } catch (error) {
          if (!(error instanceof ShellError)) throw error
          if (error.fate === 'not-started') notStarted.push(word)
        }
      }
    }
    await Promise.all(Array.from({ length: 10 }, work))
    expect(lines()).toEqual(expect.arrayContaining(succeeded))
    expect(new Set(lines()).size).toBe(lines().length)
    expect(lines().filter(word => notStarted.includes(word))).toEqual([])
    expect(succeeded.length).toBeGreaterThan(0)
  },
  SLOW_MS,
)

test(
  'a server that allows two sessions a connection runs fifty commands at once, each once',
  async () => {
    const { shell, append, lines } = await world({ settings: ['MaxSessions 2'] })
    const words = Array.from({ length: 50 }, (_, index) => `w${index}`)
    await Promise.all(words.map(word => shell.run(append(word), { effect: 'write' })))
    expect(lines().sort()).toEqual(words.sort())
  },
  SLOW_MS,
)

test(
  'a link that is down for a minute: what was running is unknown, nothing arrives later, and the ' +
    'healed link serves',
  async () => {
    const link = makeLink()
    disposals.push(() => link.remove())
    const { server, shell, append, lines } = await world(link)
    const mark = server.file('begun')
    const running = shell.run(['/bin/sh', '-c', `touch ${mark}; sleep 100`], { effect: 'write' })
    const lost = expect(running).rejects.toMatchObject({ kind: 'unavailable', fate: 'unknown' })
    await begun(mark)
    link.set('down')
    const downAt = performance.now()
    // Its session is never opened: it waits for the next connection, and there is none.
    const unsent = await shell.run(append('one'), { effect: 'write' }).catch(each => each)
    expect(unsent).toMatchObject({ kind: 'unavailable', fate: 'not-started', fault: 'unreachable' })
    await lost
    const meanwhile = await shell.run(append('two'), { effect: 'write' }).catch(each => each)
    expect(meanwhile).toMatchObject({ fate: 'not-started', fault: 'unreachable' })
    const restMs = downAt + 60_000 - performance.now()
    await new Promise(resolve => setTimeout(resolve, Math.max(0, restMs)))
    link.set('up')
    await eventually(() => shell.run(append('three'), { effect: 'write' }), 60_000)
    expect(lines()).toEqual(['three'])
  },
  LINK_MS,
)

function pinned(server: OpenSshServer, port: number): string {
  const known = server.file('known_hosts_relay')
  const text = readFileSync(server.target.knownHostsFile, 'utf8')
  writeFileSync(known, text.replace(`:${server.target.port} `, `:${port} `))
  return known
}

/** A network namespace with one cable to this one. */
function makeLink() {
  if (userInfo().uid !== 0) throw new Error('network namespaces need root')
  const name = `csi${process.pid}`
  const [near, far] = [`${name}n`, `${name}f`]
  const inner = '198.18.77.2'
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' })
  ip('netns', 'add', name)
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name)
  ip('addr', 'add', '198.18.77.1/30', 'dev', near)
  ip('link', 'set', near, 'up')
  ip('-n', name, 'addr', 'add', `${inner}/30`, 'dev', far)
  ip('-n', name, 'link', 'set', far, 'up')
  return {
    namespace: name,
    address: inner,
    set: (state: 'up' | 'down') => ip('-n', name, 'link', 'set', far, state),
    remove: () => {
      // A command that still runs there keeps the namespace, and the cable would stay with it.
      ip('link', 'del', near)
      ip('netns', 'del', name)
    },
  }
}
