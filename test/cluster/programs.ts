// The programs of the test cluster, built from Go modules that are pinned by their sums. They are
// kept outside the work tree: the name of a file holds a hash of everything it is made from.

import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SOURCES = join(import.meta.dirname, 'programs')

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ldom-csi/cluster')

const KUBERNETES = 'v1.37.1'
const KUBERNETES_VERSION = [
  'k8s.io/component-base/version',
  'k8s.io/client-go/pkg/version',
].flatMap(at => [
  `${at}.gitVersion=${KUBERNETES}`,
  `${at}.gitMajor=1`,
  `${at}.gitMinor=${KUBERNETES.split('.')[1]}`,
  `${at}.gitTreeState=clean`,
])

interface Source {
  /** Folder of the module that pins every version. */
  readonly module: string
  readonly package: string
  /** Variables that the linker sets: versions, which a program would not know otherwise. */
  readonly variables: readonly string[]
}

const kubernetes = (path: string): Source => ({
  module: 'kubernetes',
  package: path,
  variables: KUBERNETES_VERSION,
})

const sidecar = (module: string, path: string, version: string): Source => ({
  module,
  package: `github.com/kubernetes-csi/${path}`,
  variables: [`main.version=${version}`],
})

const SNAPSHOTTER = 'external-snapshotter/v8/cmd'

/** In the order of building. */
const PROGRAMS = {
  registrar: kubernetes('./registrar'),
  prober: kubernetes('./prober'),
  pause: kubernetes('./pause'),
  etcd: { module: 'etcd', package: 'go.etcd.io/etcd/server/v3', variables: [] },
  'csi-provisioner': sidecar(
    'csi-provisioner',
    'external-provisioner/v6/cmd/csi-provisioner',
    'v6.3.0',
  ),
  'csi-attacher': sidecar('csi-attacher', 'external-attacher/v4/cmd/csi-attacher', 'v4.13.0'),
  'csi-resizer': sidecar('csi-resizer', 'external-resizer/v2/cmd/csi-resizer', 'v2.3.0'),
  'csi-snapshotter': sidecar('csi-snapshotter', `${SNAPSHOTTER}/csi-snapshotter`, 'v8.6.0'),
  'snapshot-controller': sidecar('csi-snapshotter', `${SNAPSHOTTER}/snapshot-controller`, 'v8.6.0'),
  'kube-apiserver': kubernetes('k8s.io/kubernetes/cmd/kube-apiserver'),
  kubectl: kubernetes('k8s.io/kubernetes/cmd/kubectl'),
  'kube-controller-manager': kubernetes('k8s.io/kubernetes/cmd/kube-controller-manager'),
  'kube-scheduler': kubernetes('k8s.io/kubernetes/cmd/kube-scheduler'),
  kubelet: kubernetes('k8s.io/kubernetes/cmd/kubelet'),
} as const satisfies Record<string, Source>

export type Program = keyof typeof PROGRAMS
export type Programs = Readonly<Record<Program, string>>

const isProgram = (name: string): name is Program => name in PROGRAMS

// Whatever this machine's own settings are: the pinned versions, this Go, nothing fetched but what
// the sums name.
const ENVIRONMENT = {
  GOFLAGS: '-mod=readonly -buildvcs=false',
  GOTOOLCHAIN: 'local',
  CGO_ENABLED: '0',
}

const run = promisify(execFile)

/** The path of every program, built or not; undefined without Go. */
async function locate(): Promise<Programs> {
  const { stdout: version } = await run('go', ['version']).catch(error => {
    throw new Error(`the programs of the test cluster need Go (go version): ${String(error)}`)
  })
  const common = `${version}${JSON.stringify(ENVIRONMENT)}`
  return mapPrograms((name, source) => {
    const hash = createHash('sha256').update(common).update(JSON.stringify(source))
    for (const file of sourceFiles(source)) hash.update(readFileSync(join(SOURCES, file)))
    return join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`)
  })
}

/** What pins the versions, and the program itself where it is one of our own. */
function sourceFiles({ module, package: path }: Source): readonly string[] {
  const pins = ['go.mod', 'go.sum'].map(file => join(module, file))
  return path.startsWith('./') ? [...pins, join(module, path, 'main.go')] : pins
}

/** Which programs are still to be built. */
export async function missingPrograms(): Promise<readonly Program[]> {
  const paths = await locate()
  return Object.keys(PROGRAMS)
    .filter(isProgram)
    .filter(name => !existsSync(paths[name]))
}

/** The path of every program; those that are missing are built now. */
export async function buildPrograms(): Promise<Programs> {
  const paths = await locate()
  mkdirSync(CACHE, { recursive: true })
  for (const name of await missingPrograms()) await build(name, paths[name])
  return paths
}

// A refused or broken download is common enough on a slow line; what was fetched stays.
const ATTEMPTS = 4

async function build(name: Program, binary: string): Promise<void> {
  const source: Source = PROGRAMS[name]
  const flags = ['-s', '-w', ...source.variables.flatMap(variable => ['-X', variable])]
  const begin = Date.now()
  console.log(`building ${name}`)
  for (let attempt = 1; ; attempt += 1) {
    // Go writes the binary when everything else has succeeded, and puts it in place by a rename.
    const child = spawn(
      'go',
      ['build', '-trimpath', '-ldflags', flags.join(' '), '-o', binary, source.package],
      {
        cwd: join(SOURCES, source.module),
        env: { ...process.env, ...ENVIRONMENT },
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    )
    const [status] = await once(child, 'exit')
    if (status === 0) break
    if (attempt === ATTEMPTS) throw new Error(`${name} could not be built`)
  }
  console.log(`built ${name} in ${Math.round((Date.now() - begin) / 1000)} s`)
}

function mapPrograms(path: (name: Program, source: Source) => string): Programs {
  const names = Object.keys(PROGRAMS).filter(isProgram)
  const entries = names.map(name => [name, path(name, PROGRAMS[name])])
  return Object.fromEntries(entries)
}
