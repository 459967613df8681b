// `npm run test:xen`: the driver on a real Xen host with real guests and the real OpenZFS, as a
// machine in QEMU; the tests of test/xen.
//
//   xen.ts [ARGUMENTS OF JEST]       everything: build, test, stop
//   xen.ts build | missing           the machine; whether it is still to be built
//   xen.ts start | stop              for work on the tests; a test run uses a machine that runs
//   xen.ts test [ARGUMENTS OF JEST]

import { formatSsh } from '../test/support/machines/access.ts'
import { GUESTS } from '../test/xen/domains.ts'
import { hostWithGuests, removeHosts } from '../test/xen/shared.ts'
import { EMULATED_TEST_MS, runSuite, runTests } from './suite.ts'
import { buildXenHost, describeXenHost, isXenHostMissing } from './xen-host/xen-host.ts'

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
const HOSTS = 2

const test = (args: readonly string[]) =>
  runTests('xen', args, { options: [`--testTimeout=${EMULATED_TEST_MS}`], workers: HOSTS })

await runSuite({
  build,
  missing: () => (isXenHostMissing() ? ['xen-host'] : []),
  start,
  stop: removeHosts,
  test,
  everything: async args => {
    await build()
    return test(args)
  },
})
