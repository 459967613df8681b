// What runs on a host, by its own process list, and whether a line of it may be a certain command.

import { StorageError } from '../errors.ts'
import { expectSuccess } from './failures.ts'
import { type Command, formatCommand, type Shell } from './shell.ts'

const LIST: Command = ['/usr/bin/ps', '-e', '-o', 'args']

// Solaris keeps the first 80 bytes of a command line, the last of them a NUL (PRARGSZ in procfs.h, proc(4); recalled).
const TRUNCATED_FROM = 79

/** Command lines of all processes. A failure to list is `unavailable`: an unknown list is not an empty one. */
export async function listProcesses(shell: Shell, host: string, signal?: AbortSignal): Promise<readonly string[]> {
  const result = await shell.run(LIST, { effect: 'read', signal })
  const lines = result.stdout.split('\n').map(line => line.trim())
  try {
    expectSuccess(LIST, result, [], host)
  } catch (cause) {
    throw new StorageError('unavailable', `${host}: the process list could not be read`, { cause })
  }
  const header = lines.findIndex(line => line === 'COMMAND' || line === 'ARGS')
  if (header < 0) throw new StorageError('unavailable', `${host}: ${formatCommand(LIST)} printed no list`)
  return lines.slice(header + 1).filter(line => line !== '')
}

export function isTruncated(line: string): boolean {
  return line.length >= TRUNCATED_FROM
}

/** Whether the line may be this command, also under `sudo` and the like, and also where only its beginning is shown. */
export function mayBeCommand(line: string, command: Command): boolean {
  const wanted = command.join(' ').replace(/\s+/g, ' ')
  const at = line.indexOf(command[0])
  if (at < 0) return false
  const shown = line.slice(at).replace(/\s+/g, ' ')
  return shown === wanted || (isTruncated(line) && wanted.startsWith(shown.trim()))
}

// What the driver's programs change things with. Reads and long transfers of an administrator (`zfs send`) are none of these.
const CHANGES: Readonly<Record<string, RegExp>> = {
  zfs: /^(create|clone|snapshot|destroy|set|inherit|rename|promote|rollback|release|hold|program)$/,
  ldm: /^(add|rm|remove|set)-/,
  stmfadm: /^(create|delete|modify|add|remove|import|online|offline)-/,
  iscsiadm: /^(add|modify|remove)$/,
  devfsadm: /./,
  newfs: /./,
  format: /./,
  fmthard: /./,
  mkfs: /./,
  mount: /./,
  umount: /./,
  zpool: /^(create|import|export|online)$/,
}

/** Whether the line is one of the driver's programs at a change, whoever started it. */
export function isChange(line: string): boolean {
  const words = line.split(/\s+/)
  const start = /(^|\/)(sudo|pfexec)$/.test(words[0] ?? '') ? words.findIndex((word, index) => index > 0 && !word.startsWith('-')) : 0
  const [path = '', subcommand = ''] = words.slice(start)
  const name = path.slice(path.lastIndexOf('/') + 1)
  return CHANGES[name.replace(/^mkfs\..*/, 'mkfs')]?.test(subcommand) ?? false
}
