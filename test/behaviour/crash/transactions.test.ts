// A power failure between the two transactions in which ZFS makes a volume: it stands there without
// an owner. The same operation again completes it, also when that is cut at any of its commands.

import { isStorageError } from '../../../src/errors.ts'
import { CUTS, faultOf, insist, prepared, runCut } from './cuts.ts'
import { MATRIX, type Operation, type Scene, type Way } from './operations.ts'

const NAMES = ['create', 'restore, larger', 'clone, larger']

function thin(operation: Operation): Operation {
  const run = async (scene: Scene) => {
    const spec = { ...scene.spec(), parameters: { reservation: 'thin' } as const }
    scene.volume = await scene.driver.volumes.ensureVolume(spec)
  }
  return { ...operation, name: `${operation.name}, thin`, run }
}

// Solaris, which has pool silver here, does not tell what was written.
const CREATIONS = MATRIX.filter(
  ({ way, operation }) => way.pool === 'gold' && NAMES.includes(operation.name),
).flatMap(({ way, operation }) =>
  operation.name === 'create'
    ? [
        { way, operation },
        { way, operation: thin(operation) },
      ]
    : [{ way, operation }],
)

/** Everything up to the power failure, and a driver that knows nothing of it. */
async function failed(way: Way, operation: Operation): Promise<Scene> {
  const scene = await prepared(way, operation)
  const { world } = scene.installation
  const { rules } = world.timeline
  rules.push((argv, { name }) => {
    if (!argv[0]?.endsWith('/zfs') || !['create', 'clone'].includes(argv[1] ?? '')) return undefined
    // Refused before anything is made.
    const isUnknown = world.zfs(name).dialect.line === 'old'
    if (isUnknown && argv.includes('refreservation=auto')) return undefined
    return { kind: 'cut-between' }
  })
  await expect(operation.run(scene)).rejects.toMatchObject({ kind: 'unavailable' })
  rules.length = 0
  expect((await scene.driver.audit()).map(({ kind }) => kind)).toEqual(['without-owner'])
  scene.restart()
  return scene
}

async function expectWhole(scene: Scene, operation: Operation): Promise<void> {
  await scene.installation.world.timeline.settle()
  operation.done(scene)
  expect(await scene.driver.audit()).toEqual([])
  await operation.undo(scene)
  operation.undone(scene)
}

let cases = 0

describe.each(CREATIONS)('$operation.name ($way.name)', ({ way, operation }) => {
  test('is completed by the same again', async () => {
    const scene = await failed(way, operation)

    await operation.run(scene)

    await expectWhole(scene, operation)
  })

  test('is completed after a cut at any command of the completion', async () => {
    const once = await failed(way, operation)
    const { commands } = once.installation.world.timeline
    const before = commands.length
    await operation.run(once)
    const count = commands.length - before

    for (let at = 0; at < count; at++) {
      for (const cut of CUTS) {
        const scene = await failed(way, operation)
        const { error } = await runCut(scene, operation, { at, fault: faultOf(cut, at) })
        if (error !== undefined && !isStorageError(error, 'unavailable')) throw error
        scene.restart()
        await insist(() => operation.run(scene))
        await expectWhole(scene, operation).catch(cause => {
          throw new Error(`command ${at} of ${count}, ${cut}: ${String(cause)}`, { cause })
        })
        cases += 1
      }
    }
  })
})

test('every way of making a volume was cut', () => {
  process.stdout.write(`\ncuts between transactions: ${CREATIONS.length}, ${cases} cases\n`)
  expect(new Set(CREATIONS.map(({ operation }) => operation.name)).size).toBe(NAMES.length + 1)
  expect(cases).toBeGreaterThan(CREATIONS.length * CUTS.length * 10)
})
