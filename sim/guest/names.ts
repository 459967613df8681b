// Names in the root file system of a simulated guest: directories, empty files and links, and the
// programs that create and show them. The contents of volumes are not here. For names that the
// kernel makes up, the tree asks the guest.

import type { SimAnswer, SimProgram } from '../host.ts'

export type NameEntry =
  | { readonly kind: 'directory' }
  | { readonly kind: 'file' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'block'; readonly numbers: string }

/** The differences between the tools of Linux and Solaris. */
export interface NameDialect {
  /** The message of `ls` about a name that it cannot read. */
  inaccessible(tool: string, path: string, words: string): string
  rmdirRefusal(path: string, reason: 'missing' | 'mounted' | 'not-a-directory'): string
}

export interface KernelNames {
  /** Text of a file that the kernel generates. */
  text(path: string): string | undefined
  /** Names in a directory that the kernel generates. */
  list(path: string): readonly string[] | undefined
  /** A device node, or a link to one. */
  entry(path: string): NameEntry | undefined
  isMountPoint(path: string): boolean
  /**
   * How the kernel answers for a path whose file system has failed: the text of errno, and whether
   * it still shows what it remembers.
   */
  failure(path: string): { readonly words: string; readonly remembers: boolean } | undefined
}

export const answer = (stdout = ''): SimAnswer => ({ exitStatus: 0, stdout, stderr: '' })
export const refuse = (exitStatus: number, stderr: string, stdout = ''): SimAnswer => ({
  exitStatus,
  stdout,
  stderr: `${stderr}\n`,
})
export const unsupported = (tool: string, args: readonly string[]): SimAnswer =>
  refuse(2, `${tool}: the simulation does not know these arguments: ${args.join(' ')}`)

export class NameTree {
  /**
   * The key is the nearest mount point above and the path: a name below a mount belongs to that
   * file system, and disappears with it.
   */
  readonly #entries = new Map<string, NameEntry>([[' /', { kind: 'directory' }]])
  readonly #kernel: KernelNames
  readonly #dialect: NameDialect

  constructor(kernel: KernelNames, dialect: NameDialect) {
    this.#kernel = kernel
    this.#dialect = dialect
    for (const path of [
      '/dev',
      '/etc',
      '/mnt',
      '/proc',
      '/sys',
      '/tmp',
      '/var',
      '/var/lib',
      '/var/lib/kubelet',
    ]) {
      this.#entries.set(` ${path}`, { kind: 'directory' })
    }
  }

  #key(path: string): string {
    for (let above = parentOf(path); above !== ''; above = parentOf(above)) {
      if (this.#kernel.isMountPoint(above)) return `${above} ${path}`
    }
    return ` ${path}`
  }

