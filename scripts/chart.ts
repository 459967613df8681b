// Renders the chart with Helm 3 and Helm 4: the golden files of the tests, and the plain manifests
// in deploy/. With --check it writes nothing, and fails where something is out of date.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { deployFiles } from './chart/deploy.ts'
import {
  CASES,
  type Case,
  CHART,
  DEPLOY,
  goldenFile,
  goldenHeader,
  valuesFile,
} from './chart/files.ts'
import { buildTool, type Tool } from './csi-tools.ts'

const RELEASE = 'ldom-csi'
const NAMESPACE = 'ldom-csi'
const HELMS: readonly Tool[] = ['helm3', 'helm4']
/** Helm of whatever version takes itself for one of this Kubernetes. */
const KUBERNETES = '1.37.1'

const run = promisify(execFile)

interface Rendered {
  readonly manifests: string
  readonly notes: string
}

async function render(helm: string, values: Case): Promise<Rendered> {
  const options = ['--namespace', NAMESPACE, '--values', valuesFile(values)]
  await run(helm, ['lint', '--strict', '--kube-version', KUBERNETES, ...options, CHART])
  const template = ['template', RELEASE, CHART, '--kube-version', KUBERNETES, ...options]
  const { stdout: manifests } = await run(helm, template)
  const { stdout: installed } = await run(helm, [
    'install',
    RELEASE,
    CHART,
    '--dry-run=client',
    ...options,
  ])
  return { manifests, notes: installed.slice(installed.indexOf('NOTES:')) }
}

/** The same from both, or an error that says where they differ. */
async function renderWithBoth(helms: readonly string[], values: Case): Promise<Rendered> {
  const all = await Promise.all(helms.map(helm => render(helm, values)))
  const [first] = all
  if (first === undefined) throw new Error('no Helm')
  for (const other of all) {
    for (const part of ['manifests', 'notes'] as const) {
      if (other[part] === first[part]) continue
      const lines = other[part].split('\n')
      const at = first[part].split('\n').findIndex((line, index) => line !== lines[index])
      throw new Error(`values ${values}: the two Helms differ in line ${at + 1} of the ${part}`)
    }
  }
  return first
}

const check = process.argv.includes('--check')

function put(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  if (check) {
    console.error(`${file} is out of date: run npm run chart`)
    process.exitCode = 1
  } else {
    writeFileSync(file, text)
    console.log(`wrote ${file}`)
  }
}

const helms: string[] = []
for (const tool of HELMS) helms.push(await buildTool(tool))
for (const helm of helms) await run(helm, ['lint', CHART])
for (const values of CASES) {
  const { manifests, notes } = await renderWithBoth(helms, values)
  put(goldenFile(values), `${goldenHeader(values)}${manifests}`)
  put(goldenFile(values).replace(/yaml$/, 'notes.txt'), notes)
  console.log(`${values}: ${manifests.split('\n').length} lines from both Helms`)
  if (values !== CASES[0]) continue
  for (const [name, text] of deployFiles(manifests)) put(`${DEPLOY}/${name}`, text)
}
