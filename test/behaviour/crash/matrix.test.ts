// Every operation, cut at every one of its commands in three ways, followed by the same or the
// opposite operation of a driver that has just started. The happy result, an empty audit and equal
// bytes must come out of all of them.

import { isStorageError } from '../../../src/errors.ts'
import { CUTS, type Cut, faultOf, insist, prepared, runCut } from './cuts.ts'
import { MATRIX, type Operation, type Way } from './operations.ts'

const FOLLOW_UPS = ['the same again', 'the opposite'] as const

/** Commands whose loss an operation survives: it says in its code why it does not need them. */
function isNotNeeded(command: readonly string[], pool: string): boolean {
  if (command[0] === '/usr/sbin/devfsadm') return true
  const isNumbers = command.includes('name,ldom-csi:machine,ldom-csi:guest,ldom-csi:vdisk')
  return isNumbers && command.at(-1) !== pool
}

async function recordedCommands(way: Way, operation: Operation): Promise<number> {
  const scene = await prepared(way, operation)
  const { commands } = scene.installation.world.timeline
  const before = commands.length
  await operation.run(scene)
  operation.done(scene)
  return commands.length - before
}

async function runCase(
  way: Way,
  operation: Operation,
  at: number,
  cut: Cut,
  followUp: (typeof FOLLOW_UPS)[number],
): Promise<void> {
  const scene = await prepared(way, operation)
  const { command, error } = await runCut(scene, operation, { at, fault: faultOf(cut, at) })
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
