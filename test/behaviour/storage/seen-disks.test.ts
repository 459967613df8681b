import { SimShell } from '../../../sim/sim-shell.ts'
import type { GuestReadiness, MachineView } from '../../../src/hypervisors/hypervisor.ts'
import { type Shell, ShellError } from '../../../src/shell/shell.ts'
import type { Pools } from '../../../src/storage/pool.ts'
import { type SeenDisk, SeenDisks } from '../../../src/storage/seen-disks.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { byHand, meetOnce } from '../../support/meddling.ts'

/** A volume of `gold` that m1/ldg1 has through both service domains, and one that nobody has. */
async function used(guest = 'm1/ldg1') {
  const installation = install()
  const { volumes, attachments, pools } = installation.driver()
  const { id, leaf } = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'used' }))
  await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'unused' }))
  const { slot } = await attachments.attach(attachRequest(id, guest))
  const disks = new SeenDisks({ pools })
  const { world } = installation
  return { installation, world, volumes, attachments, pools, disks, id, leaf, slot }
}

function states({ paths }: Pick<SeenDisk, 'paths'>) {
  return Object.fromEntries(paths.map(({ serviceDomain, state }) => [serviceDomain, state]))
}

async function only(disks: SeenDisks, volumeId?: string): Promise<SeenDisk> {
  const listing = await disks.list(volumeId)
  expect(listing).toEqual({ disks: [expect.anything()], silences: [] })
  const [disk] = listing.disks
  if (disk === undefined) throw new Error('no disk')
  return disk
}

test('a disk that has all its parts is shown with its number and the states of its paths', async () => {
  const { disks, id, slot } = await used()
  expect(await only(disks)).toEqual({
    volumeId: id,
    guest: { machine: 'm1', guest: 'ldg1' },
    readiness: { kind: 'running' },
    isAttached: true,
    slot,
    missing: undefined,
    paths: [
      { serviceDomain: 'primary', service: 'primary-vds0', state: 'active' },
      { serviceDomain: 'alternate', service: 'alternate-vds0', state: 'standby' },
    ],
  })
})

test('one volume is shown as in the list of all', async () => {
  const { disks, volumes, attachments, id } = await used()
  const other = await volumes.ensureVolume(volumeSpec({ pool: 'silver', name: 'other' }))
  await attachments.attach(attachRequest(other.id, 'm1/ldg2'))
  const all = await disks.list(undefined)

  expect(all.disks.map(disk => disk.volumeId)).toEqual([id, other.id])
  for (const disk of all.disks) {
    expect(await disks.list(disk.volumeId)).toEqual({ disks: [disk], silences: [] })
  }
})

test('a volume that nobody has has no disk, and a word that is no volume is not found', async () => {
  const { disks, volumes } = await used()
  const free = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'unused' }))

  expect(await disks.list(free.id)).toEqual({ disks: [], silences: [] })
  await expect(disks.list('fake')).rejects.toMatchObject({ kind: 'not-found' })
  await expect(disks.list(free.id.replace('gold/', 'copper/'))).rejects.toMatchObject({
    kind: 'unavailable',
  })
})

test('a path whose service domain does not run is down; the other one works', async () => {
  const { world, disks } = await used()
  world.machine('m1').setServiceDomain('alternate', 'down')
  const disk = await only(disks)

  expect(states(disk)).toEqual({ primary: 'active', alternate: 'down' })
  expect(disk).toMatchObject({ isAttached: true, missing: undefined })
})

test('a single path is active while its guest runs and its service domain serves it', async () => {
  const { world, volumes, attachments, disks } = await used()
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'silver', name: 'one' }))
  await attachments.attach(attachRequest(id, 'm1/ldg2'))
  expect(states(await only(disks, id))).toEqual({ primary: 'active' })

  world.machine('m1').setGuest('ldg2', { state: 'bound' })
  expect(states(await only(disks, id))).toEqual({ primary: 'unknown' })
})

test('a disk that was removed by hand is not attached, and keeps its number', async () => {
  const { installation, disks, leaf, slot } = await used()
  const name = (await installation.driver().machines.get('m1')?.observe())?.uses.find(
    use => use.kind === 'disk' && use.key.startsWith(leaf),
  )?.label
  await byHand(installation, 'm1-primary', `ldm rm-vdisk ${name} ldg1`)

  expect(await only(disks)).toMatchObject({
    isAttached: false,
    slot,
    missing: `guest m1/ldg1 has no disk ${name}`,
    readiness: { kind: 'running' },
  })
})

test('what a power cycle lost is not attached, and no path serves it', async () => {
  const { world, disks } = await used()
  world.machine('m1').powerCycle()
  const disk = await only(disks)

  expect(disk).toMatchObject({ isAttached: false, missing: expect.stringContaining('no disk') })
  expect(states(disk)).toEqual({ primary: 'down', alternate: 'down' })
})

