// A call as an orchestrator makes it.

import { isStorageError } from '../../src/errors.ts'
import { pause } from '../support/commands.ts'

const TRIES = 60

/** The same call until it succeeds, while the answer is that it may yet. */
export async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call()
    } catch (error) {
      if (tries === TRIES || !isStorageError(error, 'unavailable', 'busy')) throw error
      await pause(500)
    }
  }
}
