// A simulated host: programs, devices, running processes and faults. The host does not parse
// arguments; each program does, as on a real host. Every command passes perform(), in process or
// over SSH, so a fault means the same everywhere.

import { id, ROOT, type SimAccount } from './account.ts'
import type { SimDevice } from './devices.ts'
import type { LoginShell } from './words.ts'

export interface SimAnswer {
  readonly exitStatus: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * A program. `args` does not include its name. It answers as the real tool would, and fails on
 * arguments that the simulator does not support.
 */
export type SimProgram = (
  args: readonly string[],
  context: {
    readonly input: string
    readonly host: SimHost
    /** The power fails after the first transaction of a command that takes several. */
    readonly isCutBetween?: boolean
  },
) => SimAnswer | Promise<SimAnswer>

export type SimOutcome =
  | { readonly kind: 'exit'; readonly answer: SimAnswer }
  | { readonly kind: 'cut' } // the connection was lost: no exit status
  | { readonly kind: 'refused' } // the command did not start: no connection
  | { readonly kind: 'not-sent' } // the command did not start: the caller's own queue or key

export type SimFault =
  | { readonly kind: 'cut-before' } // cut, no effect
  | { readonly kind: 'cut-after' } // cut after the effect
  // cut after the first of several transactions; `cut-after` for what takes only one
  | { readonly kind: 'cut-between' }
  // cut; the effect comes when that many more commands have begun in the installation
  | { readonly kind: 'late'; readonly afterCommands: number }
  | { readonly kind: 'refuse' } // the command does not start: no connection
  | { readonly kind: 'not-sent' } // the command does not start: the caller's own queue or key
  | { readonly kind: 'answer'; readonly answer: SimAnswer } // this answer, no effect

/** The inside of a guest, for people at the prompt. No command of the driver reads it. */
export interface GuestView {
  /** Mounts of disks; not those of the system itself. */
  mounts(): readonly {
    readonly path: string
    readonly type: string
    readonly source: string
    readonly readonly: boolean
  }[]
  /** The files at and below a path, on mounted volumes. */
  files(path: string): readonly { readonly path: string; readonly bytes: number }[]
}

/**
 * Called for every command; the first rule that returns a fault wins. A rule removes itself when it
 * is used up.
 */
export type SimFaultRule = (argv: readonly string[], host: SimHost) => SimFault | undefined

/**
 * Shared by all hosts of an installation: the order of commands, fault rules, and effects that are
 * still to come.
 */
export class Timeline {
  readonly rules: SimFaultRule[] = []
  /** Every command that was sent to a host, in order; `outcome` is set when the command ends. */
  readonly commands: {
    readonly host: string
    readonly argv: readonly string[]
    outcome: SimOutcome['kind'] | 'running'
  }[] = []
  /** Real time that every command waits before it runs; 0 in tests. */
  latencyMs = 0
  #begun = 0
  #late: { dueAt: number; land: () => Promise<void> }[] = []

  async begin(): Promise<void> {
    this.#begun += 1
    const due = this.#late.filter(effect => effect.dueAt <= this.#begun)
    this.#late = this.#late.filter(effect => effect.dueAt > this.#begun)
    for (const effect of due) await effect.land()
  }

  later(afterCommands: number, land: () => Promise<void>): void {
    this.#late.push({ dueAt: this.#begun + afterCommands, land })
  }

  /** Applies all effects that are still to come. Tests call it before they read the end state. */
  async settle(): Promise<void> {
    while (this.#late.length > 0) await this.#late.shift()?.land()
  }
}

export class SimHost {
  readonly name: string
  readonly timeline: Timeline
  readonly programs = new Map<string, SimProgram>()
  /** Asked in order for the device at an absolute path; the first that knows the path answers. */
  readonly devices: ((path: string) => SimDevice | undefined)[] = []
  /** While true, the host accepts no connection, and running commands are cut. */
  down = false
  /** Text that a login script prints before the output of every command. */
  banner = ''
  /** Text that the login shell or the account's prefix prints on standard error. */
  noise = ''
  /** Who runs the commands, through the prefix if there is one. */
  account: SimAccount = ROOT
  /** The shell that reads the command lines received over SSH. */
  loginShell: LoginShell = 'sh'
  /** Whether `ps` shows only the beginning of a command line, as on Solaris. */
  cutsCommandLines = true
  /** Set if the host is a guest. */
  guest: GuestView | undefined
  /** Programs that the host's account may not run. */
  readonly forbidden = new Set<string>()
  #processes = new Map<number, readonly string[]>()
  #nextProcess = 100

