// Topology: one key per driver, `<driver name>/machine`. Its value is the machine. Storage knows
// which machines exist and which of them reach a volume.

import { StorageError } from '../errors.ts'
import type { VolumeSpec } from '../model/volumes.ts'
import { invalid } from './fields.ts'
import type { Topology, TopologyRequirement } from './wire/types.gen.ts'

function machineKey(driverName: string): string {
  return `${driverName}/machine`
}

export function formatTopology(driverName: string, machine: string): Topology {
  return { segments: { [machineKey(driverName)]: machine } }
}

/**
 * The machine that a topology names. Undefined: the driver has nothing in that place, which callers
 * may ask about.
 */
export function findMachine(
  driverName: string,
  topology: Topology,
  field: string,
): string | undefined {
  const segments = Object.entries(topology.segments)
  if (segments.length === 0) throw invalid(field, 'has no segments')
  const key = machineKey(driverName).toLowerCase()
  // Keys compare without regard to case (CSI). A key of another driver restricts the place in a way
  // that is unknown here.
  return segments.every(([name]) => name.toLowerCase() === key) ? segments[0]?.[1] : undefined
}

export function parseRequirement(
  driverName: string,
  requirement: TopologyRequirement | undefined,
): VolumeSpec['machines'] {
  const machines = (terms: readonly Topology[], field: string) => {
    const named = terms.map((term, at) =>
      findMachine(driverName, term, `accessibility_requirements.${field}[${at}]`),
    )
    return [...new Set(named)].filter(machine => machine !== undefined)
  }
  const requisite = machines(requirement?.requisite ?? [], 'requisite')
  // Preferred terms are checked only for mistakes. The class names the pool, and every machine of
  // the pool reaches the volume.
  machines(requirement?.preferred ?? [], 'preferred')
  if (requisite.length === 0 && requirement !== undefined && requirement.requisite.length > 0) {
    // With this code Kubernetes tries another node.
    throw new StorageError(
      'no-space',
      'accessibility_requirements: no term has only the key of this driver, ' +
        `${machineKey(driverName)}`,
    )
  }
  return requisite
}
