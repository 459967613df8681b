// The process of `ldom-csi guest-disks` with a clock that its parent moves: composed as the command
// composes it, with real connections to the driver, the API server and the guests.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { composeGuestDisks } from '../src/bin/compose/guest-disks.ts'
import { openRealShell } from '../src/bin/compose/hosts.ts'
import { parseGuestDisksConfig } from '../src/config/guest-disks.ts'
import { connect } from '../src/csi/wire/client.ts'
import { ApiServer } from '../src/kubernetes/api-server.ts'
import { silentLog } from '../src/log.ts'
import { VirtualTime } from '../test/support/virtual-clock.ts'

/**
 * `run`: time passes as outside. `settle`: it stands still from now on, and what is at work ends.
 * `look`: a minute passes, and what it began ends. `end`: the process ends.
 */
export type Order = 'run' | 'settle' | 'look' | 'end'

/** Since the start of the process. */
export interface ProcessReport {
  readonly cpuMs: number
  readonly residentBytes: number
  /** Calls to the driver, by name. */
  readonly calls: Readonly<Record<string, number>>
}

const MINUTE_MS = 60_000
const TICK_MS = 50

const [file = '', endpoint = '', port = '', serviceAccount = ''] = process.argv.slice(2)
const calls: Record<string, number> = {}
const driver = connect(endpoint)
const time = new VirtualTime()

function counted<Request, Options, Response>(
  name: string,
  call: (request: Request, options?: Options) => Promise<Response>,
): (request: Request, options?: Options) => Promise<Response> {
  return (request, options) => {
    calls[name] = (calls[name] ?? 0) + 1
    return call(request, options)
  }
}

const { ControllerPublishVolume, ControllerUnpublishVolume } = driver.controller
const { controller } = composeGuestDisks({
  config: parseGuestDisksConfig(readFileSync(file, 'utf8'), file),
  driver: {
    controller: {
      ...driver.controller,
      ControllerPublishVolume: counted('ControllerPublishVolume', ControllerPublishVolume),
      ControllerUnpublishVolume: counted('ControllerUnpublishVolume', ControllerUnpublishVolume),
    },
    disks: { ListDisks: counted('ListDisks', driver.disks.ListDisks) },
  },
  api: new ApiServer({
    host: '127.0.0.1',
    port: Number(port),
    userAgent: 'bench',
    serviceAccount,
  }),
  instance: 'bench',
  openShell: openRealShell,
  log: silentLog,
  clock: time.clock({ offsetMs: Date.UTC(2026, 10, 29) }),
})

let isRunning = false
let running = Promise.resolve()

async function run(): Promise<void> {
  while (isRunning) {
    await sleep(TICK_MS)
    await time.pass(TICK_MS)
  }
}

async function settle(): Promise<void> {
  isRunning = false
  await running
  for (let second = 0; second < 3; second += 1) {
    await controller.idle()
    await time.pass(1000)
  }
  await controller.idle()
}

async function obey(order: Order): Promise<void> {
  switch (order) {
    case 'run':
      isRunning = true
      running = run()
      break
    case 'settle':
      await settle()
      break
    case 'look':
      await time.pass(MINUTE_MS)
      await controller.idle()
      break
    case 'end':
      process.exit(0)
  }
  const { user, system } = process.cpuUsage()
  const residentBytes = process.memoryUsage.rss()
  const report: ProcessReport = { cpuMs: (user + system) / 1000, residentBytes, calls }
  process.send?.(report)
}

controller.start()
process.on('message', (order: Order) => void obey(order))
// Whatever became of the parent: nobody is left to measure for.
process.on('disconnect', () => process.exit(0))
