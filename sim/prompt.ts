// A prompt on a simulated host, for people. Each line is one plain command, parsed as the SSH
// server parses it.

import { createInterface } from 'node:readline'
import { DeviceError } from './devices.ts'
import type { GuestView, SimHost } from './host.ts'
import { parseLine } from './words.ts'

export interface PromptStreams {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  /**
   * Whether the other end is a terminal in raw mode. It needs echo, and a carriage return before
   * every newline.
   */
  readonly isTerminal: boolean
}

/**
 * A prompt over an SSH channel, with or without a terminal. Resolves with the exit status of the
 * session.
 */
export function runSession(
  channel: NodeJS.ReadWriteStream,
  host: SimHost,
  isTerminal: boolean,
): Promise<number> {
  return runPrompt(
    { input: channel, output: channel, isTerminal },
    new Map([[host.name, host]]),
    host.name,
  )
}

/** Runs until `exit` or the end of input. Resolves with the status of the last command. */
export async function runPrompt(
  streams: PromptStreams,
  hosts: ReadonlyMap<string, SimHost>,
  first: string,
): Promise<number> {
  const { input, output, isTerminal } = streams
  const write = (text: string) =>
    void output.write(isTerminal ? text.replace(/\r?\n/g, '\r\n') : text)
  const lines = createInterface({
    input,
    output,
    terminal: isTerminal,
    prompt: `${first}# `,
    historySize: 100,
  })
  let host = hosts.get(first)
  let status = 0
  // The input may end while a command runs; lines that were read before that still get an answer.
  let isOpen = true
  lines.once('close', () => {
    isOpen = false
  })
  write(`Simulated host ${first}. Plain commands only; "help" lists them, "exit" leaves.\n`)
  lines.prompt()
  for await (const line of lines) {
    const [word = '', name = ''] = line.trim().split(/\s+/)
    if (word === 'exit' || word === 'logout') break
    const own = ownAnswer(hosts, host, [word, name])
    if (own !== undefined) write(own)
    else if (word === 'use') {
      host = hosts.get(name) ?? host
      lines.setPrompt(`${host?.name ?? first}# `)
    } else if (host) status = await runLine(host, line, write)
    if (isOpen) lines.prompt()
  }
  lines.close()
  return status
}

/** The answer to a command of the prompt itself; undefined if the line is for the host. */
function ownAnswer(
  hosts: ReadonlyMap<string, SimHost>,
  host: SimHost | undefined,
  [word, name]: readonly [string, string],
): string | undefined {
  if (word === 'help') return help(host, hosts)
  if (word === 'use' && !hosts.has(name)) {
    return `no host ${name}; there are: ${[...hosts.keys()].join(' ')}\n`
  }
  if (word === 'mounts' && host?.guest) return showMounts(host.guest)
  if (word === 'files' && host?.guest) return showFiles(host.guest, name)
  return undefined
}

async function runLine(
  host: SimHost,
  line: string,
  write: (text: string) => void,
): Promise<number> {
  const parsed = parseLine(line)
  if (parsed.kind === 'error') {
    write(parsed.message)
    return parsed.exitStatus
  }
  if (parsed.kind === 'empty' || parsed.argv.length === 0) return 0
  const outcome = await host.perform(parsed.argv, '')
  if (outcome.kind !== 'exit') {
    const what = outcome.kind === 'cut' ? 'lose the connection' : 'refuse the command'
    write(`(the host would ${what} here)\n`)
    return 255
  }
  write(outcome.answer.stdout)
  write(outcome.answer.stderr)
  return outcome.answer.exitStatus
}

function showMounts(guest: GuestView): string {
  const rows = guest
    .mounts()
    .map(
      mount =>
        `${mount.source} on ${mount.path} type ${mount.type} (${mount.readonly ? 'ro' : 'rw'})\n`,
    )
  return rows.length > 0 ? rows.join('') : 'no volume is mounted\n'
}

function showFiles(guest: GuestView, path: string): string {
  if (!path.startsWith('/')) return 'files: name an absolute path, for example `files /`\n'
  try {
    const found = guest.files(path === '/' ? path : path.replace(/\/+$/, ''))
    const rows = found.map(file => `${String(file.bytes).padStart(8)} ${file.path}\n`)
    return rows.length > 0 ? rows.join('') : `no files of mounted volumes in ${path}\n`
  } catch (error) {
    if (error instanceof DeviceError) return `${error.message}\n`
    throw error
  }
}

function help(host: SimHost | undefined, hosts: ReadonlyMap<string, SimHost>): string {
  const programs = [...(host?.programs.keys() ?? [])].sort().join(' ')
  const inside = host?.guest
    ? 'inside the guest: mounts (mounted volumes), files PATH (files on them, with sizes)\n'
    : ''
  const others = hosts.size > 1 ? `hosts (use NAME): ${[...hosts.keys()].join(' ')}\n` : ''
  return `programs: ${programs}\n${inside}${others}`
}
