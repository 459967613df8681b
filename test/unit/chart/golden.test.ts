// Whether what was rendered from the chart is that of today. `npm test` has no Helm: the files say
// from what they were made, and `npm run check:chart` renders them anew.

import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { deployFiles, guestDiskFiles } from '../../../scripts/chart/deploy.ts'
import { CASES, DEPLOY, goldenFile, goldenHeader } from '../../../scripts/chart/files.ts'

const PLAIN = [
  { values: 'default', folder: DEPLOY, files: deployFiles, outside: ['namespace.yaml'] },
  { values: 'guest-disks', folder: `${DEPLOY}/guest-disks`, files: guestDiskFiles, outside: [] },
] as const

const kustomization = z.looseObject({
  resources: z.array(z.string()),
  configMapGenerator: z.array(z.looseObject({ files: z.array(z.string()) })),
})

const yamlFiles = (folder: string) => readdirSync(folder).filter(name => name.endsWith('.yaml'))

test.each(CASES)('%s: the golden file was made from the chart and the values of today', name => {
  const golden = readFileSync(goldenFile(name), 'utf8')

  // Out of date: npm run chart
  expect(golden.split('---\n')[0]).toBe(goldenHeader(name))
})

test.each(PLAIN)('$folder has what the golden file of $values has', ({ values, folder, files }) => {
  const wanted = files(readFileSync(goldenFile(values), 'utf8'))

  for (const [name, text] of wanted) {
    expect({ name, text: readFileSync(`${folder}/${name}`, 'utf8') }).toEqual({ name, text })
  }
})

test.each(PLAIN)('$folder has no file that its kustomization leaves out', ({ folder, outside }) => {
  const has = [
    ...yamlFiles(folder).filter(name => name !== 'kustomization.yaml'),
    ...yamlFiles(`${folder}/configuration`).map(name => `configuration/${name}`),
  ]

  const { resources, configMapGenerator } = kustomization.parse(
    parse(readFileSync(`${folder}/kustomization.yaml`, 'utf8')),
  )
  const named = [...resources, ...configMapGenerator.flatMap(({ files }) => files), ...outside]
  expect(named.sort()).toEqual(has.sort())
})
