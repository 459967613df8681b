// A prompt on a host of a simulation in another process: connects this terminal to a session of the
// host's SSH server.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import type { WorldFile } from './serve.ts'

/** Resolves with the exit status of the session. */
export function promptOver(directory: string, hostName: string | undefined): Promise<number> {
  const { hosts } = readWorldFile(join(directory, 'world.json'))
  const names = Object.keys(hosts)
  const access = hosts[hostName ?? names[0] ?? '']
  if (!access) throw new Error(`name a host of the simulation: ${names.join(' ')}`)
  const known = readFileSync(access.knownHostsFile, 'utf8').split(' ')[2]?.trim()
  const client = new ssh2.Client()
  return new Promise((resolve, reject) => {
    client.once('error', reject)
    client.once('ready', () => {
      const { stdin, stdout } = process
      const terminal = stdin.isTTY
        ? { term: process.env.TERM ?? 'dumb', cols: stdout.columns ?? 80, rows: stdout.rows ?? 24 }
        : false
      client.shell(terminal, (error, channel) => {
        if (error) return reject(error)
        if (stdin.isTTY) stdin.setRawMode(true)
        stdin.pipe(channel).pipe(stdout)
        let status = 0
        channel.on('exit', (code: number | null) => {
          status = code ?? 255
        })
        channel.once('close', () => {
          if (stdin.isTTY) stdin.setRawMode(false)
          stdin.unpipe(channel)
          stdin.pause()
          client.end()
          resolve(status)
        })
      })
    })
    client.connect({
      host: access.address,
      port: access.port,
      username: access.user,
      privateKey: readFileSync(access.privateKeyFile),
      hostVerifier: (key: Buffer) => key.toString('base64') === known,
    })
  })
}

function readWorldFile(file: string): WorldFile {
  try {
    const world = JSON.parse(readFileSync(file, 'utf8')) as Partial<WorldFile> | null
    if (typeof world?.hosts !== 'object') throw new Error('it has no hosts')
    return world as WorldFile
  } catch (error) {
    const reason = error instanceof Error ? error.message : error
    throw new Error(
      `${file} was not written by \`ldom-sim serve\` (${reason}); name the directory of a ` +
        'running one',
    )
  }
}
