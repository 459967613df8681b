import type { DiskUse, MachineView } from '../../../src/hypervisors/hypervisor.ts'
import type { HealthProblem } from '../../../src/storage/health.ts'
import { Health } from '../../../src/storage/health.ts'
import type { Pools } from '../../../src/storage/pool.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'

/**
 * A volume of `gold`, attached to m1/ldg1 through both service domains, and one of `silver` that
 * nobody has.
 */
async function used() {
  const { world, driver } = install()
  const { volumes, attachments, pools } = driver()
  const gold = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'used' }))
  const silver = await volumes.ensureVolume(volumeSpec({ pool: 'silver', name: 'unused' }))
  await attachments.attach(attachRequest(gold.id, 'm1/ldg1'))
  return { world, pools, health: new Health({ pools }), gold: gold.id, silver: silver.id }
}

function brief(problems: readonly HealthProblem[]) {
  return problems.map(({ kind, reason }) => `${kind} ${reason}`)
}

test('nothing is wrong with volumes of a sound installation, attached or not', async () => {
  const { health, gold, silver } = await used()
  expect(await health.volumeHealth(gold)).toEqual({ volumeId: gold, problems: [] })
  expect(await health.volumeHealth(silver)).toEqual({ volumeId: silver, problems: [] })
  expect(await health.listVolumeHealth()).toEqual([])
})

test('a volume that does not exist has no health', async () => {
  const { health, gold } = await used()
  await expect(
    health.volumeHealth(`${gold.slice(0, -1)}${gold.endsWith('a') ? 'b' : 'a'}`),
  ).rejects.toMatchObject({ kind: 'not-found' })
  await expect(health.volumeHealth('fake')).rejects.toMatchObject({ kind: 'not-found' })
  await expect(health.volumeHealth(gold.replace('gold/', 'copper/'))).rejects.toMatchObject({
    kind: 'unavailable',
  })
})

test('volumes of a suspended pool are not accessible; those of other pools are healthy', async () => {
  const { world, health, gold, silver } = await used()
  for (const pool of world.zfs('storage1').pools.values()) pool.suspended = true
  const { problems } = await health.volumeHealth(gold)
  expect(brief(problems)).toContain('inaccessible PoolSuspended')
  expect(problems[0]?.message).toBe('ZFS pool tank on host storage1 is SUSPENDED')
  expect(await health.volumeHealth(silver)).toEqual({ volumeId: silver, problems: [] })
})

test('a storage host that does not answer is an error, for one volume and for the list', async () => {
  const { world, health, gold } = await used()
  world.host('storage1').down = true
  await expect(health.volumeHealth(gold)).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(health.listVolumeHealth()).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a machine that does not answer is told of the volumes it has, not of the others', async () => {
  const { world, health, gold } = await used()
  world.host('m1-primary').down = true
  expect(brief((await health.volumeHealth(gold)).problems)).toEqual(['degraded MachineSilent'])
})

test('a power cycle that lost the disk is told', async () => {
  const { world, health, gold } = await used()
  world.machine('m1').powerCycle()
  expect(brief((await health.volumeHealth(gold)).problems)).toEqual(['inaccessible DiskMissing'])
  expect((await health.listVolumeHealth()).map(({ volumeId }) => volumeId)).toEqual([gold])
})

test('a service domain that is down is told; the volume is still usable', async () => {
  const { world, health, gold } = await used()
  world.machine('m1').setServiceDomain('alternate', 'down')
  expect(brief((await health.volumeHealth(gold)).problems)).toEqual(['degraded ServiceDomainDown'])
  expect((await health.listVolumeHealth()).map(({ volumeId }) => volumeId)).toEqual([gold])
})

