// Where the chart and what is made from it stand, and the hash that ties a golden file to what it
// was made from.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

export const CHART = `${root}charts/ldom-csi`
export const DEPLOY = `${root}deploy`
const VALUES = `${root}test/chart/values`
const GOLDEN = `${root}test/chart/golden`

/** The first is what `deploy/` is made from. */
export const CASES = ['default', 'full', 'guest-disks', 'high-availability', 'minimal'] as const
export type Case = (typeof CASES)[number]

export const valuesFile = (name: Case) => `${VALUES}/${name}.yaml`
export const goldenFile = (name: Case) => `${GOLDEN}/${name}.yaml`

/** What says nothing about the objects that are rendered. */
const BESIDES: readonly string[] = ['values.schema.json', 'README.md', '.helmignore']

/** Of the files that decide what is rendered, by their names and contents. */
function hashOf(name: Case): string {
  const hash = createHash('sha256')
  const files = readdirSync(CHART, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !BESIDES.includes(entry.name))
    .map(entry => `${entry.parentPath}/${entry.name}`)
  for (const file of [...files, valuesFile(name)].sort()) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

export function goldenHeader(name: Case): string {
  return (
    `# The chart with the values of test/chart/values/${name}.yaml, rendered by npm run chart.\n` +
    `# Made from: sha256 ${hashOf(name)}\n`
  )
}
