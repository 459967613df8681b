// Every operation, cut at every one of its commands in three ways, followed by the same or the
// opposite operation of a driver that has just started. The happy result, an empty audit and equal
// bytes must come out of all of them.

import type { SimFault } from '../../../sim/host.ts'
import { isStorageError } from '../../../src/errors.ts'
import { MATRIX, type Operation, Scene, type Way } from './operations.ts'

const CUTS = ['before the effect', 'after the effect', 'late'] as const
const FOLLOW_UPS = ['the same again', 'the opposite'] as const
const TRIES = 30

/** Commands whose loss an operation survives: it says in its code why it does not need them. */
function isNotNeeded(command: readonly string[], pool: string): boolean {
  if (command[0] === '/usr/sbin/devfsadm') return true
  const isNumbers = command.includes('name,ldom-csi:machine,ldom-csi:guest,ldom-csi:vdisk')
  return isNumbers && command.at(-1) !== pool
}

type Cut = (typeof CUTS)[number]

function faultOf(cut: Cut, at: number): SimFault {
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

async function prepared(way: Way, operation: Operation): Promise<Scene> {
  const scene = new Scene(way)
  await operation.prepare(scene)
  scene.restart()
  return scene
}

async function recordedCommands(way: Way, operation: Operation): Promise<number> {
  const scene = await prepared(way, operation)
  const { commands } = scene.installation.world.timeline
  const before = commands.length
  await operation.run(scene)
  operation.done(scene)
  return commands.length - before
}

/** The program that was cut, and how the operation ended. */
async function runCut(
  scene: Scene,
  operation: Operation,
  at: number,
  cut: Cut,
): Promise<{ command: readonly string[]; error: unknown }> {
  const { timeline } = scene.installation.world
  let seen = 0
  let command: readonly string[] = []
  timeline.rules.push(argv => {
    if (seen++ !== at) return undefined
    command = argv
    return faultOf(cut, at)
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
async function insist(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === TRIES || !isStorageError(error, 'unavailable', 'busy')) throw error
    }
  }
}

async function runCase(
  way: Way,
  operation: Operation,
  at: number,
  cut: Cut,
  followUp: (typeof FOLLOW_UPS)[number],
): Promise<void> {
  const scene = await prepared(way, operation)
  const { command, error } = await runCut(scene, operation, at, cut)
  if (
    error === undefined
      ? !isNotNeeded(command, scene.parent())
      : !isStorageError(error, 'unavailable')
  ) {
    throw new Error(
      `cut ${cut} of command ${at} (${command[0]}) ended as ` +
        `${error === undefined ? 'success' : String(error)}`,
      {
        cause: error,
      },
    )
  }
  scene.restart()
  await insist(() => (followUp === 'the opposite' ? operation.undo(scene) : operation.run(scene)))
  await scene.installation.world.timeline.settle()
  if (followUp === 'the opposite') operation.undone(scene)
  else operation.done(scene)
  expect(await scene.driver.audit()).toEqual([])
}

let cases = 0
let commands = 0

describe.each(MATRIX)('$operation.name ($way.name)', ({ way, operation }) => {
  test('converges after a cut at any command', async () => {
    const count = await recordedCommands(way, operation)
    commands += count
    for (let at = 0; at < count; at++) {
      for (const cut of CUTS) {
        for (const followUp of FOLLOW_UPS) {
          await runCase(way, operation, at, cut, followUp).catch(error => {
            throw new Error(
              `command ${at} of ${count}, ${cut}, then ${followUp}: ${String(error)}`,
              { cause: error },
            )
          })
          cases += 1
        }
      }
    }
  })
})

test('the matrix is complete: three cuts and two follow-ups for every recorded command', () => {
  process.stdout.write(
    `\ncrash matrix: ${commands} recorded commands of ${MATRIX.length} operations, ${cases} ` +
      'cases\n',
  )
  expect(cases).toBe(commands * CUTS.length * FOLLOW_UPS.length)
  expect(commands).toBeGreaterThan(0)
})
