// The real OpenSSH server on a port of its own: with its own keys, stopped and started again as a
// test asks. On the loopback interface, or in a network namespace.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { SshTarget } from '../../src/shell/ssh/settings.ts'

const SSHD = '/usr/sbin/sshd'
const LOOPBACK = '127.0.0.1'

export interface OpenSshOptions {
  /** Further lines of sshd_config. */
  readonly settings?: readonly string[]
  readonly address?: string
  /** The server runs in it; otherwise where the test runs. */
  readonly namespace?: string
}

export class OpenSshServer {
  readonly target: SshTarget
  readonly #directory: string
  readonly #namespace: string | undefined
  #server: ChildProcess | undefined

  private constructor(directory: string, target: SshTarget, namespace: string | undefined) {
    this.#directory = directory
    this.target = target
    this.#namespace = namespace
  }

  static async start(options: OpenSshOptions = {}): Promise<OpenSshServer> {
    if (!existsSync(SSHD)) {
      throw new Error(`${SSHD} is missing; install it (package openssh-server)`)
    }
    const { settings = [], address = LOOPBACK, namespace } = options
    const directory = mkdtempSync(join(tmpdir(), 'openssh-'))
    const port = await freePort()
    const server = new OpenSshServer(
      directory,
      {
        ...{ name: 'openssh', address, port, user: userInfo().username },
        privateKeyFile: join(directory, 'id'),
        knownHostsFile: join(directory, 'known_hosts'),
      },
      namespace,
    )
    for (const name of ['host_ed25519', 'host_other', 'id']) server.generateKey(name)
    server.generateKey('host_rsa', 'rsa')
    writeFileSync(server.file('authorized_keys'), readFileSync(server.file('id.pub')))
    server.pin('host_ed25519')
    server.#configure(settings)
    // Where privileges are separated; the package makes it at boot only.
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
    await server.restart()
    return server
  }

  file(name: string): string {
    return join(this.#directory, name)
  }

  generateKey(name: string, type = 'ed25519'): void {
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', this.file(name)])
  }

  /** known_hosts has this key, and no other. */
  pin(key: string): void {
    const { address, port, knownHostsFile } = this.target
    const publicKey = readFileSync(this.file(`${key}.pub`), 'utf8')
    writeFileSync(knownHostsFile, `[${address}]:${port} ${publicKey}`)
  }

  /** Kills the server and every connection it serves; commands go on, as after a crash. */
  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server?.pid === undefined || server.exitCode !== null) return
    const sessions = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
    const ended = new Promise(resolve => server.once('exit', resolve))
    server.kill('SIGKILL')
    await ended
    for (const pid of sessions.split(' ').filter(each => each !== '')) {
      try {
        process.kill(Number(pid), 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
  }

  /** Starts again with what is configured now. */
  async restart(hostKey = 'host_ed25519'): Promise<void> {
    await this.kill()
    const keys = [hostKey, 'host_rsa'].flatMap(key => ['-h', this.file(key)])
    const words = [SSHD, '-D', '-e', '-f', this.file('sshd_config'), ...keys]
    const [program = SSHD, ...args] =
      this.#namespace === undefined ? words : ['ip', 'netns', 'exec', this.#namespace, ...words]
    const server = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#server = server
    await listening(server)
  }

  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #configure(settings: readonly string[]): void {
    const lines = [
      `Port ${this.target.port}`,
      `ListenAddress ${this.target.address}`,
      `AuthorizedKeysFile ${this.file('authorized_keys')}`,
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'StrictModes no',
      'PidFile none',
      'LogLevel VERBOSE',
      // bash reads .bashrc for a command over ssh unless it is a shell in a shell (run_startup_files
      // in its shell.c). What an account's own files cost is none of the tests' business.
      'SetEnv SHLVL=9',
      ...settings,
    ]
    writeFileSync(this.file('sshd_config'), lines.map(line => `${line}\n`).join(''))
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, LOOPBACK, () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address
          ? resolve(address.port)
          : reject(new Error('no port')),
      )
    })
  })
}

function listening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stderr?.on('data', chunk => {
      said += String(chunk)
      if (said.includes('Server listening')) resolve()
    })
    server.once('exit', status => reject(new Error(`sshd ended with status ${status}: ${said}`)))
  })
}
