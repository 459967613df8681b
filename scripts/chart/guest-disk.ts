// The CustomResourceDefinition of GuestDisk, as a template of the chart. Whatever an object alone
// can get wrong, the API server refuses by it; its words are all that the user then sees.

import { stringify } from 'yaml'
import { GUEST_DISK_SPEC, GUEST_DISK_STATUS } from './guest-disk-schema.ts'

const NAME = 'guestdisks.ldom-csi.io'

const COLUMNS = [
  { name: 'Claim', type: 'string', jsonPath: '.spec.claimName' },
  { name: 'Guest', type: 'string', jsonPath: '.spec.guest' },
  { name: 'Disk', type: 'integer', jsonPath: '.status.vdisk' },
  { name: 'Device', type: 'string', jsonPath: '.status.device' },
  { name: 'Paths', type: 'string', jsonPath: '.status.pathsWorking' },
  {
    name: 'Ready',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  },
  {
    name: 'Reason',
    type: 'string',
    priority: 1,
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
  },
  { name: 'Size', type: 'string', priority: 1, jsonPath: '.status.size' },
  { name: 'Volume', type: 'string', priority: 1, jsonPath: '.status.volume' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
]

const SCHEMA = {
  type: 'object',
  description:
    'A volume in a guest without a kubelet: which claim, which guest, and where in it. The ' +
    'controller attaches and mounts it, and brings it back by itself.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: GUEST_DISK_SPEC,
    status: GUEST_DISK_STATUS,
  },
}

const SPEC = {
  group: 'ldom-csi.io',
  scope: 'Namespaced',
  names: {
    kind: 'GuestDisk',
    listKind: 'GuestDiskList',
    plural: 'guestdisks',
    singular: 'guestdisk',
    shortNames: ['gd'],
    categories: ['ldom-csi'],
  },
  versions: [
    {
      name: 'v1alpha1',
      served: true,
      storage: true,
      subresources: { status: {} },
      additionalPrinterColumns: COLUMNS,
      schema: { openAPIV3Schema: SCHEMA },
    },
  ],
}

/** Without what Helm adds to it. */
export const GUEST_DISK_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: NAME },
  spec: SPEC,
}

/**
 * A template and no file of `crds/`: those Helm installs once, and never changes. It stays when the
 * release goes, and so do the disks.
 */
export function generateDefinitionTemplate(): string {
  return `\
{{- /* Written by npm run generate from scripts/chart/guest-disk.ts. Not to be edited. */ -}}
{{- if and .Values.guestDisks.enabled .Values.guestDisks.definition }}
apiVersion: ${GUEST_DISK_DEFINITION.apiVersion}
kind: ${GUEST_DISK_DEFINITION.kind}
metadata:
  name: ${NAME}
  labels:
    {{- include "ldom-csi.labels" . | nindent 4 }}
  annotations:
    # Without it every GuestDisk would go with the release.
    helm.sh/resource-policy: keep
${stringify({ spec: SPEC }, { lineWidth: 100, aliasDuplicateObjects: false })}{{- end }}
`
}
