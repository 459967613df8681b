// `npm run test:cluster`: a Kubernetes cluster on this machine, the chart installed in it, the
// tests of test/cluster. What it starts ends with it.
//
//   cluster.ts [ARGUMENTS OF JEST]     everything: start, test, stop
//   cluster.ts start | stop            for work on the tests; a test run uses a cluster that runs
//   cluster.ts test [ARGUMENTS OF JEST]
//   cluster.ts build | missing         the programs; those that are not in the cache

import { join } from 'node:path'
import { Cluster } from '../test/cluster/cluster.ts'
import { installDriver } from '../test/cluster/installation.ts'
import { buildPrograms, missingPrograms } from '../test/cluster/programs.ts'
import { installSnapshotController } from '../test/cluster/snapshots.ts'
import { runSuite, runTests } from './suite.ts'

const SEQUENCER = join(import.meta.dirname, '../test/cluster/in-order.js')

async function start(): Promise<void> {
  const begin = Date.now()
  const cluster = await Cluster.open()
  await cluster.start()
  await installSnapshotController(cluster.kubectl)
  console.log(`the cluster runs after ${seconds(begin)} s`)
  await installDriver(cluster)
  console.log(`the driver is installed after ${seconds(begin)} s`)
}

const seconds = (begin: number) => Math.round((Date.now() - begin) / 1000)

const test = (args: readonly string[]) =>
  runTests('cluster', args, { options: [`--testSequencer=${SEQUENCER}`] })

await runSuite({
  build: async () => {
    await buildPrograms()
  },
  missing: missingPrograms,
  start,
  stop: async () => (await Cluster.open()).stop(),
  test,
  everything: async args => {
    await start()
    return test(args)
  },
})
