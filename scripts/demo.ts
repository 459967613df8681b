// `npm run demo` runs the whole chain with real processes on a simulated installation. Every step
// is checked outside the driver: in the simulator's state, and in the bytes that a program in the
// guest reads. The exit status is 0 if every check held.

import { applyClaims, examineInstallation, startEverything, writeData } from './demo/claims.ts'
import { deleteEverything, growClaim, snapshotAndRestore } from './demo/copies.ts'
import { Report } from './demo/report.ts'
import { LDOMS, Stage, XEN } from './demo/stage.ts'
import { applyAgain, losePower, loseServiceDomain } from './demo/trouble.ts'
import { demonstrateXen } from './demo/xen.ts'

process.chdir(new URL('..', import.meta.url).pathname)
const report = new Report()
const stage = new Stage(LDOMS, report)
const xen = new Stage(XEN, report)

let status = 1
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)))
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
  await demonstrateXen(xen)
  status = report.finish()
} catch (error) {
  console.error(`\nThe demonstration broke off: ${error instanceof Error ? error.stack : error}`)
} finally {
  await cleanUp()
}
process.exit(status)

async function cleanUp(): Promise<void> {
  for (const each of [xen, stage]) await each.cleanUp(status)
}
