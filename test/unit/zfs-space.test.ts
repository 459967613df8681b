// The sums of the simulated ZFS are kept while datasets come and go; here they are compared with
// sums made from nothing.

import fc from 'fast-check'
import { SimHost, Timeline } from '../../sim/host.ts'
import { MemoryStore } from '../../sim/store.ts'
import type { SimDataset } from '../../sim/zfs/model.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'
import { used, usedByDataset, usedByReservation, usedBySnapshots } from '../../sim/zfs/space.ts'

const MiB = 1024 * 1024

function usedFromNothing(dataset: SimDataset): number {
  const own = usedByDataset(dataset) + usedBySnapshots(dataset) + usedByReservation(dataset)
  const children = dataset.pool.sorted().filter(candidate => candidate.parentName === dataset.name)
  const charge = (child: SimDataset) =>
    Math.max(usedFromNothing(child), Number(child.local.get('reservation') ?? 0))
  return children.reduce((sum, child) => sum + charge(child), own)
}

const place = fc.constantFrom('tank/a', 'tank/b', 'tank/a/x', 'tank/a/y', 'tank/b/x')
const tag = fc.constantFrom('1', '2')
const command = fc.oneof(
  place.map(name => `create ${name}`),
  place.map(name => `create -V 4m -b 8k ${name}`),
  place.map(name => `create -s -V 8m -b 8k ${name}`),
  fc.tuple(place, tag).map(([name, snapshot]) => `snapshot ${name}@${snapshot}`),
  fc
    .tuple(place, tag, place)
    .map(([name, snapshot, clone]) => `clone ${name}@${snapshot} ${clone}`),
  fc.tuple(place, tag).map(([name, snapshot]) => `rollback -r ${name}@${snapshot}`),
  fc.tuple(place, tag).map(([name, snapshot]) => `destroy -d ${name}@${snapshot}`),
  place.map(name => `destroy ${name}`),
  place.map(name => `destroy -R ${name}`),
  place.map(name => `promote ${name}`),
  fc.tuple(place, place).map(([from, to]) => `rename ${from} ${to}`),
  fc
    .tuple(place, fc.constantFrom('1m', '6m', 'none'))
    .map(([name, size]) => `set reservation=${size} ${name}`),
  fc
    .tuple(place, fc.constantFrom('1m', '6m', 'none'))
    .map(([name, size]) => `set refreservation=${size} ${name}`),
  fc.tuple(place, fc.constantFrom('2m', '8m')).map(([name, size]) => `set volsize=${size} ${name}`),
  fc.tuple(place, fc.nat(15)).map(([name, block]) => `write ${name} ${block}`),
)

const BEGINNING = [
  'create tank/a',
  'create -s -V 8m -b 8k tank/a/x',
  'write tank/a/x 3',
  'snapshot tank/a/x@1',
  'clone tank/a/x@1 tank/b',
]

test('after any history a dataset uses what adding up everything below it gives', async () => {
  let done = 0
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 60 }), async commands => {
      const host = new SimHost('storage', new Timeline())
      const pools = [
        { name: 'tank', sizeBytes: 200 * MiB, dialect: 'openzfs-2.3' as const, datasets: [] },
      ]
      const zfs = new SimZfs(host, {
        pools,
        createStore: size => new MemoryStore(size),
        nowMs: () => 0,
      })
      for (const line of [...BEGINNING, ...commands]) {
        const [verb, name = '', block] = line.split(' ')
        const volume = zfs.dataset(name)
        if (verb === 'write') {
          const offset = Number(block) * 64 * 1024
          if (volume?.volume && offset + 16_384 <= volume.volume.store.sizeBytes) {
            zfs.write(volume, offset, Buffer.alloc(16_384, 1))
          }
        } else {
          const outcome = await host.perform(['zfs', ...line.split(' ')], '')
          if (outcome.kind === 'exit' && outcome.answer.exitStatus === 0) done += 1
        }
        for (const dataset of zfs.datasets()) {
          expect([line, dataset.name, used(dataset)]).toEqual([
            line,
            dataset.name,
            usedFromNothing(dataset),
          ])
        }
      }
    }),
    { numRuns: 100 },
  )
  // A history of refusals would prove nothing.
  expect(done).toBeGreaterThan(800)
})
