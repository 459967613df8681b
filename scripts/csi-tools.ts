// Builds the Go programs that test the driver and its chart, from pinned sources into a cache
// outside the work tree, where other clones find them. Each is built once: its file name contains a
// hash of all its sources.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../', import.meta.url))
const SOURCES = `${root}test/system/csi-tools`
const CACHE = `${process.env.XDG_CACHE_HOME || `${homedir()}/.cache`}/ldom-csi/csi-tools`

const CSI_SANITY = { package: 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity', stamp: [] }

// A plain build of Helm 3 takes itself for one of Kubernetes 1.20, and then refuses a chart that
// needs a newer one.
const HELM3_STAMP = [
  'helm.sh/helm/v3/internal/version.version=v3.22.0',
  'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=37',
  'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37',
]

/**
 * Each program by the folder of its module, which pins every version by checksum: the package to
 * build, and the variables that the linker sets.
 */
const PROGRAMS = {
  'csi-sanity-5.6': CSI_SANITY,
  'csi-sanity-5.5': CSI_SANITY,
  protocheck: { package: '.', stamp: [] },
  helm3: { package: 'helm.sh/helm/v3/cmd/helm', stamp: HELM3_STAMP },
  helm4: {
    package: 'helm.sh/helm/v4/cmd/helm',
    stamp: ['helm.sh/helm/v4/internal/version.version=v4.3.1'],
  },
} as const
export type Tool = keyof typeof PROGRAMS

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
  const program = PROGRAMS[tool]
  const ldflags = ['-s -w', ...program.stamp.map(variable => `-X ${variable}`)].join(' ')
  const hash = createHash('sha256').update(version).update(JSON.stringify(ENVIRONMENT))
  hash.update(ldflags)
  for (const file of readdirSync(directory).sort()) {
    hash.update(file).update(readFileSync(`${directory}/${file}`))
  }
  const binary = `${CACHE}/${tool}-${hash.digest('hex').slice(0, 16)}`
  if (existsSync(binary)) return binary
  mkdirSync(CACHE, { recursive: true })
  console.log(`building ${tool}`)
  await download(options)
  // Go writes the binary last and renames it into place.
  await run(
    'go',
    ['build', '-trimpath', '-ldflags', ldflags, '-o', binary, program.package],
    options,
  )
  return binary
}

// The proxy of Go modules sometimes breaks a connection off. What has arrived stays.
const DOWNLOADS = 3

async function download(options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
  for (let attempt = 1; ; attempt++) {
    try {
      await run('go', ['mod', 'download'], options)
      return
    } catch (error) {
      if (attempt === DOWNLOADS) throw error
    }
  }
}
