// What looks cost while nothing happens: as much as there are machines and guests, whatever the
// number of disks, and nothing of it is a write.

import { type GuestDisksWorld, guestDisksWorld } from './world.ts'

let world: GuestDisksWorld
beforeEach(async () => {
  world = await guestDisksWorld()
})
afterEach(() => world.end())

const LOOK_S = 60
const SOLARIS = 'm1/ldg1'
const LINUX = 'm1/ldg2'

async function giveDisks(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const name = `disk-${index}`
    await world.claim(name)
    world.putDisk(name, { guest: index % 2 === 0 ? SOLARIS : LINUX, mountPath: `/srv/${name}` })
  }
  await world.pass(10)
  for (let index = 0; index < count; index += 1) {
    expect(world.condition(`disk-${index}`, 'Ready')).toBe('True Ready')
  }
  // A look, and what follows from it.
  await world.pass(LOOK_S)
}

/** What happens meanwhile, each kind with its number. */
async function counted(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const { requests } = world.cluster
  const { commands } = world.world.timeline
  requests.length = 0
  commands.length = 0
  const calls = world.calls().length
  await work()
  const all = [
    ...requests.map(request => request.split('?')[0] ?? ''),
    ...commands.map(({ host, argv }) => `${host}: ${argv.slice(0, 2).join(' ')}`),
    ...world.calls().slice(calls),
  ]
  const counts: Record<string, number> = {}
  for (const each of all) counts[each] = (counts[each] ?? 0) + 1
  return counts
}

const ONE_LOOK = {
  'GET /apis/storage.k8s.io/v1/csinodes': 1,
  ListDisks: 1,
  'm1-primary: /usr/sbin/ldm list-bindings': 1,
}

test('an idle look is one ListDisks, one list of CSINodes and three commands a guest', async () => {
  await giveDisks(2)
  const few = await counted(() => world.pass(LOOK_S))
  expect(few).toMatchObject(ONE_LOOK)
  for (const guest of ['m1-ldg1', 'm1-ldg2']) {
    const commands = Object.entries(few).filter(([name]) => name.startsWith(`${guest}: `))
    expect(commands.reduce((sum, [, number]) => sum + number, 0)).toBe(3)
  }

  await giveDisks(12)
  expect(await counted(() => world.pass(LOOK_S))).toEqual(few)
})

test('the first look after a start writes nothing and calls for nothing else', async () => {
  await giveDisks(6)
  const look = await counted(() => world.pass(LOOK_S))
  const lists = ['guestdisks', 'persistentvolumeclaims', 'persistentvolumes']

  const start = await counted(async () => {
    await world.restart()
    await world.pass(10)
  })

  const { requests } = world.cluster
  expect(requests.filter(request => !request.startsWith('GET '))).toEqual([])
  expect(requests.filter(request => !request.includes('csinodes')).length).toBe(2 * lists.length)
  const withoutLists = Object.entries(start).filter(
    ([name]) => !lists.some(each => name.endsWith(`/${each}`)),
  )
  expect(Object.fromEntries(withoutLists)).toEqual(look)
})

test('disks of a guest that begin before it was looked into share the first look', async () => {
  await giveDisks(8)
  const { faults } = world.cluster
  // The first look does not know of them.
  faults.set('GET /apis/ldom-csi.io/v1alpha1/guestdisks', 503)
  const start = await counted(async () => {
    await world.restart()
    await world.pass(2)
    faults.clear()
    await world.pass(10)
  })

  expect(start).toMatchObject({
    ListDisks: 1,
    'm1-ldg1: /bin/cat /etc/mnttab': 1,
    'm1-ldg2: /bin/cat /proc/self/mountinfo': 1,
  })
})

test('disks that wait for claims cost one look at their class', async () => {
  for (let index = 0; index < 5; index += 1) {
    const name = `disk-${index}`
    world.cluster.put(`/api/v1/namespaces/shop/persistentvolumeclaims/${name}`, {
      metadata: { namespace: 'shop', name },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'gold',
        resources: { requests: { storage: '32Mi' } },
      },
      status: { phase: 'Pending' },
    })
    world.putDisk(name, { guest: SOLARIS, mountPath: `/srv/${name}` })
  }
  await world.pass(LOOK_S + 10)

  expect(await counted(() => world.pass(LOOK_S))).toMatchObject({
    'GET /apis/storage.k8s.io/v1/csinodes': 1,
    'GET /apis/storage.k8s.io/v1/storageclasses/gold': 1,
    ListDisks: 1,
  })
})

test('a disk that another one keeps from its guest asks for nothing', async () => {
  await giveDisks(1)
  world.putDisk('second', { claimName: 'disk-0', guest: SOLARIS, mountPath: '/srv/second' })
  await world.pass(LOOK_S + 10)
  expect(world.condition('second', 'Ready')).toBe('False GuestHasIt')

  const requests = Object.keys(await counted(() => world.pass(LOOK_S)))
  expect(requests.filter(each => each.startsWith('GET '))).toEqual([
    'GET /apis/storage.k8s.io/v1/csinodes',
  ])
})
