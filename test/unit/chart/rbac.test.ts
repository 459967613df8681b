// What each account of the chart may do, as a table. A right that is not in it fails the test, and
// so does one that is gone. The components are those of the released sidecars' own role files.

import { readFileSync } from 'node:fs'
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

/** Beside them, where guests without a kubelet get disks. */
const GUEST_DISKS: typeof RIGHTS = {
  'ClusterRole guest-disks': {
    'guestdisks.ldom-csi.io': `${READ} create patch delete`,
    'guestdisks/status.ldom-csi.io': 'patch',
    persistentvolumeclaims: `${READ} patch`,
    'persistentvolumeclaims/status': 'patch',
    persistentvolumes: READ,
    'storageclasses.storage.k8s.io': 'get',
    'csinodes.storage.k8s.io': 'list',
    events: 'create patch',
  },
  // Added to the roles view, edit and admin of the cluster.
  'ClusterRole guest-disks-view': { 'guestdisks.ldom-csi.io': READ },
  'ClusterRole guest-disks-edit': {
    'guestdisks.ldom-csi.io': 'create update patch delete deletecollection',
  },
}

test.each([
  { name: 'default', rights: RIGHTS },
  { name: 'high-availability', rights: RIGHTS },
  { name: 'guest-disks', rights: { ...RIGHTS, ...GUEST_DISKS } },
] as const)('$name: the rights are those of the table', ({ name, rights }) => {
  const found = readGolden(name).roles.map(({ kind, metadata, rules }) => [
    `${kind} ${metadata.name.replace(/^ldom-csi-/, '')}`,
    Object.fromEntries(
      rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
        apiGroups.flatMap(group =>
          resources.map(resource => [
            [group === '' ? resource : `${resource}.${group}`, ...(resourceNames ?? [])].join(' '),
            verbs.join(' '),
          ]),
        ),
      ),
    ),
  ])

  expect(Object.fromEntries(found)).toEqual(rights)
})

/** How docs/security.md calls what a role may write. */
const WORDS: Readonly<Record<string, string>> = {
  csistoragecapacities: 'CSIStorageCapacity',
  events: 'write events',
  guestdisks: 'GuestDisks',
  leases: 'Lease',
  persistentvolumeclaims: 'claims',
  persistentvolumes: 'PersistentVolumes',
  volumeattachments: 'VolumeAttachments',
  volumegroupsnapshotcontents: 'contents of snapshots and groups',
  volumesnapshotcontents: 'contents of snapshots',
  volumesnapshots: 'update snapshots',
}

test('the page on security says all that the roles may write', () => {
  const page = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
  const says = new Map(
    [...page.matchAll(/^\| ([a-z-]+) \| (.*) \|$/gm)].map(([, role = '', may = '']) => [role, may]),
  )

  for (const { metadata, rules } of readGolden('guest-disks').roles) {
    if (isForUsers(metadata.labels)) continue
    const role = metadata.name.replace(/^ldom-csi-/, '')
    const written = rules.filter(({ verbs }) => verbs.some(verb => !READ.includes(verb)))
    for (const resource of written.flatMap(({ resources }) => resources)) {
      const [name = '', part = ''] = resource.split('/')
      expect(says.get(role)).toContain(WORDS[name])
      expect(says.get(role)).toContain(part)
    }
  }
})

test('without snapshots nothing of snapshots is allowed', () => {
  const groups = readGolden('minimal').roles.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups }) => apiGroups),
  )

  expect(groups.filter(group => group.includes('snapshot'))).toEqual([])
})

test.each(CASES)('%s: every role is bound, and to the account of the controller only', name => {
  const { bindings, roles: all, controller, node } = readGolden(name)
  const roles = all.filter(({ metadata }) => !isForUsers(metadata.labels))
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

/** The cluster itself gives them to people. */
function isForUsers(labels: Readonly<Record<string, string>>): boolean {
  return Object.keys(labels).some(label => label.includes('aggregate-to'))
}
