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

// On Solaris these become the program of the file system's type, with operands as given: /usr/lib/fs/ufs/mount (cmd/fs.d of illumos).
const REPLACED: readonly string[] = ['mount', 'umount', 'fsck']

/**
 * Whether the line may be this command, also under `sudo` and the like, as the program that the command became, and where only
 * its beginning is shown.
 */
export function mayBeCommand(line: string, command: Command): boolean {
  const [program = '', ...words] = line.split(/\s+/)
  if (REPLACED.includes(baseName(program)) && baseName(program) === baseName(command[0]) && program !== command[0]) {
    return isTruncated(line) || words.includes(command.at(-1) ?? '')
  }
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
  zpool: /^(create|import|export|online)$/,
  newfs: /./,
  mkfs: /./,
  format: /./,
  fmthard: /./,
  mount: /./,
  umount: /./,
  fsck: /./,
  e2fsck: /./,
  xfs_repair: /./,
  growfs: /./,
  resize2fs: /./,
  xfs_growfs: /./,
  // In the only form in which the driver runs them: an administrator's `rm -rf` may take hours.
  mkdir: /^-p$/,
  rmdir: /^\//,
  rm: /^-f$/,
  ln: /^-s$/,
  touch: /^\//,
}

// What may stand before a program: privileges, and the interpreter of one that is a script (growfs is).
const PREFIX = /^(sudo|pfexec|sh|ksh|ksh93|bash)$/

/** Whether the line is one of the driver's programs at a change, whoever started it. */
export function isChange(line: string): boolean {
  let words = line.split(/\s+/)
  while (PREFIX.test(baseName(words[0] ?? ''))) {
    const next = words.findIndex((word, index) => index > 0 && !word.startsWith('-'))
    if (next < 0) return false
    words = words.slice(next)
  }
  const [path = '', subcommand = ''] = words
  return CHANGES[baseName(path).replace(/^mkfs\..*/, 'mkfs')]?.test(subcommand) ?? false
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
