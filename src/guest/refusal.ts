// Rejections about a volume. The code that finds the problem throws a Refusal that does not name
// the volume. The entry point adds the volume's name once. Errors of a guest's tool pass unchanged:
// they name their own object.

import { StorageError } from '../errors.ts'

/** A message that does not name the volume yet. */
export class Refusal extends StorageError {}

/** Puts the name of the object in front of every Refusal that the work throws. */
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
