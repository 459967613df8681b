// `npm run test:cluster`: a Kubernetes cluster on this machine, the chart installed in it, the
// tests of test/cluster. What it starts ends with it.
//
//   cluster.ts [ARGUMENTS OF JEST]     everything: start, test, stop
//   cluster.ts start | stop            for work on the tests; a test run uses a cluster that runs
//   cluster.ts test [ARGUMENTS OF JEST]
//   cluster.ts build | missing         the programs; those that are not in the cache

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Cluster } from '../test/cluster/cluster.ts'
import { installDriver } from '../test/cluster/installation.ts'
import { buildPrograms, missingPrograms } from '../test/cluster/programs.ts'
import { installSnapshotController } from '../test/cluster/snapshots.ts'

const root = join(import.meta.dirname, '..')
const [word, ...rest] = process.argv.slice(2)

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

async function stop(): Promise<void> {
  const cluster = await Cluster.open()
  await cluster.stop()
}

async function test(args: readonly string[]): Promise<number> {
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
  const program = join(root, 'node_modules/jest/bin/jest.js')
  const chosen = [
    '--runInBand',
    `--testSequencer=${join(root, 'test/cluster/in-order.js')}`,
    '--testPathIgnorePatterns=/node_modules/',
    '--testMatch=**/test/cluster/**/*.test.ts',
  ]
  const child = spawn(process.execPath, [...jest, program, ...args, ...chosen], {
    cwd: root,
    stdio: 'inherit',
  })
  const [status] = await once(child, 'exit')
  return typeof status === 'number' ? status : 1
}

async function everything(args: readonly string[]): Promise<number> {
  // The tests are told by the terminal, too; the cluster is stopped when they have ended.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  try {
    await start()
    return await test(args)
  } finally {
    await stop()
  }
}

switch (word) {
  case 'start':
    await start()
    break
  case 'stop':
    await stop()
    break
  case 'test':
    process.exitCode = await test(rest)
    break
  case 'build':
    await buildPrograms()
    break
  case 'missing':
    console.log((await missingPrograms()).join(' '))
    break
  default:
    process.exitCode = await everything(process.argv.slice(2))
}
