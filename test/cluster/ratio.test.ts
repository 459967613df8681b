// Many claims at once, and the time from a claim to a running pod beside that of a driver that
// answers at once: what this driver adds to Kubernetes itself. Both run in the same cluster, by
// turns.

import { driver } from './driver.ts'
import { allRemoved, namespace, SLOW_MS, storageState } from './fixture.ts'
import type { Kubectl } from './kubectl.ts'
import { claim, pod } from './manifests.ts'
import { installNullDriver, NULL_CLASS, removeNullDriver } from './null-installation.ts'

/** Milliseconds until as many pods run, each on its volume; everything is gone afterwards. */
async function timeOf(kubectl: Kubectl, storageClass: string, count: number): Promise<number> {
  const names = Array.from({ length: count }, (_, at) => `${storageClass}-${at}`)
  const script = 'hostname >/data/name'
  const objects = names.flatMap(name => [
    claim(name, { storageClass }),
    pod(name, { node: 'node-1', labels: { timed: 'pod' }, script }),
  ])
  const begin = Date.now()
  await kubectl.apply(...objects)
  const selected = ['pods', '--selector=timed=pod']
  await kubectl.run(['wait', '--for=condition=Ready', ...selected, '--timeout=280s'])
  const took = Date.now() - begin
  for (const name of names.filter((_, at) => at % 17 === 0)) {
    expect(await kubectl.exec(name, 'cat', '/data/name')).toBe(`${name}\n`)
  }
  expect(await countVolumes()).toBe(storageClass === NULL_CLASS ? 0 : count)
  await kubectl.delete(...selected, '--grace-period=1')
  await kubectl.delete('pvc', ...names)
  await kubectl.gone('pv')
  return took
}

async function countVolumes(): Promise<number> {
  const { storage } = await storageState()
  return Object.values(storage)
    .flat()
    .filter(({ kind }) => kind === 'volume').length
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

test.each([
  { count: 1, rounds: 5 },
  { count: 50, rounds: 1 },
])(
  'from $count claims to running pods, beside a driver that answers at once',
  async ({ count, rounds }) => {
    await allRemoved()
    const kubectl = await namespace('ratio')
    const other = await namespace('null')
    const times = { own: [] as number[], null: [] as number[] }
    await installNullDriver(other, driver)
    try {
      for (let round = 0; round < rounds; round += 1) {
        times.null.push(await timeOf(kubectl, NULL_CLASS, count))
        times.own.push(await timeOf(kubectl, 'gold', count))
      }
    } finally {
      await removeNullDriver(other)
    }

    const [own, least] = [median(times.own), median(times.null)]
    const ratio = (own / least).toFixed(2)
    console.log(
      `${count} claims to running pods: ${own} ms, null driver ${least} ms, ratio ${ratio}` +
        ` (goal 1.1; all: ${times.own.join(' ')} beside ${times.null.join(' ')})`,
    )
    expect(own).toBeGreaterThan(0)
  },
  3 * SLOW_MS,
)
