// The suites that need a cluster or a machine of their own: the words of their npm scripts, and how
// Jest runs their tests.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

export interface Suite {
  build(): Promise<void>
  /** What is still to be built. */
  missing(): Promise<readonly string[]> | readonly string[]
  start(): Promise<void>
  /** Ends everything that was started. Nothing to end is success. */
  stop(): Promise<void>
  /** Runs the tests with what was started. Answers the status of Jest. */
  test(args: readonly string[]): Promise<number>
  /** From nothing to the last test. `stop` follows, however it ends. */
  everything(args: readonly string[]): Promise<number>
}

/** Does what the arguments of this process say. */
export async function runSuite(suite: Suite): Promise<void> {
  const [word, ...rest] = process.argv.slice(2)
  switch (word) {
    case 'start':
      await suite.start()
      break
    case 'stop':
      await suite.stop()
      break
    case 'test':
      process.exitCode = await suite.test(rest)
      break
    case 'build':
      await suite.build()
      break
    case 'missing':
      console.log((await suite.missing()).join(' '))
      break
    default:
      process.exitCode = await runEverything(suite, process.argv.slice(2))
  }
}

async function runEverything(suite: Suite, args: readonly string[]): Promise<number> {
  // The tests are told by the terminal, too; what was started is stopped when they have ended.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  try {
    return await suite.everything(args)
  } finally {
    await suite.stop()
  }
}

/** Of a hung test, where every command is emulated and csi-sanity is one test. */
export const EMULATED_TEST_MS = 1_800_000

interface HowToRun {
  readonly options?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Test files that run at a time. */
  readonly workers?: number
}

/** Runs the tests of a folder below `test`. Answers the status of Jest. */
export async function runTests(
  folder: string,
  args: readonly string[],
  { options = [], env = {}, workers = 1 }: HowToRun = {},
): Promise<number> {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
  const program = join(ROOT, 'node_modules/jest/bin/jest.js')
  const chosen = [
    `--maxWorkers=${workers}`,
    '--testPathIgnorePatterns=/node_modules/',
    `--testMatch=**/test/${folder}/**/*.test.ts`,
    ...options,
  ]
  const child = spawn(process.execPath, [...jest, program, ...args, ...chosen], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  const [status] = await once(child, 'exit')
  return typeof status === 'number' ? status : 1
}
