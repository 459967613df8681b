// Creates, removes and checks the directories of csi-sanity in a guest instead of on this machine.
// csi-sanity runs one program with one argument for each. These programs, four lines of bash, ask a
// server here, and the server asks the guest.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { createInterface } from 'node:readline'
import type { CommandResult, Shell } from '../../src/shell/shell.ts'

const WORDS = ['create', 'remove', 'check'] as const
type Word = (typeof WORDS)[number]

export class GuestPaths {
  /** Collects failures, because csi-sanity ignores directories that it could not remove. */
  readonly problems: string[] = []
  readonly #shell: Shell
  readonly #server: Server
  #directory = ''

  constructor(shell: Shell) {
    this.#shell = shell
    this.#server = createServer(socket => {
      socket.on('error', () => {})
      createInterface({ input: socket }).once('line', line => {
        const [word = '', path = ''] = line.split(/ (.*)/s)
        this.#answer(word, path).then(
          text => socket.end(`0 ${text}\n`),
          (error: unknown) => {
            this.problems.push(`${word} ${path}: ${error instanceof Error ? error.message : error}`)
            socket.end(`1 ${error}\n`)
          },
        )
      })
    })
  }

  /** Writes the programs into a directory. They reach the server over the loopback interface. */
  async start(directory: string): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('the server has no port')
    this.#directory = directory
    mkdirSync(directory, { recursive: true })
    for (const word of WORDS) {
      const file = this.program(word)
      writeFileSync(
        file,
        `#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/${address.port}\nprintf '%s %s\\n' ${word} ` +
          `"$1" >&3\nread -r status answer <&3\necho "$answer"\nexit "$status"\n`,
      )
      chmodSync(file, 0o755)
    }
  }

  stop(): Promise<void> {
    return new Promise(resolve => this.#server.close(() => resolve()))
  }

  program(word: Word): string {
    return `${this.#directory}/${word}`
  }

  async #answer(word: string, path: string): Promise<string> {
    switch (word) {
      case 'create':
        expectSuccess(await this.#shell.run(['/bin/mkdir', '-p', path], { effect: 'write' }))
        return path
      case 'remove':
        expectSuccess(await this.#shell.run(['/bin/rmdir', path], { effect: 'write' }))
        return ''
      case 'check':
        return kindOf(await this.#shell.run(['/bin/ls', '-ld', path], { effect: 'read' }))
      default:
        throw new Error(`unknown question ${word}`)
    }
  }
}

/** The answer in csi-sanity's words. */
function kindOf(listing: CommandResult): string {
  if (listing.exitStatus !== 0 && /No such file or directory/.test(listing.stderr)) {
    return 'not_found'
  }
  switch (expectSuccess(listing).stdout.charAt(0)) {
    case 'd':
      return 'directory'
    case '-':
      return 'file'
    default:
      return 'other'
  }
}

function expectSuccess(result: CommandResult): CommandResult {
  if (result.exitStatus !== 0) {
    throw new Error(`exit status ${result.exitStatus}: ${result.stderr.trim()}`)
  }
  return result
}