  constructor(name: string, timeline: Timeline) {
    this.name = name
    this.timeline = timeline
    this.programs.set('ps', args => this.#ps(args))
    this.programs.set('id', args => id(this.account, args))
  }

  device(path: string): SimDevice | undefined {
    for (const resolve of this.devices) {
      const device = resolve(path)
      if (device) return device
    }
    return undefined
  }

  /**
   * Runs one command, with the fault that a rule has for it. It does not throw for anything that a
   * real host could do.
   */
  async perform(argv: readonly string[], input: string): Promise<SimOutcome> {
    await this.timeline.begin()
    const entry: Timeline['commands'][number] = { host: this.name, argv, outcome: 'running' }
    this.timeline.commands.push(entry)
    if (this.timeline.latencyMs > 0) {
      await new Promise(resolve => setTimeout(resolve, this.timeline.latencyMs))
    }
    const outcome = await this.#outcome(argv, input)
    entry.outcome = outcome.kind
    return outcome
  }

  async #outcome(argv: readonly string[], input: string): Promise<SimOutcome> {
    if (this.down) return { kind: 'refused' }
    let fault: SimFault | undefined
    for (const rule of this.timeline.rules) {
      fault = rule(argv, this)
      if (fault) break
    }
    switch (fault?.kind) {
      case 'refuse':
        return { kind: 'refused' }
      case 'not-sent':
        return { kind: 'not-sent' }
      case 'cut-before':
        return { kind: 'cut' }
      case 'answer':
        return { kind: 'exit', answer: this.#withNoise(fault.answer) }
      case 'late': {
        const id = this.#begin(argv)
        this.timeline.later(fault.afterCommands, async () => {
          await this.#execute(argv, input)
          this.#processes.delete(id)
        })
        return { kind: 'cut' }
      }
      default: {
        const id = this.#begin(argv)
        const isCutBetween = fault?.kind === 'cut-between'
        const answer = await this.#execute(argv, input, isCutBetween)
        this.#processes.delete(id)
        if (this.down || isCutBetween || fault?.kind === 'cut-after') return { kind: 'cut' }
        return { kind: 'exit', answer: this.#withNoise(answer) }
      }
    }
  }

  #withNoise(answer: SimAnswer): SimAnswer {
    return { ...answer, stdout: this.banner + answer.stdout, stderr: this.noise + answer.stderr }
  }

  #begin(argv: readonly string[]): number {
    const id = this.#nextProcess++
    this.#processes.set(id, argv)
    return id
  }

  async #execute(argv: readonly string[], input: string, isCutBetween = false): Promise<SimAnswer> {
    const [path = '', ...args] = argv
    const name = path.slice(path.lastIndexOf('/') + 1)
    const program = this.programs.get(name)
    // The driver starts every program through env(1); this is env's message (source: coreutils
    // env.c).
    if (!program) {
      return { exitStatus: 127, stdout: '', stderr: `env: ${path}: No such file or directory\n` }
    }
    if (this.forbidden.has(name)) {
      return {
        exitStatus: 126,
        stdout: '',
        stderr: `sh: ${path}: cannot execute [Permission denied]\n`,
      }
    }
    return program(args, { input, host: this, isCutBetween })
  }

  // Solaris and Linux print the same for `ps -e -o args`: with LC_ALL=C, `?` for each byte that is
  // not printable ASCII. Solaris keeps 79 bytes of a command line and a NUL (recalled: PRARGSZ in
  // procfs.h). Linux keeps the whole line.
  #ps(args: readonly string[]): SimAnswer {
    if (args.join(' ') !== '-e -o args') {
      return { exitStatus: 1, stdout: '', stderr: 'ps: unsupported arguments in the simulation\n' }
    }
    const kept = (line: string) =>
      Buffer.from(line)
        .subarray(0, this.cutsCommandLines ? 79 : undefined)
        .toString('latin1')
    const lines = [...this.#processes.values()].map(argv =>
      kept(argv.join(' ')).replace(/[^ -~]/g, '?'),
    )
    return {
      exitStatus: 0,
      stdout: ['COMMAND', '/sbin/init', '/usr/lib/ssh/sshd', ...lines]
        .map(line => `${line}\n`)
        .join(''),
      stderr: '',
    }
  }
}
