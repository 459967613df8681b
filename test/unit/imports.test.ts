// The arrows of the architecture, read from the imports of every source file: which folder may know which, and which
// package only one of them may use.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

interface Import {
  readonly file: string
  /** Path below src for a file of ours, else the package. */
  readonly target: string
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const imports: readonly Import[] = files.flatMap(file => importsOf(file))

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const found = text.matchAll(
    /^(?:import|export)\b[^'"\n]*?(?:\{[^}]*\}[^'"\n]*?)?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gms,
  )
  return [...found].map(match => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    const target = specifier.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), specifier)) : specifier
    return { file, target }
  })
}

/** First folder below src, or the file itself where it stands directly in src. */
function folderOf(path: string): string {
  const [first = path] = path.split('/')
  return path.includes('/') ? first : path
}

const isOurs = ({ target }: Import) => target.endsWith('.ts')

/** What each folder may import besides itself. Files directly under src that know nothing of the layers are free for all but the simulator. */
const COMMON = ['errors.ts', 'clock.ts', 'log.ts', 'locks.ts', 'queueing.ts']
const TOOLS = ['zfs', 'comstar', 'iscsi', 'ldoms']
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  shell: COMMON,
  zfs: [...COMMON, 'shell'],
  comstar: [...COMMON, 'shell'],
  iscsi: [...COMMON, 'shell'],
  ldoms: [...COMMON, 'shell', 'hypervisor.ts'],
  storage: [...COMMON, 'shell', 'hypervisor.ts', ...TOOLS],
  guest: [...COMMON, 'shell'],
  csi: [...COMMON, 'storage', 'guest'],
  cli: [...COMMON, 'config.ts', 'config-schema.ts', 'hypervisor.ts', 'csi', 'storage', ...TOOLS, 'shell'],
  sim: ['shell'],
  'errors.ts': [],
  'clock.ts': [],
  'log.ts': ['log-stream.ts'],
  'log-stream.ts': [],
  'locks.ts': ['errors.ts', 'queueing.ts'],
  'queueing.ts': ['clock.ts'],
  'hypervisor.ts': ['errors.ts'],
  'config.ts': [...COMMON, 'config-schema.ts', 'config-checks.ts'],
  'config-checks.ts': ['config.ts', 'config-schema.ts'],
  'config-schema.ts': [],
}

test('every folder of the sources has its rule', () => {
  const folders = new Set(files.map(folderOf))

  expect([...folders].filter(folder => folder !== 'bin' && !(folder in MAY_IMPORT))).toEqual([])
})

test('imports are found at all', () => {
  expect(imports.length).toBeGreaterThan(files.length)
})

test('imports go down: bin, then csi and cli, then storage, then the tools, then the shell; csi and guest, then the shell', () => {
  const wrong = imports.filter(isOurs).filter(({ file, target }) => {
    const [from, to] = [folderOf(file), folderOf(target)]
    return from !== 'bin' && from !== to && !(MAY_IMPORT[from] ?? []).includes(to)
  })

  expect(wrong).toEqual([])
})

test('storage imports the tools of machines through the hypervisor port only', () => {
  expect(imports.filter(({ file, target }) => folderOf(file) === 'storage' && folderOf(target) === 'ldoms')).toEqual([])
})

test('the simulator imports nothing of the product but the types of the seam, and the product nothing of the simulator', () => {
  const fromSim = imports.filter(each => isOurs(each) && folderOf(each.file) === 'sim' && folderOf(each.target) !== 'sim')
  const toSim = imports.filter(each => isOurs(each) && folderOf(each.target) === 'sim' && folderOf(each.file) !== 'sim')

  expect(fromSim.filter(({ target }) => target !== 'shell/shell.ts')).toEqual([])
  expect(toSim.filter(({ file }) => file !== 'bin/ldom-sim.ts')).toEqual([])
})

test('nothing imports a composition root but a composition root', () => {
  expect(imports.filter(({ file, target }) => folderOf(target) === 'bin' && folderOf(file) !== 'bin')).toEqual([])
})

test.each([
  { packages: ['@grpc/grpc-js', 'protobufjs'], only: /^csi\// },
  { packages: ['ssh2'], only: /^(shell|sim)\// },
  { packages: ['child_process', 'node:child_process'], only: /^(shell\/local\.ts$|sim\/guest\/)/ },
  { packages: ['zod'], only: /^(config(-schema|-checks)?\.ts|storage\/persisted\.ts$|cli\/|sim\/)/ },
  { packages: ['commander'], only: /^bin\// },
  { packages: ['pino'], only: /^log\.ts$/ },
  { packages: ['yaml'], only: /^(config\.ts|cli\/|sim\/|bin\/)/ },
])('only $only imports $packages', ({ packages, only }) => {
  expect(imports.filter(({ file, target }) => packages.includes(target) && !only.test(file))).toEqual([])
})

test('the environment is read in bin only', () => {
  // A child process inherits it, and a terminal says what it is: that is no setting of ours.
  const readers = files.filter(file => /process\.env(?!\s*,|\.TERM\b)/.test(readFileSync(join(SRC, file), 'utf8')))

  expect(readers.filter(file => folderOf(file) !== 'bin')).toEqual([])
})

test('nothing is exported as default, and no file only passes on what others export', () => {
  const defaults = files.filter(file => /^export default\b/m.test(readFileSync(join(SRC, file), 'utf8')))
  const barrels = files.filter(file => /^export \*/m.test(readFileSync(join(SRC, file), 'utf8')))

  expect({ defaults, barrels }).toEqual({ defaults: [], barrels: [] })
})
