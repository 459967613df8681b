// The seeded defects still fit the sources: a row that finds nothing proves nothing.

import { globSync, readFileSync } from 'node:fs'
import { changeSources } from '../../scripts/defects/change.ts'
import { DEFECTS } from '../../scripts/defects/table.ts'

const ROOT = new URL('../../', import.meta.url)
const TESTS = globSync('test/**/*.test.ts', { cwd: ROOT })

test('every defect changes one place of its file', () => {
  const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8')
  const strange = DEFECTS.flatMap(defect => {
    try {
      const changed = [...changeSources(defect, read)]
      return changed.every(([file, text]) => text !== read(file)) ? [] : defect.name
    } catch (error) {
      return String(error)
    }
  })
  expect(strange).toEqual([])
})

test('every defect names tests that exist', () => {
  const missing = DEFECTS.flatMap(({ name, tests }) =>
    tests.filter(path => !TESTS.some(each => each.startsWith(path))).map(path => [name, path]),
  )
  expect(missing).toEqual([])
})

test('no two defects have one name', () => {
  const names = DEFECTS.map(({ name }) => name)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})