test('a disk that was added again by hand under another number is not whole', async () => {
  const { installation, disks, leaf, slot } = await used()
  const view = await installation.driver().machines.get('m1')?.observe()
  const disk = view?.uses.find(use => use.kind === 'disk' && use.key.startsWith(leaf))
  await byHand(installation, 'm1-primary', `ldm rm-vdisk ${disk?.label} ldg1`)
  const backend = `${disk?.label}@primary-vds0`
  await byHand(installation, 'm1-primary', `ldm add-vdisk id=7 ${disk?.label} ${backend} ldg1`)

  expect(await only(disks)).toMatchObject({
    isAttached: true,
    slot: 7,
    missing: `disk ${disk?.label} has number 7, the record says ${slot}`,
  })
})

test('a silent machine is told, and what is not known of its disks is not absence', async () => {
  const { world, disks, id, slot } = await used()
  world.host('m1-primary').down = true
  const listing = await disks.list(id)

  expect(listing.silences).toEqual([
    { of: 'machine', name: 'm1', reason: expect.stringContaining('m1-primary') },
  ])
  expect(listing.disks).toEqual([
    {
      volumeId: id,
      guest: { machine: 'm1', guest: 'ldg1' },
      readiness: { kind: 'unknown', reason: listing.silences[0]?.reason },
      isAttached: false,
      slot,
      missing: undefined,
      paths: [],
    },
  ])
})

test('a machine that answers nonsense is silent, and the other ones are told', async () => {
  const { installation, volumes, attachments, disks, id } = await used()
  const other = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'other' }))
  await attachments.attach(attachRequest(other.id, 'm2/ldg1'))
  const answer = { exitStatus: 0, stdout: 'tea?\n', stderr: '' }
  meetOnce(installation, '/usr/sbin/ldm list', { kind: 'answer', answer })
  const { disks: seen, silences } = await disks.list(undefined)

  expect(silences).toHaveLength(1)
  const silent = silences[0]?.name
  for (const disk of seen) {
    expect(disk.isAttached).toBe(disk.guest.machine !== silent)
  }
  expect(seen.map(disk => disk.volumeId).sort()).toEqual([id, other.id].sort())
})

test('a pool that cannot be listed is silent; disks of the other pools are told', async () => {
  const { world, volumes, attachments, disks, id } = await used()
  const other = await volumes.ensureVolume(volumeSpec({ pool: 'silver', name: 'other' }))
  await attachments.attach(attachRequest(other.id, 'm1/ldg2'))
  world.host('storage1').down = true
  const all = await disks.list(undefined)

  expect(all.silences.map(({ of, name }) => `${of} ${name}`)).toContain('pool gold')
  expect(all.disks.map(({ volumeId }) => volumeId)).toEqual([other.id])
  expect(await disks.list(id)).toEqual({
    disks: [],
    silences: [{ of: 'pool', name: 'gold', reason: expect.stringContaining('storage1') }],
  })
})

test('a pool that hangs is silent after a while; disks of the other pools are told', async () => {
  const { installation, volumes, attachments } = await used()
  const other = await volumes.ensureVolume(volumeSpec({ pool: 'silver', name: 'other' }))
  await attachments.attach(attachRequest(other.id, 'm1/ldg2'))
  const { pools } = installation.driver(host => {
    const shell = new SimShell(host)
    const run: Shell['run'] = (command, options) => {
      if (host.name !== 'storage1') return shell.run(command, options)
      // Nobody who may wait for minutes sees the end of it.
      const { timeoutMs = 30_000 } = options
      if (timeoutMs > 60_000) return new Promise(() => {})
      return Promise.reject(new ShellError('unknown', `storage1: no answer in ${timeoutMs} ms`))
    }
    return { run }
  })

  const { disks, silences } = await new SeenDisks({ pools }).list(undefined)

  expect(disks.map(({ volumeId }) => volumeId)).toEqual([other.id])
  expect(silences).toEqual([
    { of: 'pool', name: 'gold', reason: expect.stringContaining('no answer') },
  ])
})

test('a caller that gave up hears of no silence', async () => {
  const { disks } = await used()
  const gone = AbortSignal.abort(new Error('gone'))

  await expect(disks.list(undefined, gone)).rejects.toThrow('gone')
})

test('a guest that is off keeps its disk; what its paths do is not known', async () => {
  const { world, disks } = await used()
  world.machine('m1').setGuest('ldg1', { state: 'bound' })
  const disk = await only(disks)

  expect(disk).toMatchObject({ readiness: { kind: 'off' }, isAttached: true, missing: undefined })
  expect(states(disk)).toEqual({ primary: 'unknown', alternate: 'unknown' })
})

