// Plugins for Stryker: a sample of the mutants, and a test runner that stops at the first failing
// file. Plain JavaScript, so that the type check does not need Stryker.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { strykerPlugins as jestPlugins } from '@stryker-mutator/jest-runner'
import { withKeys } from './keys.ts'

/**
 * The dry run writes this file into the copy of the project. A runner that restarts after a
 * time-out needs it too.
 */
const TIMES_FILE = 'mutation-times.json'

const [jest] = jestPlugins

/**
 * Stryker's jest runner runs all test files for every mutant, to the end. This one runs only files
 * with a test that reaches the mutant, the quickest first, until one fails.
 */
function stoppingRunner(injector) {
  const runner = injector.injectFunction(jest.factory)
  const dryRun = runner.dryRun.bind(runner)
  const mutantRun = runner.mutantRun.bind(runner)
  runner.dryRun = async options => {
    const result = await dryRun(options)
    const tests = (result.tests ?? []).map(({ id, fileName, timeSpentMs }) => ({
      id,
      fileName,
      timeSpentMs,
    }))
    writeFileSync(TIMES_FILE, JSON.stringify(tests))
    return result
  }
  runner.mutantRun = async options => {
    const { jestConfig } = runner
    const wanted = options.testFilter && new Set(options.testFilter)
    const tests = JSON.parse(readFileSync(TIMES_FILE, 'utf8')).filter(
      ({ id }) => wanted?.has(id) ?? true,
    )
    const files = [...Map.groupBy(tests, ({ fileName }) => fileName)].sort(
      ([aFile, a], [bFile, b]) =>
        Number(isUnit(bFile)) - Number(isUnit(aFile)) || sumMs(a) - sumMs(b),
    )
    let nrOfTests = 0
    try {
      for (const [file, its] of files) {
        runner.jestConfig = { ...jestConfig, testMatch: [file] }
        const result = await mutantRun({
          ...options,
          testFilter: wanted && its.map(({ id }) => id),
        })
        if (result.status !== 'survived') return result
        nrOfTests += result.nrOfTests
      }
    } finally {
      runner.jestConfig = jestConfig
    }
    return { status: 'survived', nrOfTests }
  }
  return runner
}
stoppingRunner.inject = ['$injector']

// These tests load little besides the code under test.
const isUnit = file => file.includes('/test/unit/')

function sumMs(tests) {
  return tests.reduce((sum, { timeSpentMs }) => sum + timeSpentMs, 0)
}

/**
 * Keeps a sample of the mutants. The others are marked as not compiling, and Stryker leaves them
 * out of its score.
 */
class Sample {
  #passed = new Set()

  async init() {}

  // Stryker passes all mutants at once.
  async group(mutants) {
    const {
      MUTATION_SAMPLE: size = '',
      MUTATION_SEED: seed = '1',
      MUTATION_ONLY: onlyFile = '',
    } = process.env
    const only = onlyFile === '' ? undefined : new Set(JSON.parse(readFileSync(onlyFile, 'utf8')))
    const ranked = withKeys(
      mutants.map(mutant => ({ ...mutant, fileName: relative(process.cwd(), mutant.fileName) })),
    )
      .filter(({ key }) => only?.has(key) ?? true)
      .map(({ id, key }) => ({
        id,
        rank: createHash('sha256').update(`${seed} ${key}`).digest('hex'),
      }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    this.#passed = new Set(
      ranked.slice(0, size === '' ? undefined : Number(size)).map(({ id }) => id),
    )
    return [mutants.map(({ id }) => id)]
  }

  async check(mutants) {
    const verdict = ({ id }) =>
      this.#passed.has(id)
        ? { status: 'passed' }
        : { status: 'compileError', reason: 'not in the sample' }
    return Object.fromEntries(mutants.map(mutant => [mutant.id, verdict(mutant)]))
  }
}

export const strykerPlugins = [
  { kind: 'TestRunner', name: 'stopping-jest', factory: stoppingRunner },
  { kind: 'Checker', name: 'sample', factory: () => new Sample() },
]
