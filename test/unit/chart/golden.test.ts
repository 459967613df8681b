// Whether what was rendered from the chart is that of today. `npm test` has no Helm: the files say
// from what they were made, and `npm run check:chart` renders them anew.

import { readdirSync, readFileSync } from 'node:fs'
import { deployFiles } from '../../../scripts/chart/deploy.ts'
import { CASES, DEPLOY, goldenFile, goldenHeader } from '../../../scripts/chart/files.ts'

test.each(CASES)('%s: the golden file was made from the chart and the values of today', name => {
  const golden = readFileSync(goldenFile(name), 'utf8')

  // Out of date: npm run chart
  expect(golden.split('---\n')[0]).toBe(goldenHeader(name))
})

test('deploy/ has what the golden file of the default values has', () => {
  const wanted = deployFiles(readFileSync(goldenFile('default'), 'utf8'))

  for (const [name, text] of wanted) {
    expect({ name, text: readFileSync(`${DEPLOY}/${name}`, 'utf8') }).toEqual({ name, text })
  }
})

test('deploy/ has no manifest that kustomization.yaml leaves out, and the other way round', () => {
  const manifests = readdirSync(DEPLOY).filter(
    name => name.endsWith('.yaml') && name !== 'kustomization.yaml',
  )

  const kustomization = readFileSync(`${DEPLOY}/kustomization.yaml`, 'utf8')
  const named = [...kustomization.matchAll(/^ {2}- (\S+)$/gm)].map(([, name]) => name)
  expect(named.sort()).toEqual(manifests.sort())
})
