// The Go programs of the CSI community that the driver is measured with, built from pinned sources
// into .cache/csi-tools. Built once: the name of a binary holds a hash of everything it is made
// from.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../', import.meta.url))
const SOURCES = `${root}test/system/csi-tools`
const CACHE = `${root}.cache/csi-tools`

const CSI_SANITY = 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity'

/** By the folder of the module, which pins every version by its sums. */
const PACKAGES = {
  'csi-sanity-5.6': CSI_SANITY,
  'csi-sanity-5.5': CSI_SANITY,
  protocheck: '.',
} as const
export type Tool = keyof typeof PACKAGES

const run = promisify(execFile)

// Whatever this machine's own settings are: the pinned versions, this Go, nothing fetched but what
// the sums name.
const ENVIRONMENT = {
  GOFLAGS: '-mod=readonly -buildvcs=false',
  GOTOOLCHAIN: 'local',
  CGO_ENABLED: '0',
}

/** The path of the program, built now if it was not. */
export async function buildTool(tool: Tool): Promise<string> {
  const directory = `${SOURCES}/${tool}`
  const options = { cwd: directory, env: { ...process.env, ...ENVIRONMENT } }
  const { stdout: version } = await run('go', ['version'], options).catch(error => {
    throw new Error(`${tool} needs Go (go version): ${String(error)}`)
  })
  const hash = createHash('sha256').update(version).update(JSON.stringify(ENVIRONMENT))
  for (const file of readdirSync(directory).sort()) {
    hash.update(file).update(readFileSync(`${directory}/${file}`))
  }
  const binary = `${CACHE}/${tool}-${hash.digest('hex').slice(0, 16)}`
  if (existsSync(binary)) return binary
  mkdirSync(CACHE, { recursive: true })
  console.log(`building ${tool}`)
  // Go writes the binary when everything else has succeeded, and puts it in place by a rename.
  await run(
    'go',
    ['build', '-trimpath', '-ldflags', '-s -w', '-o', binary, PACKAGES[tool]],
    options,
  )
  return binary
}
