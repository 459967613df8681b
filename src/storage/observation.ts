// Looking at the machines of a volume: their listings, and whether an earlier command of unknown
// fate may still change them. A machine that cannot be reached is a value here, never an empty
// listing.

import type { StorageError } from '../errors.ts'
import type { MachineView } from '../hypervisors/hypervisor.ts'
import { ShellError } from '../shell/shell.ts'
import type { Pool, PoolMachine, VolumePlace } from './pool.ts'

/** By name; a machine that cannot be reached has its error in its place. */
export type MachineViews = ReadonlyMap<string, MachineView | StorageError>

export async function observeMachines(pool: Pool, signal?: AbortSignal): Promise<MachineViews> {
  const states = await Promise.all(
    [...pool.machines].map(
      async ([name, { hypervisor }]): Promise<readonly [string, MachineView | StorageError]> => [
        name,
        await orError(hypervisor.observe(signal), isNotStarted),
      ],
    ),
  )
  return new Map(states)
}

/**
 * What must have come to rest before the volume is looked at: nothing on its storage host may still
 * be at work on it.
 */
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

/** The machine's state once nothing is at work on the volume there, or why it cannot be had. */
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

// A machine that cannot be reached as its error, where that is what the caller accepts; every other
// error is thrown.
async function orError<T>(
  answer: Promise<T>,
  isAccepted: (error: unknown) => error is ShellError,
): Promise<T | StorageError> {
  try {
    return await answer
  } catch (error) {
    if (!isAccepted(error)) throw error
    return error
  }
}

/**
 * For who only looks: nothing could be started. Whoever concludes something from it asks
 * `isSilence`.
 */
function isNotStarted(error: unknown): error is ShellError {
  return error instanceof ShellError && error.fate === 'not-started'
}

/**
 * Silence is that no connection could be made, and that it was the far side that did not answer. A
 * command that was cut off, one that is still at work from before, one that waited too long in our
 * own queue are a moment; a refused key is an answer. Taking any of them for a dead machine would
 * close the fence on a living one.
 */
export function isSilence(error: unknown): error is ShellError {
  return isNotStarted(error) && error.fault === 'unreachable'
}

function namesOf(place: VolumePlace): readonly string[] {
  return [place.leaf, ...place.pool.design.names(place)]
}
