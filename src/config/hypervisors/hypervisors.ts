// All hypervisors. For a new one, add a file here and a line below.

import { z } from 'zod'
import { ldoms } from './ldoms.ts'
import { xen } from './xen.ts'

export const HYPERVISORS = { ldoms, xen }

export type HypervisorKind = keyof typeof HYPERVISORS

/** The kind of a machine that names none. */
export const DEFAULT_HYPERVISOR = 'ldoms'

export const HYPERVISOR_KINDS = Object.keys(HYPERVISORS).filter(isHypervisorKind)

export function isHypervisorKind(kind: unknown): kind is HypervisorKind {
  return typeof kind === 'string' && Object.hasOwn(HYPERVISORS, kind)
}

export const machineSchema = z.discriminatedUnion(
  'hypervisor',
  [ldoms.schema, xen.schema],
  HYPERVISOR_KINDS.map(kind => JSON.stringify(kind)).join(' or '),
)
