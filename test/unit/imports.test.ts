// The arrows of the architecture, read from the imports of every source file and held against the
// table of the rooms.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { PACKAGES, ROOMS, ROOTS, roomOf, SEAM } from '../architecture.ts'

const PROJECT = join(import.meta.dirname, '../..')

interface Import {
  /** Both below the project. */
  readonly file: string
  /** For a file of ours its path, else the package. */
  readonly target: string
}

const files = ['src', 'sim'].flatMap(folder =>
  readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => join(folder, file)),
)
const imports: readonly Import[] = files.flatMap(importsOf)
const product = files.filter(file => file.startsWith('src/'))

function read(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8')
}

function importsOf(file: string): Import[] {
  const found = read(file).matchAll(
    /^(?:import|export)\b[^'"\n]*?(?:\{[^}]*\}[^'"\n]*?)?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gms,
  )
  return [...found].map(match => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    const target = specifier.startsWith('.')
      ? relative(PROJECT, resolve(PROJECT, dirname(file), specifier))
      : specifier
    return { file, target }
  })
}

function below(folder: string, path: string): string {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path
}

const isOurs = ({ target }: Import) => target.endsWith('.ts')
const isRoot = (path: string) => below('src', path).startsWith(ROOTS)

test('every file of the sources has its room', () => {
  expect(product.filter(file => !isRoot(file) && roomOf(below('src', file)) === undefined)).toEqual(
    [],
  )
})

test('imports are found at all', () => {
  expect(imports.length).toBeGreaterThan(files.length)
})

test('a room imports what the table says', () => {
  const wrong = imports.filter(isOurs).filter(({ file, target }) => {
    if (!file.startsWith('src/') || isRoot(file)) return false
    const [from, to] = [roomOf(below('src', file)), roomOf(below('src', target))]
    return (
      from === undefined || to === undefined || (from !== to && !from.imports.includes(to.name))
    )
  })

  expect(wrong).toEqual([])
})

test(
  'the table goes down: a room stands after everything that it imports, and imports ' +
    'everything that it says',
  () => {
    const used = new Set(
      imports.filter(isOurs).flatMap(({ file, target }) => {
        const [from, to] = [roomOf(below('src', file)), roomOf(below('src', target))]
        return file.startsWith('src/') && from && to ? [`${from.name} -> ${to.name}`] : []
      }),
    )
    const said = ROOMS.flatMap(({ name, imports: names }) =>
      names.map(each => ({ name, each, arrow: `${name} -> ${each}` })),
    )
    const at = (name: string) => ROOMS.findIndex(room => room.name === name)

    expect(said.filter(({ name, each }) => at(each) < 0 || at(each) >= at(name))).toEqual([])
    expect(said.filter(({ arrow }) => !used.has(arrow)).map(({ arrow }) => arrow)).toEqual([])
  },
)

test('no two files import each other, in however long a circle, types included', () => {
  const arrows = Map.groupBy(imports.filter(isOurs), ({ file }) => file)
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (done.has(file) || path.includes(file)) return
    for (const { target } of arrows.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])

  expect(circles).toEqual([])
})

test(
  'the simulator imports nothing of the driver but the types of the seam, and the driver ' +
    'nothing of the simulator',
  () => {
    const across = imports.filter(
      each => isOurs(each) && each.file.startsWith('sim/') !== each.target.startsWith('sim/'),
    )

    expect(across.filter(({ target }) => target !== `src/${SEAM}`)).toEqual([])
  },
)

test('nothing imports a composition root but a composition root', () => {
  expect(imports.filter(({ file, target }) => isRoot(target) && !isRoot(file))).toEqual([])
})

test.each(PACKAGES)('only $only imports $packages', ({ packages, only }) => {
  const users = imports.filter(
    ({ file, target }) => file.startsWith('src/') && packages.includes(target),
  )

  expect(users.filter(({ file }) => !only.test(below('src', file)))).toEqual([])
})

test('the environment is read in bin only', () => {
  // A child process inherits it, and a terminal says what it is: that is no setting of ours.
  const readers = files.filter(file => /process\.env(?!\s*,|\.TERM\b)/.test(read(file)))

  expect(readers.filter(file => !/^(src|sim)\/bin\//.test(file))).toEqual([])
})

test('nothing is exported as default, and no file only passes on what others export', () => {
  const defaults = files.filter(file => /^export default\b/m.test(read(file)))
  const barrels = files.filter(file => /^export \*/m.test(read(file)))

  expect({ defaults, barrels }).toEqual({ defaults: [], barrels: [] })
})
