// Rules of docs/style.md that no linter at hand holds.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PROJECT = join(import.meta.dirname, '../..')
const WIDTH = 100
const LENGTH = 300

const sources = ['src', 'sim', 'test', 'scripts', 'bench'].flatMap(folder =>
  readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('.gen.ts'))
    .map(file => join(folder, file)),
)

function findLines(files: readonly string[], isWrong: (line: string, next: string) => boolean) {
  return files.flatMap(file => {
    const lines = readFileSync(join(PROJECT, file), 'utf8').split('\n')
    return lines.flatMap((line, at) =>
      isWrong(line, lines[at + 1] ?? '') ? [`${file}:${at + 1}: ${line.trim()}`] : [],
    )
  })
}

test(`no line of the driver is wider than ${WIDTH} columns`, () => {
  const driver = sources.filter(file => file.startsWith('src/'))
  // The formatter keeps an import of one name on one line, however long its path is.
  const isBreakable = (line: string) => !/^import \{ \w+ \} from '[^']+'$/.test(line)

  expect(findLines(driver, line => [...line].length > WIDTH && isBreakable(line))).toEqual([])
})

test(`no file of the driver is longer than ${LENGTH} lines`, () => {
  const long = sources.filter(
    file =>
      file.startsWith('src/') &&
      readFileSync(join(PROJECT, file), 'utf8').split('\n').length > LENGTH + 1,
  )

  expect(long).toEqual([])
})

test('a condition has its statement on its own line, or a block', () => {
  const indentOf = (line: string) => line.search(/\S/)
  const isOpen = (line: string, next: string) =>
    /^\s*(\} )?(else )?(if|for|for await|while) \(.*\)$|^\s*(\} )?else$/.test(line) &&
    indentOf(next) > indentOf(line)

  expect(findLines(sources, isOpen)).toEqual([])
})
