// Guests without a kubelet on bad days: what goes away comes back by itself, under its number, with
// its data; and whatever is cut is completed.

import { join } from 'node:path'
import { waitFor } from '../support/commands.ts'
import { Daemons } from '../support/daemons.ts'
import { allReady, DRIVER_CONTAINER, killContainer, leader } from './driver.ts'
import { allRemoved, cluster, namespace, SLOW_MS, storageState } from './fixture.ts'
import {
  becomes,
  becomesReady,
  FOLLOWS_MS,
  LINUX,
  linuxDisk,
  numbersIn,
  readDisk,
  readFile,
  serviceDomain,
  tells,
  writeFile,
} from './guest-disks.ts'
import type { Kubectl } from './kubectl.ts'
import { NODES, STATE } from './settings.ts'

const CLASSES = join(import.meta.dirname, '../../examples/kubernetes/guest-disks/classes.yaml')
const GUEST_DISKS = 'guest-disks'

const slowDown = (ms: number) => cluster.simulation.control({ op: 'latency', ms })

async function withClasses(name: string): Promise<Kubectl> {
  const kubectl = await namespace(name)
  await kubectl.applyFile(CLASSES)
  return kubectl
}

beforeEach(allRemoved, SLOW_MS)

afterEach(async () => {
  await slowDown(0)
  await serviceDomain('m1', 'alternate', 'up')
  await allReady()
}, SLOW_MS)

async function volumeCount(): Promise<number> {
  const { storage } = await storageState()
  return Object.values(storage)
    .flat()
    .filter(({ kind }) => kind === 'volume').length
}

test(
  'a service domain goes down under a guest that writes: status and events follow, both ways',
  async () => {
    const kubectl = await withClasses('paths')
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')
    const pathsAre = (text: string) =>
      kubectl.wait('guestdisk/data', `status.pathsWorking=${text}`, FOLLOWS_MS)

    await serviceDomain('m1', 'alternate', 'down')
    await writeFile(LINUX, '/srv/data/file', 'one path')
    await pathsAre('1/2')
    await tells(kubectl, 'GuestDisk data', 'PathLost')
    await tells(kubectl, 'PersistentVolumeClaim data', 'ServiceDomainDown')
    const states = (await readDisk(kubectl, 'data')).status?.paths ?? []
    expect(states.find(path => path.serviceDomain === 'alternate')?.state).toBe('down')
    await becomes(kubectl, 'data', { type: 'Ready', reason: 'PathsDown' })
    await serviceDomain('m1', 'alternate', 'up')

    await pathsAre('2/2')
    await tells(kubectl, 'GuestDisk data', 'PathBack')
    expect(await readFile(LINUX, '/srv/data/file')).toBe('one path')
  },
  2 * SLOW_MS,
)

/** The driver saves at the latest two minutes after a change; a power cycle undoes what is not. */
async function isSaved(machine: string): Promise<void> {
  const what = `the saved configuration of ${machine}`
  await waitFor({ what, limitMs: 180_000 }, async () => {
    const { saved } = await cluster.simulation.control<{ saved: boolean }>({ op: 'saved', machine })
    return saved
  })
}

const MACHINES = ['m1', 'm2']
const MANY = 50
const GUESTS = ['m1/ldg4', 'm2/ldg4']

test(
  'both machines lose power: all disks come back, with the same numbers and the same data',
  async () => {
    // Otherwise disks of earlier tests came back with the power.
    for (const machine of MACHINES) await isSaved(machine)
    const kubectl = await withClasses('power')
    const disks = Array.from({ length: MANY }, (_, index) => ({
      name: `disk-${index}`,
      guest: GUESTS[index % GUESTS.length] ?? LINUX,
    }))
    await kubectl.apply(...disks.flatMap(({ name, guest }) => linuxDisk(name, guest)))
    const all = disks.map(({ name }) => `guestdisk/${name}`)
    await kubectl.run(['wait', ...all, '--for=condition=Ready', '--timeout=280s'])
    for (const { name, guest } of disks) await writeFile(guest, `/srv/${name}/file`, name)
    const before = await Promise.all(GUESTS.map(numbersIn))

    for (const { name } of NODES) await cluster.node(name).die()
    for (const machine of MACHINES) {
      await cluster.simulation.control({ op: 'power-cycle', machine })
    }
    for (const { name } of NODES) await cluster.bootAgain(name)

    for (const { name, guest } of disks) {
      await waitFor(
        { what: `the file of ${name}`, limitMs: 2 * FOLLOWS_MS, everyMs: 1000 },
        async () => (await readFile(guest, `/srv/${name}/file`)) === name,
      )
    }
    await kubectl.run(['wait', ...all, '--for=condition=Ready', '--timeout=280s'])
    expect(await Promise.all(GUESTS.map(numbersIn))).toEqual(before)
    await tells(kubectl, 'GuestDisk disk-0', 'Restored')
    await tells(kubectl, 'PersistentVolumeClaim disk-0', 'Restored')
  },
  5 * SLOW_MS,
)

const isTrue = async (kubectl: Kubectl, type: string) => {
  const path = `.status.conditions[?(@.type=="${type}")].status`
  return (await kubectl.value('guestdisk data', path)) === 'True'
}

const STEPS: readonly {
  readonly step: string
  readonly reached: (kubectl: Kubectl) => Promise<boolean>
}[] = [
  {
    step: 'the disk holds its claim',
    reached: async kubectl =>
      (await kubectl.value('guestdisk data', '.metadata.finalizers')) !== '',
  },
  { step: 'the claim is bound', reached: kubectl => isTrue(kubectl, 'Bound') },
  { step: 'the machine shows it', reached: async () => (await numbersIn(LINUX)).length > 0 },
  { step: 'the guest has it', reached: kubectl => isTrue(kubectl, 'Attached') },
  { step: 'it is mounted', reached: kubectl => isTrue(kubectl, 'Mounted') },
]
const KILLED = [DRIVER_CONTAINER, GUEST_DISKS]

