// `npm run bench -- ssh`: a command of the driver over ssh against OpenSSH's own client over one
// shared connection, on the same server; and how long the controller takes to be ready.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoWorld } from '../sim/preset.ts'
import { serve } from '../sim/serve.ts'
import { connect } from '../src/csi/wire/client.ts'
import type { Command } from '../src/shell/shell.ts'
import { formatCommandLine, SshShell } from '../src/shell/ssh/ssh.ts'
import { OpenSshServer } from '../test/support/openssh.ts'
import { isAnswering } from '../test/support/sockets.ts'
import { formatRatio, measurePairs, type PairedFigures } from './pairs.ts'
import { startProgram } from './processes.ts'
import { ms, table } from './report.ts'

const SSH = '/usr/bin/ssh'
const AT_ONCE = 10
const ROW_TITLES = ['', 'driver', 'OpenSSH or Node', 'ratio (95 %)', 'pairs']
const QUIET: Command = ['/bin/true']
const WORDY: Command = ['/usr/bin/head', '-c', '262144', '/dev/zero']

/** Writes each row when it is measured. */
export async function benchSsh(script: string, pairs: number): Promise<void> {
  console.log(table(ROW_TITLES, []).trimEnd())
  const row = (name: string, figures: PairedFigures) => {
    const cells = [ms(figures.ours), ms(figures.theirs), formatRatio(figures), figures.pairs]
    console.log(`| ${[name, ...cells].join(' | ')} |`)
  }
  const server = await OpenSshServer.start()
  const client = new OpenSshClient(server)
  const shell = new SshShell(server.target)
  try {
    await client.connect()
    const both = (command: Command, count: number) => ({
      ours: () => atOnce(count, () => shell.run(command, { effect: 'read' })),
      theirs: () => atOnce(count, () => client.run(command)),
    })
    row('a command', await measurePairs(pairs, both(QUIET, 1)))
    row('a command that prints 256 KiB', await measurePairs(pairs, both(WORDY, 1)))
    row(`${AT_ONCE} commands at once`, await measurePairs(pairs, both(QUIET, AT_ONCE)))
    row(
      'a connection and one command',
      await measurePairs(pairs, {
        ours: async () => {
          const fresh = new SshShell(server.target)
          await fresh.run(QUIET, { effect: 'read' })
          fresh.close()
        },
        theirs: () => client.runAlone(QUIET),
      }),
    )
  } finally {
    shell.close()
    await client.disconnect()
    await server.stop()
  }
  row('from start to ready', await measureStart(script, pairs))
}

function atOnce(count: number, work: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, work))
}

/** The controller until its Probe says ready, against Node running nothing. */
async function measureStart(script: string, pairs: number): Promise<PairedFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-start-'))
  const served = await serve({ spec: demoWorld(), directory, realBlockDevices: false })
  const started: { stop(): Promise<void> }[] = []
  let starts = 0
  try {
    return await measurePairs(pairs, {
      ours: async () => {
        const controller = startProgram(
          directory,
          { script, nodeOptions: [] },
          {
            name: `controller-${starts++}`,
            args: ['controller', '--config', join(directory, 'controller.yaml')],
            env: {},
          },
        )
        started.push(controller)
        await answering(controller.endpoint.replace(/^unix:\/\//, ''))
        const client = connect(controller.endpoint)
        while (!(await client.identity.Probe({})).ready?.value);
        client.close()
      },
      theirs: () => ended(process.execPath, ['--eval', '']),
      cleanUp: () => Promise.all(started.splice(0).map(controller => controller.stop())),
    })
  } finally {
    await Promise.all(started.map(controller => controller.stop()))
    await served.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** OpenSSH's client as a person or a script uses it: a process for each command. */
class OpenSshClient {
  readonly #directory = mkdtempSync(join(tmpdir(), 'ssh-'))
  readonly #words: readonly string[]

  constructor({ target: { address, port, user, privateKeyFile, knownHostsFile } }: OpenSshServer) {
    this.#words = [
      ...['-F', 'none', '-i', privateKeyFile, '-o', `UserKnownHostsFile=${knownHostsFile}`],
      ...['-o', 'BatchMode=yes', '-p', `${port}`, '-l', user, address],
    ]
  }

  /** In the background, until `disconnect`. */
  connect(): Promise<void> {
    return ended(SSH, ['-o', 'ControlMaster=yes', '-N', '-f', ...this.#shared, ...this.#words])
  }

  run(command: Command): Promise<void> {
    return ended(SSH, [...this.#shared, ...this.#words, formatCommandLine(command)])
  }

  /** Over a connection of its own. */
  runAlone(command: Command): Promise<void> {
    return ended(SSH, [...this.#words, formatCommandLine(command)])
  }

  async disconnect(): Promise<void> {
    await ended(SSH, ['-q', ...this.#shared, '-O', 'exit', ...this.#words])
    rmSync(this.#directory, { recursive: true, force: true })
  }

  get #shared(): readonly string[] {
    return ['-o', `ControlPath=${join(this.#directory, 's')}`]
  }
}

async function answering(path: string): Promise<void> {
  while (!(await isAnswering(path))) await new Promise(resolve => setTimeout(resolve, 1))
}

function ended(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.resume()
    child.once('error', reject)
    child.once('close', status =>
      status === 0 ? resolve() : reject(new Error(`${program} ended with status ${status}`)),
    )
  })
}
