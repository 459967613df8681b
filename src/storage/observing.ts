// Looking at the machines of a volume: their listings, and whether an earlier command of unknown fate may still change them.
// A machine that cannot be reached is a value here, never an empty listing.

import type { StorageError } from '../errors.ts'
import type { MachineState } from '../hypervisor.ts'
import { ShellError } from '../shell/shell.ts'
import type { Pool, PoolMachine, VolumePlace } from './pool.ts'

/** By name; a machine that cannot be reached has its error in its place. */
export type MachineStates = ReadonlyMap<string, MachineState | StorageError>

export async function observeMachines(pool: Pool, signal?: AbortSignal): Promise<MachineStates> {
  const states = await Promise.all(
    [...pool.machines].map(
      async ([name, { hypervisor }]): Promise<readonly [string, MachineState | StorageError]> => [
        name,
        await orSilence(hypervisor.observe(signal)),
      ],
    ),
  )
  return new Map(states)
}

/** What must have come to rest before the volume is looked at: nothing on its storage host may still be at work on it. */
export async function settleHost(place: VolumePlace, signal?: AbortSignal): Promise<void> {
  await place.pool.host.settled(namesOf(place), signal)
}

export async function settleMachine(place: VolumePlace, machine: PoolMachine, signal?: AbortSignal): Promise<void> {
  await machine.hypervisor.settled(namesOf(place), signal)
}

/** The machine's state once nothing is at work on the volume there, or why it cannot be had. */
export function observeSettled(place: VolumePlace, machine: PoolMachine, signal?: AbortSignal): Promise<MachineState | StorageError> {
  return orSilence(settleMachine(place, machine, signal).then(() => machine.hypervisor.observe(signal)))
}

// Silence is that no command could be started there. One that was cut off, or one that is still at work from before, is no silence but
// a moment: taking it for a dead machine would leave the disk behind on a living one.
async function orSilence<T>(answer: Promise<T>): Promise<T | StorageError> {
  try {
    return await answer
  } catch (error) {
    if (!isSilence(error)) throw error
    return error
  }
}

export function isSilence(error: unknown): error is ShellError {
  return error instanceof ShellError && error.fate === 'not-started'
}

function namesOf(place: VolumePlace): readonly string[] {
  return [place.leaf, ...place.pool.design.names(place)]
}
