// Builds the Go programs of the CSI community that test the driver, from pinned sources into
// .cache/csi-tools. Each is built once: its file name contains a hash of all its sources.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../', import.meta.url))
const SOURCES = `${root}test/system/csi-tools`
const CACHE = `${root}.cache/csi-tools`

const CSI_SANITY = 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity'

/** Each program by the folder of its module, which pins every version by checksum. */
const PACKAGES = {
  'csi-sanity-5.6': CSI_SANITY,
  'csi-sanity-5.5': CSI_SANITY,
  protocheck: '.',
} as const
export type Tool = keyof typeof PACKAGES

const run = promisify(execFile)

// Overrides the settings of this machine: pinned versions, this Go, and nothing fetched that has no
// checksum.
const ENVIRONMENT = {
  GOFLAGS: '-mod=readonly -buildvcs=false',
  GOTOOLCHAIN: 'local',
  CGO_ENABLED: '0',
}

/** Returns the path of the program, and builds it if necessary. */
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
  // Go writes the binary last and renames it into place.
  await run(
    'go',
    ['build', '-trimpath', '-ldflags', '-s -w', '-o', binary, PACKAGES[tool]],
    options,
  )
  return binary
}
