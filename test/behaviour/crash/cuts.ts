// Cuts one command of an operation, and repeats the operation as an orchestrator would.

import type { SimFault } from '../../../sim/host.ts'
import { isStorageError } from '../../../src/errors.ts'
import { type Operation, Scene, type Way } from './operations.ts'

export const CUTS = ['before the effect', 'after the effect', 'late'] as const
const TRIES = 30

export type Cut = (typeof CUTS)[number]

export function faultOf(cut: Cut, at: number): SimFault {
  switch (cut) {
    case 'before the effect':
      return { kind: 'cut-before' }
    case 'after the effect':
      return { kind: 'cut-after' }
    case 'late':
      // Sometimes at once, sometimes only when the retry has looked around.
      return { kind: 'late', afterCommands: 1 + (at % 5) }
  }
}

export async function prepared(way: Way, operation: Operation): Promise<Scene> {
  const scene = new Scene(way)
  await operation.prepare(scene)
  scene.restart()
  return scene
}

/** The program that met the fault, and how the operation ended. */
export async function runCut(
  scene: Scene,
  operation: Operation,
  { at, fault }: { readonly at: number; readonly fault: SimFault },
): Promise<{ command: readonly string[]; error: unknown }> {
  const { timeline } = scene.installation.world
  let seen = 0
  let command: readonly string[] = []
  timeline.rules.push(argv => {
    if (seen++ !== at) return undefined
    command = argv
    return fault
  })
  const error = await operation.run(scene).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  timeline.rules.length = 0
  return { command, error }
}

/**
 * As an orchestrator would: the same call until it succeeds, as long as the answer is that it may.
 */
export async function insist(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === TRIES || !isStorageError(error, 'unavailable', 'busy')) throw error
    }
  }
}
