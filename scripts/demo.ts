// `npm run demo` runs the whole chain with real processes on a simulated installation. Every step
// is checked outside the driver: in the simulator's state, and in the bytes that a program in the
// guest reads. The exit status is 0 if every check held.

import { applyClaims, examineInstallation, startEverything, writeData } from './demo/claims.ts'
import { deleteEverything, growClaim, snapshotAndRestore } from './demo/copies.ts'
import { Stage } from './demo/stage.ts'
import { applyAgain, losePower, loseServiceDomain } from './demo/trouble.ts'

process.chdir(new URL('..', import.meta.url).pathname)
const stage = new Stage()

let status = 1
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stage.cleanUp(status).finally(() => process.exit(130)))
}
try {
  await startEverything(stage)
  await examineInstallation(stage)
  const numbers = await applyClaims(stage)
  await writeData(stage)
  await loseServiceDomain(stage)
  await losePower(stage, numbers)
  await applyAgain(stage, numbers)
  await snapshotAndRestore(stage)
  await growClaim(stage)
  await deleteEverything(stage)
  status = stage.report.finish()
} catch (error) {
  console.error(`\nThe demonstration broke off: ${error instanceof Error ? error.stack : error}`)
} finally {
  await stage.cleanUp(status)
}
process.exit(status)
