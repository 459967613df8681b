// Translates health into CSI messages, for both services. The RPCs are registered and advertised
// only if health is switched on: callers of CSI 1.12 do not know them. No entries mean healthy. A
// failed check is an error or an entry, never silence.

import type { HealthProblem, VolumeHealth } from '../storage/health.ts'
import type { Draft } from './wire/proto.ts'
import {
  VolumeHealthErrorType as Type,
  type VolumeHealth as WireVolumeHealth,
} from './wire/types.gen.ts'

const TYPES: Readonly<Record<HealthProblem['kind'], Type>> = {
  degraded: Type.DEGRADED,
  inaccessible: Type.INACCESSIBLE,
  'data-loss': Type.DATA_LOSS,
}

export function wireHealth({ volumeId, problems }: VolumeHealth): Draft<WireVolumeHealth> {
  // CSI allows each pair of type and reason only once.
  const entries = new Map(
    problems.map(problem => [`${problem.kind} ${problem.reason}`, problem] as const),
  )
  return {
    volume_id: volumeId,
    health_statuses: [...entries.values()].map(({ kind, reason, message }) => ({
      status: TYPES[kind],
      reason,
      message,
    })),
  }
}