  find(path: string): NameEntry | undefined {
    return (
      this.#kernel.entry(path) ??
      this.#entries.get(this.#key(path)) ??
      (this.#kernel.list(path) && { kind: 'directory' })
    )
  }

  makeDirectory(path: string): void {
    this.#entries.set(this.#key(path), { kind: 'directory' })
  }

  /** Names that were created in a directory. */
  children(path: string): readonly string[] {
    const prefix = this.#key(path === '/' ? '/.' : `${path}/.`).slice(0, -1)
    const names = [...this.#entries.keys()]
      .filter(key => key.startsWith(prefix))
      .map(key => key.slice(prefix.length))
    return names.filter(name => name !== '' && !name.includes('/')).sort()
  }

  programs(): readonly (readonly [string, SimProgram])[] {
    return [
      ['ls', args => this.#ls(args)],
      ['cat', args => this.#cat(args)],
      ['mkdir', args => this.#mkdir(args)],
      ['rmdir', args => this.#rmdir(args)],
      ['rm', args => this.#rm(args)],
      ['ln', args => this.#ln(args)],
      ['touch', args => this.#touch(args)],
    ]
  }

  #ls(args: readonly string[]): SimAnswer {
    const [option, path, ...rest] = args
    if (option === '-ld' && rest.length > 0) return this.#lsEach(args.slice(1))
    if (path === undefined || rest.length > 0) return unsupported('ls', args)
    const entry = this.find(path)
    if (!entry) {
      return refuse(2, this.#dialect.inaccessible('ls', path, 'No such file or directory'))
    }
    const failure = this.#kernel.failure(path)
    if (failure && !failure.remembers) {
      return refuse(2, this.#dialect.inaccessible('ls', path, failure.words))
    }
    if (option === '-ld') {
      return {
        exitStatus: 0,
        stdout: `${longLine(entry, path)}\n`,
        stderr: failure ? `ls: ${path}: ${failure.words}\n` : '',
      }
    }
    if (entry.kind !== 'directory') return unsupported('ls', args)
    const names = [...(this.#kernel.list(path) ?? this.children(path))]
    if (option === '-1') return answer(names.map(name => `${name}\n`).join(''))
    if (option !== '-l' && option !== '-lA') return unsupported('ls', args)
    const lines = names.map(name =>
      longLine(this.find(`${path}/${name}`) ?? { kind: 'file' }, name),
    )
    return answer(['total 0', ...lines].map(line => `${line}\n`).join(''))
  }

  // Names that cannot be read do not keep the others from being listed, in order of their names.
  #lsEach(paths: readonly string[]): SimAnswer {
    const answers = paths.toSorted().map(path => this.#ls(['-ld', path]))
    return {
      exitStatus: Math.max(...answers.map(({ exitStatus }) => exitStatus)),
      stdout: answers.map(({ stdout }) => stdout).join(''),
      stderr: answers.map(({ stderr }) => stderr).join(''),
    }
  }

  #cat(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1) return unsupported('cat', args)
    const text = this.#kernel.text(path)
    if (text !== undefined) return answer(text)
    return refuse(
      1,
      this.find(path) ? `cat: ${path}: Is a directory` : `cat: ${path}: No such file or directory`,
    )
  }

  #mkdir(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if (option !== '-p' || args.length !== 2) return unsupported('mkdir', args)
    const parts = path.split('/').filter(part => part !== '')
    for (let count = 1; count <= parts.length; count++) {
      const directory = `/${parts.slice(0, count).join('/')}`
      const entry = this.find(directory)
      if (entry && entry.kind !== 'directory') {
        return refuse(1, `mkdir: cannot create directory '${directory}': File exists`)
      }
      if (!entry) this.makeDirectory(directory)
    }
    return answer()
  }

  #rmdir(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    const entry = this.find(path)
    if (!entry) return refuse(1, this.#dialect.rmdirRefusal(path, 'missing'))
    if (entry.kind !== 'directory') {
      return refuse(1, this.#dialect.rmdirRefusal(path, 'not-a-directory'))
    }
    if (this.#kernel.isMountPoint(path)) {
      return refuse(1, this.#dialect.rmdirRefusal(path, 'mounted'))
    }
    if (this.children(path).length > 0) {
      return refuse(1, `rmdir: failed to remove '${path}': Directory not empty`)
    }
    this.#entries.delete(this.#key(path))
    return answer()
  }

  #rm(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if (option !== '-f' || args.length !== 2) return unsupported('rm', args)
    const entry = this.#entries.get(this.#key(path))
    if (entry?.kind === 'directory') return refuse(1, `rm: cannot remove '${path}': Is a directory`)
    if (this.#kernel.isMountPoint(path)) {
      return refuse(1, `rm: cannot remove '${path}': Device or resource busy`)
    }
    this.#entries.delete(this.#key(path))
    return answer()
  }

  #ln(args: readonly string[]): SimAnswer {
    const [option, target = '', path = ''] = args
    if (option !== '-s' || args.length !== 3) return unsupported('ln', args)
    if (this.find(path)) {
      return refuse(1, `ln: failed to create symbolic link '${path}': File exists`)
    }
    if (!this.#hasParent(path)) {
      return refuse(1, `ln: failed to create symbolic link '${path}': No such file or directory`)
    }
    this.#entries.set(this.#key(path), { kind: 'link', target })
    return answer()
  }

  #touch(args: readonly string[]): SimAnswer {
    const [path = ''] = args
    if (args.length !== 1) return unsupported('touch', args)
    if (this.find(path)) return answer()
    if (!this.#hasParent(path)) {
      return refuse(1, `touch: cannot touch '${path}': No such file or directory`)
    }
    this.#entries.set(this.#key(path), { kind: 'file' })
    return answer()
  }

  #hasParent(path: string): boolean {
    return this.find(path.slice(0, path.lastIndexOf('/')) || '/')?.kind === 'directory'
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function longLine(entry: NameEntry, name: string): string {
  const line = (mode: string, size: string, shown: string) =>
    `${mode}   1 root     root     ${size.padStart(7)} Nov  3 10:00 ${shown}`
  switch (entry.kind) {
    case 'directory':
      return line('drwxr-xr-x', '512', name)
    case 'file':
      return line('-rw-r--r--', '0', name)
    case 'link':
      return line('lrwxrwxrwx', String(entry.target.length), `${name} -> ${entry.target}`)
    case 'block':
      return line('brw-rw----', entry.numbers, name)
  }
}

/** A disk's name in a Linux guest, from its number: vdiska … vdiskz, vdiskaa … (sunvdc.c). */
export function diskName(id: number): string {
  const a = 'a'.charCodeAt(0)
  return id < 26
    ? `vdisk${String.fromCharCode(a + id)}`
    : `vdisk${String.fromCharCode(a + Math.floor(id / 26) - 1, a + (id % 26))}`
}
