// Second part: a service domain goes down during writes, the machine loses power, and `apply`
// restores the claims.

import { setTimeout as sleep } from 'node:timers/promises'
import {
  checkMounts,
  claimFiles,
  diskNumbers,
  type Numbers,
  ORDER,
  PAGE,
  SOLARIS_MOUNT,
  vdisks,
  vdsDevices,
} from './claims.ts'
import { LINUX, SOLARIS, type Stage } from './stage.ts'

export async function loseServiceDomain(stage: Stage): Promise<void> {
  const { report, simulation, solaris } = stage
  const active = await activePath(stage)
  report.step(
    `Service domain ${active}, which has the active path of ${SOLARIS}, goes down while a ` +
      'program writes',
  )
  const writer = startWriter(stage, `${SOLARIS_MOUNT}/ledger`)
  await writer.atLeast(20)
  await simulation.ask({ op: 'service-domain', machine: 'm1', name: active, state: 'down' })
  const before = writer.lines()
  await writer.atLeast(before + 20)
  const other = await activePath(stage)
  const written = await writer.stop()
  const ledger = await solaris.read(`${SOLARIS_MOUNT}/ledger`)
  report.check(
    'the guest goes on through the other path',
    other !== active,
    `${active} -> ${other}`,
  )
  report.check(
    'no write failed, and no line is missing',
    writer.failures() === 0 && ledger === linesUpTo(written),
    `${written} lines, ${before} of them before`,
  )
  await simulation.ask({ op: 'service-domain', machine: 'm1', name: active, state: 'up' })
  report.say(`${active} is up again`)
}

export async function losePower(stage: Stage, numbers: Numbers): Promise<void> {
  const { report, simulation, linux } = stage
  report.step('Machine m1 loses power; nothing was saved to its service processor')
  await linux.losePower()
  await simulation.ask({ op: 'power-cycle', machine: 'm1' })
  const state = await stage.state()
  const isEmpty = vdsDevices(state).length === 0 && vdisks(state).length === 0
  report.check('ldm shows no VdsDevice and no vdisk any more', isEmpty, '(empty listing)')
  const { output } = await stage.inspect('volumes', [], line => report.say(line))
  report.check(
    'ldom-csi volumes reports both as incomplete',
    output.match(/ incomplete /g)?.length === 2,
    `vdisks ${numbers.web} and ${numbers.orders} are recorded`,
  )
}

export async function applyAgain(stage: Stage, numbers: Numbers): Promise<void> {
  const { report } = stage
  report.step('ldom-csi apply runs again')
  await stage.apply(claimFiles(stage))
  const again = diskNumbers(await stage.state())
  report.check(
    'the disks are back under the same numbers',
    again.web === numbers.web && again.orders === numbers.orders,
    `${again.web}, ${again.orders}`,
  )
  await checkMounts(stage)
  await stage.expectText(stage.linux, stage.inLinux(PAGE.path), PAGE.text)
  await stage.expectText(stage.solaris, ORDER.path, ORDER.text)
  if (!stage.hasRealBlockDevices) await checkFormats(stage, LINUX, numbers.web)
  await checkFormats(stage, SOLARIS, numbers.orders)

  report.step('And once more: a third run changes nothing')
  const before = JSON.stringify(await stage.state())
  await stage.apply(claimFiles(stage))
  report.check(
    'the installation is the same, byte for byte',
    JSON.stringify(await stage.state()) === before,
  )
}

async function checkFormats(stage: Stage, guest: string, disk: number): Promise<void> {
  const { count } = await stage.simulation.ask({ op: 'format-count', guest, disk })
  stage.report.check(`the disk of ${guest} was formatted exactly once`, count === 1)
}

/** A program in the guest that keeps appending lines to a file. */
function startWriter({ solaris }: Stage, path: string) {
  let count = 0
  let failed = 0
  let isRunning = true
  const writing = (async () => {
    while (isRunning) {
      try {
        await solaris.write(path, linesUpTo(count + 1))
        count += 1
      } catch {
        failed += 1
      }
      await sleep(5)
    }
  })()
  return {
    lines: () => count,
    failures: () => failed,
    atLeast: async (wanted: number) => {
      const endMs = Date.now() + 10_000
      while (count < wanted && Date.now() < endMs) await sleep(5)
    },
    stop: async () => {
      isRunning = false
      await writing
      return count
    },
  }
}

function linesUpTo(count: number): string {
  return Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join('')
}

async function activePath(stage: Stage): Promise<string> {
  return (await stage.state()).guests[SOLARIS]?.disks[0]?.activeServiceDomain ?? 'none'
}
