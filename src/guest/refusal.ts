// What is refused about a volume is said where it is found, and the volume is named once, around
// the work. What a tool of the guest said passes as it is: it names its own object.

import { StorageError } from '../errors.ts'

/** A sentence that does not name the volume yet. */
export class Refusal extends StorageError {}

/** Puts the name of the object in front of what the work refuses. */
export async function about<T>(object: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new StorageError(error.kind, `${object}: ${error.message}`)
  }
}

export function nameVolume(volumeId: string): string {
  return `volume ${volumeId}`
}

export function nameDisk(volumeId: string, slot: number): string {
  return `volume ${volumeId}, disk ${slot}`
}
