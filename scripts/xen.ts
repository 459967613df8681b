// `npm run test:xen`: the driver on a real Xen host with real guests and the real OpenZFS, as a
// machine in QEMU; the tests of test/xen.
//
//   xen.ts [ARGUMENTS OF JEST]       everything: build, test, stop
//   xen.ts build | missing           the machine; whether it is still to be built
//   xen.ts start | stop              for work on the tests; a test run uses a machine that runs
//   xen.ts test [ARGUMENTS OF JEST]

import { availableParallelism, freemem } from 'node:os'
import { join } from 'node:path'
import { formatSsh } from '../test/support/machines/access.ts'
import { GUESTS } from '../test/xen/domains.ts'
import { XEN_HOST_BYTES } from '../test/xen/machine.ts'
import { hostWithGuests, removeHosts } from '../test/xen/shared.ts'
import { EMULATED_TEST_MS, runSuite, runTests } from './suite.ts'
import { buildXenHost, describeXenHost, isXenHostMissing } from './xen-host/xen-host.ts'

const SEQUENCER = join(import.meta.dirname, '../test/xen/longest-first.js')
/** The longest test file takes a quarter of all. */
const MOST_HOSTS = 4

async function build(): Promise<void> {
  await buildXenHost()
  console.log(describeXenHost())
}

async function start(): Promise<void> {
  const begin = Date.now()
  const host = await hostWithGuests(...GUESTS)
  const seconds = ((Date.now() - begin) / 1000).toFixed(1)
  console.log(`${describeXenHost()}: runs with its guests after ${seconds} s`)
  for (const domain of ['dom0', ...GUESTS] as const) {
    console.log(`${domain}: ${formatSsh(host.access(domain))}`)
  }
}

/** Hosts at a time: each is as fast as one processor of this machine. */
function hostsAtATime(): number {
  const byMemory = Math.floor(freemem() / XEN_HOST_BYTES)
  return Math.max(1, Math.min(MOST_HOSTS, availableParallelism(), byMemory))
}

// A machine that is missing is built once, before the processes of Jest look for it.
async function test(args: readonly string[]): Promise<number> {
  await build()
  const options = [`--testTimeout=${EMULATED_TEST_MS}`, `--testSequencer=${SEQUENCER}`]
  return runTests('xen', args, { options, workers: hostsAtATime() })
}

await runSuite({
  build,
  missing: () => (isXenHostMissing() ? ['xen-host'] : []),
  start,
  stop: removeHosts,
  test,
  everything: test,
})
