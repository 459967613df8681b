// What each account of the chart may do, as a table. A right that is not in it fails the test, and
// so does one that is gone. The components are those of the released sidecars' own role files.

import { CASES } from '../../../scripts/chart/files.ts'
import { readGolden } from '../../support/chart.ts'

const READ = 'get list watch'
const EVENTS = 'list watch create update patch'

/** By kind and component: resource (with its group) to verbs. */
const RIGHTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'ClusterRole driver': { persistentvolumes: 'get list', events: 'create patch' },
  'Role driver': {
    'leases.coordination.k8s.io': 'create',
    'leases.coordination.k8s.io vdisk-ldom-csi-io': 'get update',
  },
  'ClusterRole provisioner': {
    persistentvolumes: `${READ} create patch delete`,
    persistentvolumeclaims: `${READ} update`,
    nodes: READ,
    'storageclasses.storage.k8s.io': READ,
    'csinodes.storage.k8s.io': READ,
    'volumeattachments.storage.k8s.io': READ,
    'volumeattributesclasses.storage.k8s.io': READ,
    events: EVENTS,
    'volumesnapshots.snapshot.storage.k8s.io': `${READ} update`,
    'volumesnapshotcontents.snapshot.storage.k8s.io': 'get list',
  },
  'Role provisioner': {
    'csistoragecapacities.storage.k8s.io': `${READ} create update patch delete`,
    pods: 'get',
    'replicasets.apps': 'get',
  },
  'ClusterRole attacher': {
    persistentvolumes: `${READ} patch`,
    'csinodes.storage.k8s.io': READ,
    'volumeattachments.storage.k8s.io': `${READ} patch`,
    'volumeattachments/status.storage.k8s.io': 'patch',
  },
  'ClusterRole resizer': {
    persistentvolumes: `${READ} patch`,
    persistentvolumeclaims: READ,
    pods: READ,
    'persistentvolumeclaims/status': 'patch',
    'volumeattributesclasses.storage.k8s.io': READ,
    events: EVENTS,
  },
  'ClusterRole snapshotter': {
    'volumesnapshotclasses.snapshot.storage.k8s.io': READ,
    'volumesnapshotcontents.snapshot.storage.k8s.io': `${READ} update patch`,
    'volumesnapshotcontents/status.snapshot.storage.k8s.io': 'update patch',
    events: EVENTS,
    'volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io': READ,
    'volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io': `${READ} update patch`,
    'volumegroupsnapshotcontents/status.groupsnapshot.storage.k8s.io': 'update patch',
  },
}

test.each(['default', 'high-availability'] as const)(
  '%s: the rights are those of the table',
  name => {
    const rights = readGolden(name).roles.map(({ kind, metadata, rules }) => [
      `${kind} ${metadata.name.replace(/^.*-/, '')}`,
      Object.fromEntries(
        rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
          apiGroups.flatMap(group =>
            resources.map(resource => [
              [group === '' ? resource : `${resource}.${group}`, ...(resourceNames ?? [])].join(
                ' ',
              ),
              verbs.join(' '),
            ]),
          ),
        ),
      ),
    ])

    expect(Object.fromEntries(rights)).toEqual(RIGHTS)
  },
)

test('without snapshots nothing of snapshots is allowed', () => {
  const groups = readGolden('minimal').roles.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups }) => apiGroups),
  )

  expect(groups.filter(group => group.includes('snapshot'))).toEqual([])
})

test.each(CASES)('%s: every role is bound, and to the account of the controller only', name => {
  const { bindings, roles, controller, node } = readGolden(name)
  const account = controller.spec.template.spec.serviceAccountName

  expect(bindings.map(({ roleRef }) => `${roleRef.kind} ${roleRef.name}`).sort()).toEqual(
    roles.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(),
  )
  for (const { subjects } of bindings) {
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: account, namespace: 'ldom-csi' }])
  }
  expect(node.spec.template.spec.serviceAccountName).not.toBe(account)
  expect(node.spec.template.spec.automountServiceAccountToken).toBe(false)
})
