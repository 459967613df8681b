// Guests without a kubelet: every example, and what a person sees who makes a mistake.

import { join } from 'node:path'
import { waitFor } from '../support/commands.ts'
import { allRemoved, namespace, SLOW_MS, storageState } from './fixture.ts'
import {
  becomes,
  becomesReady,
  guestDisk,
  LINUX,
  linuxDisk,
  numbersIn,
  readDisk,
  readFile,
  tells,
  writeFile,
} from './guest-disks.ts'
import type { Kubectl } from './kubectl.ts'
import { claim, pod } from './manifests.ts'
import { NODES } from './settings.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/kubernetes/guest-disks')
const file = (name: string) => join(EXAMPLES, `${name}.yaml`)
const SOLARIS = 'm1/ldg1'

async function withClasses(name: string) {
  const kubectl = await namespace(name)
  await kubectl.applyFile(file('classes'))
  return kubectl
}

async function grow(kubectl: Kubectl, name: string): Promise<void> {
  const request = { spec: { resources: { requests: { storage: '128Mi' } } } }
  await kubectl.run(['patch', 'pvc', name, '--patch', JSON.stringify(request)])
}

/** Volume, file system and claim: nothing of the expansion is left. */
async function isGrown(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl.wait(`pvc/${name}`, 'status.capacity.storage=128Mi', 180_000)
  const types = await kubectl.value(`pvc ${name}`, '.status.conditions[*].type')
  expect(types.split(' ')).not.toContain('FileSystemResizePending')
}

beforeEach(allRemoved, SLOW_MS)

test(
  'a Solaris guest: mounted, with both paths, told by an event, and grown with its claim',
  async () => {
    const kubectl = await withClasses('solaris')

    await kubectl.applyFile(file('solaris'))
    await becomesReady(kubectl, 'orders')

    const { status } = await readDisk(kubectl, 'orders')
    expect(status?.pathsWorking).toBe('2/2')
    expect(status?.paths?.map(path => path.serviceDomain).sort()).toEqual(['alternate', 'primary'])
    expect(await numbersIn(SOLARIS)).toEqual([status?.vdisk])
    await writeFile(SOLARIS, '/export/orders/file', 'kept')
    await grow(kubectl, 'orders')
    await isGrown(kubectl, 'orders')
    expect(await readFile(SOLARIS, '/export/orders/file')).toBe('kept')
    await tells(kubectl, 'GuestDisk orders', 'Mounted')
    const shown = await kubectl.run(['get', 'guestdisks'])
    expect(shown).toMatch(/orders +orders +m1\/ldg1 +\d+ +\/dev\/dsk\/\S+ +2\/2 +True/)
  },
  SLOW_MS,
)

test(
  'a snapshot restored beside its source: each has its own content',
  async () => {
    const kubectl = await withClasses('restore')
    await kubectl.applyFile(file('solaris'))
    await becomesReady(kubectl, 'orders')
    await writeFile(SOLARIS, '/export/orders/file', 'before')

    await kubectl.applyFile(file('restore'))
    await becomesReady(kubectl, 'orders-restored')
    await writeFile(SOLARIS, '/export/orders/file', 'after')

    expect(await readFile(SOLARIS, '/export/orders-restored/file')).toBe('before')
    await expect(writeFile(SOLARIS, '/export/orders-restored/file', 'x')).rejects.toThrow()
    await kubectl.delete('volumesnapshot', 'orders-before-upgrade')
  },
  SLOW_MS,
)

test(
  'a Linux guest without a kubelet: mounted, and grown when it has the disk anew',
  async () => {
    const kubectl = await withClasses('linux')
    await kubectl.applyFile(file('linux'))
    await becomesReady(kubectl, 'web')
    await writeFile(LINUX, '/srv/web/file', 'kept')

    await grow(kubectl, 'web')
    await waitFor({ what: 'the resize that waits for the guest', limitMs: 120_000 }, async () =>
      (await kubectl.value('pvc web', '.status.conditions[*].type')).includes(
        'FileSystemResizePending',
      ),
    )
    await kubectl.delete('guestdisk', 'web')
    expect(await numbersIn(LINUX)).toEqual([])
    await kubectl.apply(guestDisk('web', { guest: LINUX, mountPath: '/srv/web' }))
    await becomesReady(kubectl, 'web')

    await isGrown(kubectl, 'web')
    expect(await readFile(LINUX, '/srv/web/file')).toBe('kept')
  },
  SLOW_MS,
)

test(
  'a boot disk and its clone: the same number in both guests, one of which is off',
  async () => {
    const kubectl = await withClasses('boot')

    await kubectl.applyFile(file('boot-disk-clone'))
    await becomesReady(kubectl, 'golden-boot')
    await becomesReady(kubectl, 'new-guest-boot')

    expect(await numbersIn(SOLARIS)).toEqual([0])
    // A guest that is off shows no disks yet; its machine has it under this number.
    expect((await readDisk(kubectl, 'new-guest-boot')).status?.vdisk).toBe(0)
    const told = await becomes(kubectl, 'new-guest-boot', {
      type: 'Mounted',
      reason: 'NothingToMount',
    })
    expect(told).not.toBe('')
  },
  SLOW_MS,
)

test(
  'a raw disk for two guests: each has it under the number it asks for',
  async () => {
    const kubectl = await withClasses('shared')

    await kubectl.applyFile(file('shared-raw-disk'))
    await becomesReady(kubectl, 'quorum-m1')
    await becomesReady(kubectl, 'quorum-m2')

    expect([await numbersIn('m1/ldg1'), await numbersIn('m2/ldg1')]).toEqual([[90], [90]])
    await kubectl.delete('guestdisk', 'quorum-m1')
    expect([await numbersIn('m1/ldg1'), await numbersIn('m2/ldg1')]).toEqual([[], [90]])
  },
  SLOW_MS,
)

