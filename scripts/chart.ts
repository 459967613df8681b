// Renders the chart with Helm 3 and Helm 4: the golden files of the tests, and the plain manifests
// in deploy/. With --check it writes nothing, and fails where something is out of date.

import { execFile } from 'node:child_process'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { deployFiles, guestDiskFiles } from './chart/deploy.ts'
import {
  CASES,
  type Case,
  CHART,
  DEPLOY,
  goldenFile,
  goldenHeader,
  valuesFile,
} from './chart/files.ts'
import { REFUSALS } from './chart/refusals.ts'
import { buildTool } from './csi-tools.ts'
import { putGenerated } from './generated-files.ts'

const RELEASE = 'ldom-csi'
const NAMESPACE = 'ldom-csi'
/** Helm of whatever version takes itself for one of this Kubernetes. */
const KUBERNETES = '1.37.1'

const run = promisify(execFile)
const helm3 = await buildTool('helm3')
const helm4 = await buildTool('helm4')

/** Lints and renders. Helm 4 ends a document with an empty line, Helm 3 does not. */
async function render(helm: string, values: Case): Promise<string> {
  const options = ['--namespace', NAMESPACE, '--values', valuesFile(values)]
  await run(helm, ['lint', '--strict', '--kube-version', KUBERNETES, ...options, CHART])
  const template = ['template', RELEASE, CHART, '--kube-version', KUBERNETES, ...options]
  const { stdout } = await run(helm, template)
  return stdout.replace(/\n+---\n/g, '\n---\n').replace(/\n+$/, '\n')
}

/** The same from both, or an error that says where they differ. */
async function renderWithBoth(values: Case): Promise<string> {
  const [three, four] = [await render(helm3, values), await render(helm4, values)]
  if (three === four) return three
  const lines = four.split('\n')
  const at = three.split('\n').findIndex((line, index) => line !== lines[index])
  throw new Error(`values ${values}: the two Helms differ in line ${at + 1}`)
}

/** What a person reads after the install. Helm 3 shows it only where it reaches a cluster. */
async function renderNotes(values: Case): Promise<string> {
  const options = ['--namespace', NAMESPACE, '--values', valuesFile(values)]
  const install = ['install', RELEASE, CHART, '--dry-run=client', ...options]
  const { stdout } = await run(helm4, install)
  return stdout.slice(stdout.indexOf('NOTES:'))
}

/** Both Helms must refuse each of them, in words that tell the mistake. */
async function tryRefusals(): Promise<void> {
  for (const { what, set, message } of REFUSALS) {
    const options = ['--values', valuesFile('default'), '--set-json', set]
    for (const helm of [helm3, helm4]) {
      const said = await run(helm, ['template', RELEASE, CHART, ...options]).then(
        () => 'nothing',
        (error: unknown) => String(error),
      )
      // The command itself stands in the first line, with the value that is wrong.
      const words = said.split('\n').slice(1).join('\n')
      if (!message.test(words)) throw new Error(`${what}: ${basename(helm)} said: ${said}`)
    }
  }
  console.log(`${REFUSALS.length} mistakes are refused by both Helms`)
}

function putDeployed(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) put(`${folder}/${name}`, text)
}

const put = (file: string, text: string) => putGenerated(file, text, 'npm run chart')

for (const helm of [helm3, helm4]) await run(helm, ['lint', CHART])
for (const values of CASES) {
  const manifests = await renderWithBoth(values)
  put(goldenFile(values), `${goldenHeader(values)}${manifests}`)
  put(goldenFile(values).replace(/yaml$/, 'notes.txt'), await renderNotes(values))
  console.log(`${values}: ${manifests.split('\n').length} lines, the same from both Helms`)
  if (values === 'default') putDeployed(DEPLOY, deployFiles(manifests))
  if (values === 'guest-disks') putDeployed(`${DEPLOY}/guest-disks`, guestDiskFiles(manifests))
}
await tryRefusals()
