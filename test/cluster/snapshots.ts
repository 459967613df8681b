// What a cluster has once, whatever drivers it has: the kinds of snapshots and their controller.

import { join } from 'node:path'
import { run } from '../support/commands.ts'
import { SNAPSHOT_CONTROLLER_IMAGE } from './image-names.ts'
import type { Kubectl } from './kubectl.ts'

const MODULE = 'github.com/kubernetes-csi/external-snapshotter/client/v8'
const SOURCES = join(import.meta.dirname, 'programs/csi-snapshotter')
const NAME = 'snapshot-controller'
const NAMESPACE = 'kube-system'

/** The definitions come with the client module of the snapshotter. */
export async function installSnapshotController(kubectl: Kubectl): Promise<void> {
  const { Dir }: { Dir: string } = JSON.parse(
    await run(['go', 'mod', 'download', '-json', MODULE], { cwd: SOURCES }),
  )
  const definitions = join(Dir, 'config/crd')
  await kubectl.run(['apply', '--server-side', '--kustomize', definitions])
  const established = ['wait', '--for=condition=Established', '--timeout=60s']
  await kubectl.run([...established, 'crd', '--all'])
  await kubectl.in(NAMESPACE).apply(...objects())
  await kubectl.in(NAMESPACE).wait(`deployment/${NAME}`, 'condition=Available')
}

const everything = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']
const GROUPS = ['snapshot.storage.k8s.io', 'groupsnapshot.storage.k8s.io']

function objects(): readonly object[] {
  const metadata = { name: NAME, namespace: NAMESPACE }
  const rules = [
    { apiGroups: GROUPS, resources: ['*'], verbs: everything },
    { apiGroups: [''], resources: ['persistentvolumes', 'nodes'], verbs: ['get', 'list', 'watch'] },
    {
      apiGroups: [''],
      resources: ['persistentvolumeclaims'],
      verbs: ['get', 'list', 'watch', 'update'],
    },
    { apiGroups: [''], resources: ['events'], verbs: everything },
  ]
  const container = {
    name: NAME,
    image: SNAPSHOT_CONTROLLER_IMAGE,
    args: ['--feature-gates=CSIVolumeGroupSnapshot=true'],
  }
  const template = {
    metadata: { labels: { app: NAME } },
    spec: {
      serviceAccountName: NAME,
      containers: [container],
      tolerations: [{ operator: 'Exists' }],
    },
  }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: NAME },
      rules,
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: NAME },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: NAME },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: { app: NAME } }, template },
    },
  ]
}