test(
  'a claim with the annotations of apply: its disk is made, and goes with it',
  async () => {
    const kubectl = await withClasses('annotated')
    await kubectl.applyFile(file('annotated-claim'))
    await waitFor({ what: 'the disk' }, () => kubectl.exists('guestdisk', 'ledger-m1-ldg1'))
    await becomesReady(kubectl, 'ledger-m1-ldg1')

    await kubectl.run([
      'annotate',
      'pvc',
      'ledger',
      'ldom-csi.io/guest-',
      'ldom-csi.io/mount-path-',
    ])
    await kubectl.gone('guestdisk', 'ledger-m1-ldg1')
    expect(await numbersIn(SOLARIS)).toEqual([])
    await kubectl.applyFile(file('annotated-claim'))
    await waitFor({ what: 'the disk again' }, () => kubectl.exists('guestdisk', 'ledger-m1-ldg1'))
    await becomesReady(kubectl, 'ledger-m1-ldg1')
    await kubectl.delete('pvc', 'ledger')

    await kubectl.gone('guestdisk', 'ledger-m1-ldg1')
    expect(await numbersIn(SOLARIS)).toEqual([])
  },
  SLOW_MS,
)

const WAITING = claim('waiting', { storageClass: 'gold' })
const BOUND = claim('data', { storageClass: 'guests-linux' })

test.each([
  {
    what: 'a claim that does not exist',
    objects: [guestDisk('data', { guest: LINUX, mountPath: '/srv/data' })],
    condition: { type: 'Bound', reason: 'ClaimMissing' },
  },
  {
    what: 'a class that waits for a pod',
    objects: [
      WAITING,
      guestDisk('data', { claimName: 'waiting', guest: LINUX, mountPath: '/srv/data' }),
    ],
    condition: { type: 'Bound', reason: 'WaitsForPod' },
  },
  {
    what: 'a guest that the configuration does not know',
    objects: [BOUND, guestDisk('data', { guest: 'm1/nobody', mountPath: '/srv/data' })],
    condition: { type: 'Attached', reason: 'GuestUnknown' },
  },
  {
    what: 'a guest that is not given to the namespace',
    objects: [BOUND, guestDisk('data', { guest: 'm1/ldg3', mountPath: '/srv/data' })],
    condition: { type: 'Attached', reason: 'NotGiven' },
  },
  {
    what: 'a path in a guest without a login',
    objects: [BOUND, guestDisk('data', { guest: 'm2/ldg3', mountPath: '/srv/data' })],
    condition: { type: 'Attached', reason: 'NoLogin' },
  },
  {
    what: 'a guest that is a node',
    objects: [BOUND, guestDisk('data', { guest: NODES[0].guest, mountPath: '/srv/data' })],
    condition: { type: 'Attached', reason: 'GuestUnknown' },
  },
  {
    what: 'a device path for a file system',
    objects: [BOUND, guestDisk('data', { guest: LINUX, devicePath: '/dev/data' })],
    condition: { type: 'Bound', reason: 'OtherMode' },
  },
])(
  '$what: the condition says so, and no guest gets a disk',
  async ({ objects, condition }) => {
    const kubectl = await withClasses('refused')
    await kubectl.apply(...objects)

    expect(await becomes(kubectl, 'data', condition)).not.toBe('')

    const { guests } = await storageState()
    expect(Object.values(guests).flatMap(({ disks }) => disks)).toEqual([])
  },
  300_000,
)

test(
  'two disks that give one claim to one guest: the older one does, the other says so',
  async () => {
    const kubectl = await withClasses('rivals')
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')

    const other = { claimName: 'data', guest: LINUX, mountPath: '/srv/other' }
    await kubectl.apply(guestDisk('other', other))

    const told = await becomes(kubectl, 'other', { type: 'Attached', reason: 'GuestHasIt' })
    expect(told).toContain('/data gives claim')
    await kubectl.delete('guestdisk', 'data')
    await becomesReady(kubectl, 'other')
  },
  SLOW_MS,
)

test(
  'a pod has the volume: the disk waits, says who has it, and gets it afterwards',
  async () => {
    const [node] = NODES
    const kubectl = await withClasses('exclusive')
    const data = claim('data', { storageClass: 'guests-linux' })
    await kubectl.apply(data, pod('data', { node: node.name }))
    await kubectl.podReady('data')
    await kubectl.exec('data', 'sh', '-c', 'echo kept >/data/file; sync')

    await kubectl.apply(guestDisk('data', { guest: LINUX, mountPath: '/srv/data' }))
    expect(await becomes(kubectl, 'data', { type: 'Attached', reason: 'Refused' })).toContain(
      node.guest,
    )
    await kubectl.delete('pod', 'data')

    // Attached only: the simulated guest cannot read the file system that a real mkfs has made.
    await becomes(kubectl, 'data', { type: 'Attached', reason: 'Attached' })
    expect(await numbersIn(node.guest)).toEqual([])
  },
  SLOW_MS,
)

test(
  'a disk that was ready gets its pod refused, and the pod says who has the volume',
  async () => {
    const kubectl = await withClasses('exclusive-pod')
    await kubectl.apply(...linuxDisk('data'))
    await becomesReady(kubectl, 'data')

    await kubectl.apply(pod('data'))

    await waitFor({ what: 'the refusal of the pod', limitMs: 120_000 }, async () =>
      (await kubectl.run(['get', 'events'])).includes(LINUX),
    )
    await kubectl.delete('pod', 'data', '--grace-period=1')
    expect((await readDisk(kubectl, 'data')).status?.conditions?.at(-1)?.status).toBe('True')
  },
  SLOW_MS,
)
