// What the driver's accounts may do, and what they did: the roles bound to them, and the audit log
// of the API server.

import { readFileSync } from 'node:fs'
import type { Kubectl } from './kubectl.ts'
import { AUDIT_LOG, NAMESPACE } from './settings.ts'

interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly verbs: readonly string[]
}

interface Binding {
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly roleRef: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly {
    readonly kind: string
    readonly name: string
    readonly namespace?: string
  }[]
}

/** `<role>: <verb> <resource>[.<group>]` */
export async function granted(kubectl: Kubectl): Promise<readonly string[]> {
  const bindings = [
    ...(await kubectl.list<Binding>('clusterrolebindings')),
    ...(await kubectl.list<Binding>('rolebindings', '--all-namespaces')),
  ].filter(({ subjects = [] }) => subjects.some(({ namespace }) => namespace === NAMESPACE))
  const found = bindings.map(async ({ roleRef, metadata }) => {
    const place = kubectl.in(metadata.namespace ?? 'default')
    const { rules } = await place.get<{ rules: readonly Rule[] }>(roleRef.kind, roleRef.name)
    return rules.flatMap(rule => actions(rule).map(action => `${roleRef.name}: ${action}`))
  })
  return (await Promise.all(found)).flat().sort()
}

function actions({ apiGroups = [], resources = [], verbs }: Rule): readonly string[] {
  return apiGroups.flatMap(group =>
    resources.flatMap(resource => verbs.map(verb => formatAction(verb, resource, group))),
  )
}

const formatAction = (verb: string, resource: string, group: string | undefined) =>
  `${verb} ${resource}${group === undefined || group === '' ? '' : `.${group}`}`

interface AuditEvent {
  readonly verb: string
  readonly user: { readonly username: string }
  readonly userAgent?: string
  readonly objectRef?: {
    readonly apiGroup?: string
    readonly resource: string
    readonly subresource?: string
    readonly namespace?: string
  }
  readonly responseStatus?: { readonly code?: number; readonly message?: string }
}

export interface Use {
  /** The first word of its user agent. */
  readonly program: string
  readonly action: string
  /** Why the API server refused it. */
  readonly refused?: string
}

/** What any account of the driver's namespace asked of the API server. */
export function used(): readonly Use[] {
  const account = `system:serviceaccount:${NAMESPACE}:`
  const events = readFileSync(AUDIT_LOG, 'utf8').split('\n').filter(Boolean)
  return events
    .map((line): AuditEvent => JSON.parse(line))
    .filter(({ user }) => user.username.startsWith(account))
    .flatMap(({ objectRef, verb, userAgent = '', responseStatus }) => {
      if (objectRef === undefined) return []
      const { resource, subresource, apiGroup } = objectRef
      const full = subresource === undefined ? resource : `${resource}/${subresource}`
      const program = userAgent.split('/')[0] ?? ''
      const { code, message = 'without a word' } = responseStatus ?? {}
      const refused = code === 403 ? { refused: message } : {}
      return [{ program, action: formatAction(verb, full, apiGroup), ...refused }]
    })
}
