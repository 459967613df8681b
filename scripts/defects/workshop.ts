// A copy of the sources. Defects are put in, tested and removed, one at a time. The project itself
// is never changed.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { changeSources } from './change.ts'
import type { Defect } from './table.ts'

const LEFT_OUT = new Set(['node_modules', '.git', 'dist'])

interface JestReport {
  readonly numTotalTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

export class Workshop {
  readonly #directory: string
  #jest: ChildProcess | undefined

  constructor(root: string) {
    this.#directory = mkdtempSync(join(tmpdir(), 'ldom-csi-defects-'))
    // Tests run programs as another user, who must be able to reach them.
    chmodSync(this.#directory, 0o755)
    cpSync(root, this.#directory, {
      recursive: true,
      filter: path => !LEFT_OUT.has(basename(path)),
    })
    symlinkSync(join(root, 'node_modules'), join(this.#directory, 'node_modules'))
  }

  dispose(): void {
    this.#jest?.kill()
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 3 })
  }

  /** Returns the first test that fails because of the defect, or undefined if none does. */
  async catches(defect: Defect): Promise<string | undefined> {
    const originals = this.putIn(defect)
    try {
      for (const pattern of defect.tests) {
        const failure = await this.firstFailure(pattern)
        if (failure !== undefined) return failure
      }
      return undefined
    } finally {
      this.takeOut(originals)
    }
  }

  /**
   * Returns the earlier contents of the files. Throws without any change if a text does not occur
   * exactly once in its file.
   */
  putIn(defect: Defect): ReadonlyMap<string, string> {
    const changed = changeSources(defect, file => this.#read(file))
    const originals = new Map([...changed.keys()].map(file => [file, this.#read(file)]))
    this.takeOut(changed)
    return originals
  }

  takeOut(originals: ReadonlyMap<string, string>): void {
    for (const [file, text] of originals) writeFileSync(join(this.#directory, file), text)
  }

  #read(file: string): string {
    return readFileSync(join(this.#directory, file), 'utf8')
  }

  /** Runs the test files of this pattern until the first failure. */
  async firstFailure(pattern: string): Promise<string | undefined> {
    const report = join(this.#directory, 'report.json')
    rmSync(report, { force: true })
    const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
    const jest = [
      'node_modules/jest/bin/jest.js',
      '--runInBand',
      '--json',
      `--outputFile=${report}`,
      pattern,
    ]
    const said = await this.#run([...flags, ...jest])
    if (!existsSync(report)) throw new Error(`the tests ${pattern} broke off:\n${said}`)
    const { testResults, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as JestReport
    for (const { name, message, assertionResults } of testResults) {
      const failed = assertionResults.find(({ status }) => status === 'failed')
      if (failed) return `${basename(name)}: ${failed.fullName}`
      // A defect that does not run proves nothing about the tests.
      if (assertionResults.length === 0) {
        throw new Error(`${basename(name)} could not be run:\n${message}`)
      }
    }
    if (numTotalTests === 0) throw new Error(`no test matches ${pattern}`)
    return undefined
  }

  /** Returns the end of the output. */
  #run(args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const jest = spawn(process.execPath, args, {
        cwd: this.#directory,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      this.#jest = jest
      let said = ''
      jest.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-2_000)
      })
      jest.once('error', reject)
      jest.once('close', () => resolve(said))
    })
  }
}
