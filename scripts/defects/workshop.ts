// A copy of the sources in which one defect at a time is put in, tested and taken out again. The project itself is never changed.

import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
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

  constructor(root: string) {
    this.#directory = mkdtempSync(join(tmpdir(), 'ldom-csi-defects-'))
    cpSync(root, this.#directory, { recursive: true, filter: path => !LEFT_OUT.has(basename(path)) })
    symlinkSync(join(root, 'node_modules'), join(this.#directory, 'node_modules'))
  }

  dispose(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** The first test that fails because of the defect; undefined when none does. */
  async catches({ name, changes, tests }: Defect): Promise<string | undefined> {
    const originals = new Map(changes.map(({ file }) => [file, readFileSync(join(this.#directory, file), 'utf8')]))
    try {
      for (const { file, find, replace } of changes) this.#replace(name, file, find, replace)
      for (const pattern of tests) {
        const failure = await this.firstFailure(pattern)
        if (failure !== undefined) return failure
      }
      return undefined
    } finally {
      for (const [file, text] of originals) writeFileSync(join(this.#directory, file), text)
    }
  }

  #replace(name: string, file: string, find: string, replace: string): void {
    const path = join(this.#directory, file)
    const parts = readFileSync(path, 'utf8').split(find)
    if (parts.length !== 2) {
      throw new Error(`defect "${name}": the text is ${parts.length - 1} times in ${file}, not once; adapt the table to the code:\n${find}`)
    }
    writeFileSync(path, parts.join(replace))
  }

  /** Runs the test files of this pattern up to the first failure. */
  async firstFailure(pattern: string): Promise<string | undefined> {
    const report = join(this.#directory, 'report.json')
    rmSync(report, { force: true })
    const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
    const jest = ['node_modules/jest/bin/jest.js', '--runInBand', '--bail', '--json', `--outputFile=${report}`, pattern]
    await this.#run([...flags, ...jest])
    const { testResults, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as JestReport
    for (const { name, message, assertionResults } of testResults) {
      const failed = assertionResults.find(({ status }) => status === 'failed')
      if (failed) return `${basename(name)}: ${failed.fullName}`
      // A defect that does not even run proves nothing about the tests.
      if (assertionResults.length === 0) throw new Error(`${basename(name)} could not be run:\n${message}`)
    }
    if (numTotalTests === 0) throw new Error(`no test matches ${pattern}`)
    return undefined
  }

  #run(args: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const jest = spawn(process.execPath, args, { cwd: this.#directory, stdio: 'ignore' })
      jest.once('error', reject)
      jest.once('exit', () => resolve())
    })
  }
}
