// Observes the machines of a volume: their listings, and whether an earlier command of unknown fate
// may still change them. A machine that cannot be reached is a value here, never an empty listing.

import { isStorageError, type StorageError } from '../errors.ts'
import type { MachineView } from '../hypervisors/hypervisor.ts'
import { ShellError } from '../shell/shell.ts'
import type { Pool, PoolMachine, VolumePlace } from './pool.ts'

/** By machine name. A machine that cannot be reached has its error as the value. */
export type MachineViews = ReadonlyMap<string, MachineView | StorageError>

export function observeMachines(pool: Pool, signal?: AbortSignal): Promise<MachineViews> {
  return observeEach(pool.machines, isNotStarted, signal)
}

/**
 * Like `observeMachines`, for a report on many machines: whatever keeps one from being seen is its
 * value, and the others are reported. Nobody may conclude anything from it.
 */
export function tryToObserve(
  machines: ReadonlyMap<string, PoolMachine>,
  signal?: AbortSignal,
): Promise<MachineViews> {
  return observeEach(machines, error => isStorageError(error), signal)
}

async function observeEach(
  machines: ReadonlyMap<string, PoolMachine>,
  isAccepted: (error: unknown) => error is StorageError,
  signal?: AbortSignal,
): Promise<MachineViews> {
  const states = await Promise.all(
    [...machines].map(
      async ([name, { hypervisor }]): Promise<readonly [string, MachineView | StorageError]> => [
        name,
        await orError(hypervisor.observe(signal), isAccepted),
      ],
    ),
  )
  return new Map(states)
}

/** Waits until no earlier command on the storage host can still change the volume. */
export async function settleHost(place: VolumePlace, signal?: AbortSignal): Promise<void> {
  await place.pool.host.settled(namesOf(place), signal)
}

export async function settleMachine(
  place: VolumePlace,
  machine: PoolMachine,
  signal?: AbortSignal,
): Promise<void> {
  await machine.hypervisor.settled(namesOf(place), signal)
}

/**
 * The machine's state once no earlier command can still change the volume there, or the error of a
 * machine that is silent.
 */
export function observeSettled(
  place: VolumePlace,
  machine: PoolMachine,
  signal?: AbortSignal,
): Promise<MachineView | StorageError> {
  return orError(
    settleMachine(place, machine, signal).then(() => machine.hypervisor.observe(signal)),
    isSilence,
  )
}

// Returns an error that the caller accepts as the value of the machine. Every other error is
// thrown.
async function orError<T>(
  answer: Promise<T>,
  isAccepted: (error: unknown) => error is StorageError,
): Promise<T | StorageError> {
  try {
    return await answer
  } catch (error) {
    if (!isAccepted(error)) throw error
    return error
  }
}

/**
 * For callers that only report: no command could be started. A caller that draws conclusions uses
 * `isSilence`.
 */
function isNotStarted(error: unknown): error is ShellError {
  return error instanceof ShellError && error.fate === 'not-started'
}

/**
 * Silence means that no connection could be made because the far side did not answer. A command
 * that was cut off, is still running or waited too long in our own queue is a passing state. A
 * rejected key is an answer. If any of these counted as a dead machine, the driver would close the
 * fence on a living one.
 */
export function isSilence(error: unknown): error is ShellError {
  return isNotStarted(error) && error.fault === 'unreachable'
}

function namesOf(place: VolumePlace): readonly string[] {
  return [place.leaf, ...place.pool.design.names(place)]
}
