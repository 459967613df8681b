// The programs of the test cluster, built from Go modules that are pinned by their sums.

import { join } from 'node:path'
import { cacheDirectory } from '../../scripts/cache.ts'
import { type GoProgram, GoPrograms } from '../../scripts/go-programs.ts'

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

const kubernetes = (path: string): GoProgram => ({
  module: 'kubernetes',
  package: path,
  variables: KUBERNETES_VERSION,
})

const sidecar = (module: string, path: string, version: string): GoProgram => ({
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
} as const satisfies Record<string, GoProgram>

export type Program = keyof typeof PROGRAMS
export type Programs = Readonly<Record<Program, string>>

const CLUSTER = new GoPrograms<Program>({
  sources: join(import.meta.dirname, 'programs'),
  cache: cacheDirectory('cluster'),
  programs: PROGRAMS,
  output: 'shown',
})

/** Which programs are still to be built. */
export const missingPrograms = (): Promise<readonly Program[]> => CLUSTER.missing()

/** The path of every program; those that are missing are built now. */
export const buildPrograms = (): Promise<Programs> => CLUSTER.buildAll()
