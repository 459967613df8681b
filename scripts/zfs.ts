// `npm run test:zfs`: the driver on a storage host with the real OpenZFS, as a machine in QEMU; the
// tests of test/openzfs, once for each version.
//
//   zfs.ts [ARGUMENTS OF JEST]       everything: build, test with every version, stop
//   zfs.ts build | missing           the machines; those that are not in the cache
//   zfs.ts start | stop              for work on the tests; a test run uses a machine that runs
//   zfs.ts test [ARGUMENTS OF JEST]  with version 2.1
//
// The variable OPENZFS chooses one version, for all of these.

import { removeMachines, sharedMachine, testedVersion } from '../test/openzfs/shared.ts'
import { formatSsh } from '../test/support/machines/access.ts'
import {
  buildStorageHost,
  describeStorageHost,
  missingStorageHosts,
  OPENZFS_VERSIONS,
  type OpenZfsVersion,
} from './storage-host/storage-host.ts'
import { EMULATED_TEST_MS, runSuite, runTests } from './suite.ts'

const VERSIONS = process.env.OPENZFS === undefined ? OPENZFS_VERSIONS : [testedVersion()]

async function build(): Promise<void> {
  for (const version of VERSIONS) {
    await buildStorageHost(version)
    console.log(describeStorageHost(version))
  }
}

async function start(version: OpenZfsVersion): Promise<void> {
  const begin = Date.now()
  const machine = await sharedMachine(version)
  const seconds = ((Date.now() - begin) / 1000).toFixed(1)
  console.log(`${describeStorageHost(version)}: runs after ${seconds} s`)
  console.log(formatSsh(machine.access()))
}

const test = (version: OpenZfsVersion, args: readonly string[]) =>
  runTests('openzfs', args, {
    options: [`--testTimeout=${EMULATED_TEST_MS}`],
    env: { OPENZFS: version },
  })

async function everything(args: readonly string[]): Promise<number> {
  await build()
  for (const version of VERSIONS) {
    await start(version)
    const status = await test(version, args)
    await removeMachines()
    if (status !== 0) return status
  }
  return 0
}

await runSuite({
  build,
  missing: () => missingStorageHosts().filter(version => VERSIONS.includes(version)),
  start: () => start(testedVersion()),
  stop: removeMachines,
  test: args => test(testedVersion(), args),
  everything,
})
