// The Go programs that test the driver and its chart.

import { join } from 'node:path'
import { cacheDirectory } from './cache.ts'
import { type GoProgram, GoPrograms } from './go-programs.ts'

const csiSanity = (module: string): GoProgram => ({
  module,
  package: 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity',
  variables: [],
})

// A plain build of Helm 3 takes itself for one of Kubernetes 1.20, and then refuses a chart that
// needs a newer one.
const HELM3_VARIABLES = [
  'helm.sh/helm/v3/internal/version.version=v3.22.0',
  'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=37',
  'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37',
]

const PROGRAMS = {
  'csi-sanity-5.6': csiSanity('csi-sanity-5.6'),
  'csi-sanity-5.5': csiSanity('csi-sanity-5.5'),
  protocheck: { module: 'protocheck', package: '.', variables: [] },
  helm3: { module: 'helm3', package: 'helm.sh/helm/v3/cmd/helm', variables: HELM3_VARIABLES },
  helm4: {
    module: 'helm4',
    package: 'helm.sh/helm/v4/cmd/helm',
    variables: ['helm.sh/helm/v4/internal/version.version=v4.3.1'],
  },
} as const satisfies Record<string, GoProgram>
type Tool = keyof typeof PROGRAMS

const TOOLS = new GoPrograms<Tool>({
  sources: join(import.meta.dirname, '../test/system/csi-tools'),
  cache: cacheDirectory('csi-tools'),
  programs: PROGRAMS,
  output: 'hidden',
})

/** Returns the path of the program, and builds it if necessary. */
export const buildTool = (tool: Tool): Promise<string> => TOOLS.build(tool)