test('a detachment that has begun is left out; the same volume of another guest is not', async () => {
  const { volumes, attachments, installation } = await used()
  const { pools } = installation.driver()
  const shared = await volumes.ensureVolume(
    volumeSpec({ pool: 'gold', name: 'shared', format: { kind: 'block' } }),
  )
  const change = { sharing: 'shared', format: { kind: 'block' } } as const
  await attachments.attach(attachRequest(shared.id, 'm1/ldg1', change))
  await attachments.attach(attachRequest(shared.id, 'm1/ldg2', change))
  meetOnce(installation, '/usr/sbin/ldm rm-vdisk', { kind: 'refuse' })
  await attachments.detach(shared.id, { machine: 'm1', guest: 'ldg1' }).catch(() => {})
  const disks = new SeenDisks({ pools })

  const of = async (volumeId?: string) =>
    (await disks.list(volumeId)).disks
      .filter(disk => disk.volumeId === shared.id)
      .map(({ guest }) => guest.guest)
  expect(await of()).toEqual(['ldg2'])
  expect(await of(shared.id)).toEqual(['ldg2'])
})

/** The pools as a driver has them for which the machines tell something else. */
function retold(pools: Pools, retell: (state: MachineView) => MachineView): Pools {
  return new Map(
    [...pools].map(([name, pool]) => {
      const machines = [...pool.machines].map(([at, machine]) => {
        const observe = async (signal?: AbortSignal) =>
          retell(await machine.hypervisor.observe(signal))
        const hypervisor = Object.create(machine.hypervisor, { observe: { value: observe } })
        return [at, { ...machine, hypervisor }] as const
      })
      return [name, { ...pool, machines: new Map(machines) }]
    }),
  )
}

const kinds: readonly GuestReadiness[] = [
  { kind: 'no-os' },
  { kind: 'changing', reason: 'migrating' },
  { kind: 'unclear', reason: 'no flags' },
]
test.each(kinds)('what the machine says of a guest is told: $kind', async readiness => {
  const { pools } = await used()
  const disks = new SeenDisks({
    pools: retold(pools, view => ({
      ...view,
      guests: view.guests.map(guest => (guest.name === 'ldg1' ? { ...guest, readiness } : guest)),
    })),
  })

  expect(await only(disks)).toMatchObject({ readiness, isAttached: true })
})

test('a guest that its machine does not list is unlisted, not off', async () => {
  const { pools } = await used()
  const disks = new SeenDisks({
    pools: retold(pools, view => ({
      ...view,
      guests: view.guests.filter(({ name }) => name !== 'ldg1'),
      uses: view.uses.filter(use => use.kind === 'export' || use.guest !== 'ldg1'),
    })),
  })

  expect(await only(disks)).toMatchObject({ readiness: { kind: 'unlisted' }, isAttached: false })
})

test.each([
  { what: 'a disk', key: (old: string) => old },
  { what: 'a disk that was renamed, too,', key: () => 'data' },
])('$what in a guest of another name is not attached, and that is told', async ({ key }) => {
  const { pools } = await used()
  const disks = new SeenDisks({
    pools: retold(pools, view => ({
      ...view,
      guests: view.guests.map(each => (each.name === 'ldg1' ? { ...each, name: 'new' } : each)),
      uses: view.uses.map(use =>
        use.kind === 'disk' && use.guest === 'ldg1'
          ? { ...use, guest: 'new', key: key(use.key) }
          : use,
      ),
    })),
  })

  expect(await only(disks)).toMatchObject({
    readiness: { kind: 'unlisted' },
    isAttached: false,
    missing: expect.stringContaining('the domain was renamed'),
  })
})

test('a machine that the pool does not name is unknown, and no other one is taken for it', async () => {
  const { pools } = await used()
  const less = new Map(
    [...pools].map(([name, pool]) => [
      name,
      { ...pool, machines: new Map([...pool.machines].filter(([machine]) => machine !== 'm1')) },
    ]),
  )

  expect(await only(new SeenDisks({ pools: less }))).toMatchObject({
    readiness: { kind: 'unknown', reason: expect.stringContaining('does not name machine m1') },
    isAttached: false,
    paths: [],
  })
})

test('a record with a number of somebody else says so, and does not silence its pool', async () => {
  const { installation, pools, disks } = await used()
  const gold = pools.get('gold')
  const records = await gold?.zfs.listDescendants(gold.dataset)
  const record = records?.find(name => /\/g-[a-z2-7]{8}$/.test(name))
  await byHand(installation, 'storage1', `zfs set ldom-csi:vdisk=tea ${record}`)

  expect(await only(disks)).toMatchObject({
    isAttached: true,
    missing: expect.stringContaining('did not write'),
  })
})

test('a hundred disks cost the same commands as one', async () => {
  const { world, disks, volumes, attachments } = await used()
  const commandsOfALook = async () => {
    world.timeline.commands.splice(0)
    await disks.list(undefined)
    return world.timeline.commands.map(({ host, argv }) => `${host} ${argv.join(' ')}`).sort()
  }
  const before = await commandsOfALook()
  for (let at = 0; at < 99; at++) {
    const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: `more-${at}` }))
    await attachments.attach(attachRequest(id, `m1/ldg${1 + (at % 2)}`))
  }

  expect(await commandsOfALook()).toEqual(before)
  expect((await disks.list(undefined)).disks).toHaveLength(100)
  // One a pool, and one a machine with disks.
  expect(before).toHaveLength(4)
})
