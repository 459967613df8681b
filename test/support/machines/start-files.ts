// What a machine in QEMU gets at each start, behind the files that were built: its settings and keys,
// as a second archive of its initial file system. It has two SSH servers, the driver's and the
// tests' own, each with a key of its own.

import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { run } from '../commands.ts'

export interface ServerPorts {
  readonly driver: number
  readonly own: number
}

/** Makes the keys, once for each directory, and tells the client those of all servers. */
export async function makeKeys(directory: string, servers: readonly ServerPorts[]): Promise<void> {
  for (const name of ['driver', 'own', 'host-key', 'own-host-key']) {
    const file = join(directory, name)
    if (existsSync(file)) continue
    await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file])
  }
  const known = servers.flatMap(({ driver, own }) => [
    `[127.0.0.1]:${driver} ${publicKey(directory, 'host-key')}\n`,
    `[127.0.0.1]:${own} ${publicKey(directory, 'own-host-key')}\n`,
  ])
  writeFileSync(join(directory, 'known_hosts'), known.join(''))
}

/** The files of one machine, in a directory that is made anew. */
export class StartFiles {
  readonly #root: string
  readonly #keys: string

  /** `keys`: the directory of `makeKeys`. */
  constructor(root: string, keys: string) {
    this.#root = root
    this.#keys = keys
    rmSync(root, { recursive: true, force: true })
    mkdirSync(root, { recursive: true })
  }

  put(path: string, content: string | Uint8Array, mode = 0o644): void {
    mkdirSync(join(this.#root, path, '..'), { recursive: true, mode: 0o755 })
    writeFileSync(join(this.#root, path), content)
    chmodSync(join(this.#root, path), mode)
  }

  /** `/etc/machine.conf`, which the machine's scripts read. */
  putSettings(settings: Readonly<Record<string, string>>): void {
    const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`)
    this.put('etc/machine.conf', lines.join(''))
  }

  /** The keys of both SSH servers, and of those who may log in as root. */
  putKeys(): void {
    const keys = this.#keys
    this.put('etc/ssh/ssh_host_ed25519_key', readFileSync(join(keys, 'host-key')), 0o600)
    this.put('etc/ssh/own_host_key', readFileSync(join(keys, 'own-host-key')), 0o600)
    this.put('root/.ssh/authorized_keys', `${publicKey(keys, 'driver')}\n`, 0o600)
    this.put('root/.ssh/own_keys', `${publicKey(keys, 'own')}\n`, 0o600)
  }

  /** The files as an archive that a kernel unpacks. */
  async pack(): Promise<Uint8Array> {
    const archive = `${this.#root}.cpio`
    const pack = 'cd "$1" && find . | cpio -o -H newc --quiet -R 0:0 > "$2"'
    await run(['sh', '-c', pack, 'pack', this.#root, archive])
    return readFileSync(archive)
  }
}

/** Puts the files behind what was built. Returns the path of the whole initial file system. */
export async function extendInitrd(
  directory: string,
  initrd: string,
  files: StartFiles,
): Promise<string> {
  const whole = join(directory, 'initrd')
  copyFileSync(initrd, whole)
  appendFileSync(whole, await files.pack())
  return whole
}

/** Without its comment. */
export function publicKey(directory: string, name: string): string {
  return readFileSync(join(directory, `${name}.pub`), 'utf8')
    .split(' ')
    .slice(0, 2)
    .join(' ')
}
