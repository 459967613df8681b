// Commands of the pages that install the driver, as somebody copies them.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const below = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
    name => `${folder}/${name}`,
  )
const FILES = [
  'README.md',
  'charts/ldom-csi/README.md',
  'deploy/README.md',
  ...[...below('docs'), ...below('examples')].filter(name => /\.(md|yaml)$/.test(name)),
]

/** A line that ends with a backslash goes on in the next, in comments, too. */
const pages = FILES.map(file => ({
  file,
  text: readFileSync(join(root, file), 'utf8').replace(/\\\n[# ]*/g, ''),
}))
const blocks = pages.flatMap(({ file, text }) =>
  [...text.matchAll(/```sh\n([^`]*)```/g)].map(([, block = '']) => ({ file, block })),
)

test('every command of helm that changes the cluster names the namespace', () => {
  const found = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/helm (install|upgrade|uninstall|rollback) [^`\n]*/g)].map(
      ([command]) => `${file}: ${command}`,
    ),
  )

  expect(found.filter(command => !command.includes('--namespace'))).toEqual([])
  expect(found).not.toEqual([])
})

test('whoever creates the namespace allows the privileged pods of nodes in it', () => {
  const creating = blocks.filter(({ block }) => block.includes('create namespace ldom-csi'))

  expect(creating.filter(({ block }) => !block.includes('enforce=privileged'))).toEqual([])
  expect(creating).not.toEqual([])
})

test('nothing is run or applied after an install or upgrade before every pod runs', () => {
  const installing = blocks.filter(({ block }) => /helm (install|upgrade)|apply -k \./.test(block))

  expect(installing.filter(({ block }) => !block.includes('rollout status'))).toEqual([])
  expect(installing).not.toEqual([])
})
