// The plain manifests of deploy/, from what Helm rendered: one file for each template, without the
// labels that belong to Helm. Files of the driver become files of their own: kustomize makes the
// ConfigMaps, and their names with a hash.

import { parse } from 'yaml'
import { z } from 'zod'

const HEADER = '# Rendered from charts/ldom-csi by npm run chart. Not to be edited.\n'
const EXAMPLE = '# An example, rendered from charts/ldom-csi by npm run chart.\n'
const HELM_LABELS = /^ +(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm
/** What only Helm reads, with its comment. */
const HELM_ANNOTATIONS = /^ +annotations:\n( +#.*\n)* +helm\.sh\/resource-policy: .*\n/gm
/** kustomize writes it, where it finds the name without it. */
const HASHES = /(name: ldom-csi-(controller|node|guest-disks))-[0-9a-f]{10}$/gm

const CONFIGURATION = 'configuration.yaml'

const GUEST_DISKS = [
  'configuration/controller.yaml',
  'configuration/guest-disks.yaml',
  'controller.yaml',
  'guest-disk-definition.yaml',
  'network-policies.yaml',
  'rbac.yaml',
]

/** Those in which disks of guests without a kubelet make a difference. */
export function guestDiskFiles(rendered: string): ReadonlyMap<string, string> {
  return new Map([...deployFiles(rendered)].filter(([name]) => GUEST_DISKS.includes(name)))
}

/** By the names of the files. */
export function deployFiles(rendered: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const document of rendered.split(/^---\n/m)) {
    const [, name] = /^# Source: [^/]+\/templates\/(.+)\n/.exec(document) ?? []
    if (name === undefined) continue
    if (name === CONFIGURATION) {
      for (const [key, text] of dataOf(document)) {
        files.set(`configuration/${key}`, `${EXAMPLE}${text}`)
      }
      continue
    }
    const text = document
      .replace(/^# Source: .*\n/, '')
      .replace(HELM_LABELS, '')
      .replace(HELM_ANNOTATIONS, '')
      .replace(HASHES, '$1')
    files.set(name, `${files.get(name) ?? HEADER}---\n${text}`)
  }
  return files
}

const configMap = z.looseObject({ data: z.record(z.string(), z.string()) })

const dataOf = (document: string) => Object.entries(configMap.parse(parse(document)).data)
