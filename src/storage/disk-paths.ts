// How the paths of an attachment stand on a machine: which export is there, which service domain
// runs, and what the machine says of the rest. Pure, no I/O.

import type { DiskUse, MachineView, PathState } from '../hypervisors/hypervisor.ts'
import type { PoolMachine, PoolPath } from './pool.ts'

export interface SeenPath {
  readonly path: PoolPath
  /**
   * `missing`: no export, or one that is not among the paths of the disk. `stopped`: its service
   * domain does not run.
   */
  readonly state: 'missing' | 'stopped' | PathState
}

/** Every path of the pool to the machine. `disk`: undefined while the guest has none. */
export function seePaths(
  key: string,
  disk: DiskUse | undefined,
  { machine, state }: { readonly machine: PoolMachine; readonly state: MachineView },
): readonly SeenPath[] {
  const offered = state.uses
    .filter(use => use.kind === 'export' && use.key === key)
    .flatMap(use => use.paths)
  return machine.paths.map(path => {
    const used = disk?.paths.find(({ service }) => service === path.service)
    // A disk that has its device itself needs no export beside it.
    const isServed =
      disk === undefined
        ? offered.some(({ service }) => service === path.service)
        : used?.key === key && used.device !== undefined
    if (!isServed) return { path, state: 'missing' }
    // A path state says which path the guest used last. It stays as it was when the service domain
    // goes down (recorded: standby).
    if (!isRunning(path, state)) return { path, state: 'stopped' }
    return { path, state: used?.state ?? 'unknown' }
  })
}

// A domain with an unclear listing is not known to be down.
function isRunning(path: PoolPath, state: MachineView): boolean {
  const domain = state.guests.find(({ name }) => name === path.serviceDomain)
  return domain?.readiness.kind === 'running' || domain?.readiness.kind === 'unclear'
}
