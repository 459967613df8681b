// `npm run test:mutation -- --room locks [--sample 200] [--seed 1] [--again]` makes small changes
// in one room of the sources, one at a time. The room's tests should fail. It prints the score and
// the changes that no test noticed. `--again` tries only the changes that survived the room's last
// run. It is not part of CI: it takes minutes to hours.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Mutant, withKeys } from './mutation/keys.ts'
import { ROOMS, type Room } from './mutation/rooms.ts'

const DIRECTORY = '.cache/mutation'

interface Outcome extends Mutant {
  readonly status:
    | 'Killed'
    | 'Timeout'
    | 'Survived'
    | 'NoCoverage'
    | 'RuntimeError'
    | 'CompileError'
    | 'Ignored'
}

interface Report {
  readonly files: Readonly<
    Record<
      string,
      { readonly source: string; readonly mutants: readonly Omit<Outcome, 'fileName'>[] }
    >
  >
}

const { values } = parseArgs({
  options: {
    room: { type: 'string' },
    sample: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    again: { type: 'boolean', default: false },
  },
})
const { room: name = '', sample, seed, again } = values
const room = ROOMS[name]
if (room === undefined || !/^\d*$/.test(sample)) {
  process.stderr.write(
    `usage: npm run test:mutation -- --room ${Object.keys(ROOMS).join('|')} [--sample ` +
      '<mutants>] [--seed <word>] [--again]\n',
  )
  process.exit(2)
}

const reportFile = `${DIRECTORY}/${name}.json`
const survivorsFile = `${DIRECTORY}/${name}-survivors.json`
mkdirSync(DIRECTORY, { recursive: true })
writeFileSync(`${DIRECTORY}/stryker.json`, JSON.stringify(strykerOptions(room)))
const { status } = spawnSync(
  process.execPath,
  ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', `${DIRECTORY}/stryker.json`],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      MUTATION_SAMPLE: sample,
      MUTATION_SEED: seed,
      MUTATION_ONLY: again ? survivorsFile : '',
    },
  },
)
if (status !== 0) process.exit(status ?? 1)
report(JSON.parse(readFileSync(reportFile, 'utf8')))

function strykerOptions({ mutate, tests }: Room) {
  return {
    plugins: ['@stryker-mutator/jest-runner', `${process.cwd()}/scripts/mutation/plugins.js`],
    mutate: [...mutate, '!**/*.gen.ts'],
    // Error texts are for people, and tests hold few of them.
    mutator: { excludedMutations: ['StringLiteral'] },
    testRunner: 'stopping-jest',
    testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    jest: {
      config: { testMatch: tests.map(test => `<rootDir>/${test}`), watchman: false },
      enableFindRelatedTests: false,
    },
    coverageAnalysis: 'perTest',
    checkers: ['sample'],
    concurrency: 1,
    // The limit is for mutants that never end. On a slow machine a shorter one would count a
    // survivor as noticed.
    timeoutMS: 60_000,
    timeoutFactor: 10,
    // A whole room has hundreds of behaviour tests. All run once with every mutant in place.
    dryRunTimeoutMinutes: 60,
    allowConsoleColors: false,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: reportFile },
    tempDirName: `${DIRECTORY}/copy`,
    // Stryker would read tsconfig.json with a part of TypeScript that version 7 lacks.
    ignorePatterns: ['dist', 'docs', 'bench', '.cache', 'tsconfig*.json'],
  }
}

function report({ files }: Report): void {
  const mutable = Object.entries(files).flatMap(([fileName, { mutants }]) =>
    mutants.map(mutant => ({ ...mutant, fileName })),
  )
  const all = withKeys(mutable.filter(mutant => mutant.status !== 'Ignored'))
  // "CompileError" marks mutants outside the sample. "RuntimeError" means that every test file
  // failed to load.
  const tried = all.filter(mutant => mutant.status !== 'CompileError')
  const survivors = tried.filter(
    mutant => mutant.status === 'Survived' || mutant.status === 'NoCoverage',
  )
  for (const { fileName, location, mutatorName, replacement, status } of survivors) {
    const { line, column } = location.start
    const original = textAt(files[fileName]?.source ?? '', location)
    process.stdout.write(
      `${fileName}:${line}:${column} ${mutatorName} ${status}\n  - ${original}\n  + ` +
        `${replacement}\n`,
    )
  }
  writeFileSync(survivorsFile, JSON.stringify(survivors.map(({ key }) => key)))
  const score = (100 * (tried.length - survivors.length)) / tried.length
  const what = again ? 'of the survivors' : `seed ${seed}`
  process.stdout.write(
    `${name}: ${tried.length} of ${all.length} mutants tried (${what}), ${survivors.length} ` +
      `survived: ${score.toFixed(1)} %\n`,
  )
}

/** Lines and columns count from 1, as in the report. */
function textAt(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  lines[lines.length - 1] = lines.at(-1)?.slice(0, end.column - 1) ?? ''
  lines[0] = lines[0]?.slice(start.column - 1) ?? ''
  return lines.join('\n')
}