// Each container in turn: one that is killed too often waits minutes for its next start. The tests
// of guest-disks end the process at every exchange.
test.each(STEPS.map((step, index) => ({ ...step, container: KILLED[index % 2] ?? GUEST_DISKS })))(
  '$container is killed once $step: one volume, mounted once',
  async ({ reached, container }) => {
    const kubectl = await withClasses('kill')
    const before = await volumeCount()
    await slowDown(200)
    await kubectl.apply(...linuxDisk('data'))
    await waitFor({ what: 'the step', limitMs: 180_000, everyMs: 50 }, () => reached(kubectl))

    await killContainer(await leader(), container)
    await slowDown(0)

    await becomesReady(kubectl, 'data', FOLLOWS_MS)
    await writeFile(LINUX, '/srv/data/file', 'kept')
    expect(await numbersIn(LINUX)).toHaveLength(1)
    expect(await volumeCount()).toBe(before + 1)
    const [disk = -1] = await numbersIn(LINUX)
    const counted = { op: 'format-count', guest: LINUX, disk }
    expect(await cluster.simulation.control(counted)).toMatchObject({ count: 1 })
  },
  2 * SLOW_MS,
)

test.each(KILLED)(
  '%s is killed while a disk is taken away: it goes, and so does its claim',
  async container => {
    const kubectl = await withClasses('kill-delete')
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')
    await slowDown(200)
    await kubectl.run(['delete', 'guestdisk', 'data', '--wait=false'])
    await new Promise(resolve => setTimeout(resolve, 1000))

    await killContainer(await leader(), container)
    await slowDown(0)

    await kubectl.gone('guestdisk', 'data')
    expect(await numbersIn(LINUX)).toEqual([])
    await kubectl.delete('pvc', 'data')
  },
  2 * SLOW_MS,
)

test(
  'the API server stands still for a minute under work: everything is completed, once',
  async () => {
    const kubectl = await withClasses('api')
    const names = Array.from({ length: 10 }, (_, index) => `disk-${index}`)
    const before = await volumeCount()
    await slowDown(100)
    await kubectl.apply(...names.flatMap(name => linuxDisk(name)))
    await waitFor({ what: 'the first disk', limitMs: 120_000, everyMs: 100 }, async () => {
      return (await numbersIn(LINUX)).length > 0
    })
    const daemons = new Daemons(STATE)

    daemons.signal('apiserver', 'SIGSTOP')
    await new Promise(resolve => setTimeout(resolve, 60_000)).finally(() =>
      daemons.signal('apiserver', 'SIGCONT'),
    )
    await slowDown(0)

    for (const name of names) {
      await waitFor({ what: `the API server, for ${name}`, limitMs: FOLLOWS_MS }, () =>
        becomesReady(kubectl, name, 1000).then(() => true),
      )
    }
    expect(await numbersIn(LINUX)).toHaveLength(names.length)
    expect(await volumeCount()).toBe(before + names.length)
  },
  3 * SLOW_MS,
)

const DATA = { claim: ['pvc', 'data'], disk: ['guestdisk', 'data'] } as const

test.each([
  { order: ['claim', 'disk'] as const },
  { order: ['disk', 'claim'] as const },
  { order: ['claim', 'disk', 'namespace'] as const },
  { order: ['disk', 'namespace'] as const },
  { order: ['claim', 'namespace'] as const },
  { order: ['namespace'] as const },
])(
  'deleted at once, in the order $order: nothing is left',
  async ({ order }) => {
    const kubectl = await withClasses('order')
    const before = await volumeCount()
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')

    for (const what of order) {
      const named = what === 'namespace' ? ['namespace', kubectl.namespace] : DATA[what]
      await kubectl.run(['delete', ...named, '--wait=false'])
    }

    for (const [kind, name] of Object.values(DATA)) await kubectl.gone(kind, name)
    expect(await numbersIn(LINUX)).toEqual([])
    await waitFor(
      { what: 'the end of the volume', limitMs: 120_000 },
      async () => (await volumeCount()) === before,
    )
  },
  300_000,
)

test(
  'a claim that is deleted under its disk stays, with its volume, until the disk is deleted',
  async () => {
    const kubectl = await withClasses('held')
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')

    await kubectl.run(['delete', 'pvc', 'data', '--wait=false'])
    await tells(kubectl, 'PersistentVolumeClaim data', 'StillUsed')
    await writeFile(LINUX, '/srv/data/file', 'still served')
    expect(await kubectl.exists('pvc', 'data')).toBe(true)
    await kubectl.delete('guestdisk', 'data')

    await kubectl.gone('pvc', 'data')
  },
  SLOW_MS,
)

test(
  "the controller's node is drained: the other controller goes on looking",
  async () => {
    const kubectl = await withClasses('drain')
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')
    await writeFile(LINUX, '/srv/data/file', 'kept')
    const { spec, metadata } = await leader()
    const node = spec.nodeName ?? ''
    const options = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=200s']

    try {
      await cluster.kubectl.run(['drain', node, ...options])
      await waitFor(
        { what: 'another leader', limitMs: 60_000 },
        async () => (await leader()).metadata.name !== metadata.name,
      )
      await serviceDomain('m1', 'alternate', 'down')

      await kubectl.wait('guestdisk/data', 'status.pathsWorking=1/2', FOLLOWS_MS)
      expect(await readFile(LINUX, '/srv/data/file')).toBe('kept')
    } finally {
      await cluster.kubectl.run(['uncordon', node])
    }
  },
  2 * SLOW_MS,
)