/** The pools as a driver has them for which the machine tells something else. */
function retold(pools: Pools, retell: (state: MachineView) => MachineView): Pools {
  return new Map(
    [...pools].map(([name, pool]) => {
      const machines = [...pool.machines].map(([at, machine]) => {
        const observe = async (signal?: AbortSignal) =>
          retell(await machine.hypervisor.observe(signal))
        return [
          at,
          {
            ...machine,
            hypervisor: Object.create(machine.hypervisor, { observe: { value: observe } }),
          },
        ] as const
      })
      return [name, { ...pool, machines: new Map(machines) }]
    }),
  )
}

function withDisks(view: MachineView, change: (disk: DiskUse) => DiskUse): MachineView {
  return { ...view, uses: view.uses.map(use => (use.kind === 'disk' ? change(use) : use)) }
}

function withoutExports(view: MachineView, service?: string): MachineView {
  const isGone = (other: string) => service === undefined || service === other
  const left = view.uses.filter(use => use.kind === 'disk' || !isGone(use.paths[0].service))
  return withDisks({ ...view, uses: left }, disk => ({
    ...disk,
    paths: disk.paths.map(path => (isGone(path.service) ? { ...path, device: undefined } : path)),
  }))
}

const listings: readonly {
  what: string
  retell: (state: MachineView) => MachineView
  seen: readonly string[]
}[] = [
  {
    what: 'one of two paths is not exported',
    retell: state => withoutExports(state, 'primary-vds0'),
    seen: ['degraded BackendMissing'],
  },
  {
    what: 'one of two paths is not among those of the disk',
    retell: state => withDisks(state, disk => ({ ...disk, paths: disk.paths.slice(0, 1) })),
    seen: ['degraded BackendMissing'],
  },
  {
    what: 'no path is exported',
    retell: state => withoutExports(state),
    seen: ['inaccessible BackendMissing'],
  },
  {
    what: 'one path is not exported and the service domain of the other is down',
    retell: state => ({
      ...withoutExports(state, 'primary-vds0'),
      guests: state.guests.map(guest =>
        guest.name === 'alternate' ? { ...guest, readiness: { kind: 'no-os' } } : guest,
      ),
    }),
    seen: ['inaccessible BackendMissing', 'inaccessible ServiceDomainDown'],
  },
  {
    what: 'no path is active',
    retell: state =>
      withDisks(state, disk => ({
        ...disk,
        paths: disk.paths.map(path => ({ ...path, state: 'standby' })),
      })),
    seen: ['inaccessible NoActivePath'],
  },
  {
    what: 'one path waits, and the state of the other is not listed',
    retell: state =>
      withDisks(state, disk => ({
        ...disk,
        paths: disk.paths.map((path, at) => ({ ...path, state: at === 0 ? 'unknown' : 'standby' })),
      })),
    seen: ['degraded PathStateUnknown'],
  },
  {
    what: 'no state is listed, and the disk may have a path that no export serves',
    retell: state =>
      withDisks(state, disk => ({
        ...disk,
        paths: [
          ...disk.paths.map(path => ({ ...path, state: 'unknown' as const })),
          { domain: '?', service: '?', key: '?', device: undefined, state: 'unknown' },
        ],
      })),
    seen: ['degraded PathStateUnknown'],
  },
]
test('a guest that does not report the states of its paths is healthy while they are there', async () => {
  const { world, driver } = install()
  const { volumes, attachments, pools } = driver()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'linux' }))
  await attachments.attach(attachRequest(id, 'm1/ldg2'))
  const health = new Health({ pools })
  expect((await health.volumeHealth(id)).problems).toEqual([])

  world.machine('m1').setServiceDomain('alternate', 'down')
  expect(brief((await health.volumeHealth(id)).problems)).toEqual(['degraded ServiceDomainDown'])
})

test.each(listings)('what a listing says is told: $what', async ({ retell, seen }) => {
  const { pools, gold } = await used()
  const { problems } = await new Health({ pools: retold(pools, retell) }).volumeHealth(gold)
  expect(brief(problems)).toEqual(seen)
  for (const { message } of problems) expect(message).toContain('m1/ldg1')
})
