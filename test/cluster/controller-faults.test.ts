// Controllers that end in the middle of their work: the next one completes it, once.

import { waitFor } from '../support/commands.ts'
import { allReady, attachmentsOf, killDriver, leader, leaseHolder } from './driver.ts'
import { allRemoved, cluster, namespace, SLOW_MS, storageState } from './fixture.ts'
import { claim, pod, snapshot } from './manifests.ts'

const SLOW_COMMAND_MS = 500

beforeEach(allRemoved, SLOW_MS)

const slowDown = (ms: number) => cluster.simulation.control({ op: 'latency', ms })

afterEach(async () => {
  await slowDown(0)
  await allReady()
}, SLOW_MS)

async function volumes() {
  const { storage } = await storageState()
  return Object.values(storage)
    .flat()
    .filter(({ kind }) => kind === 'volume')
}

test(
  'a controller that is killed while it creates a volume leaves one volume, which a pod gets',
  async () => {
    const kubectl = await namespace('kill-create')
    const before = (await volumes()).length
    await slowDown(SLOW_COMMAND_MS)
    await kubectl.apply(claim('data'), pod('data'))
    await waitFor(
      { what: 'the volume', everyMs: 50 },
      async () => (await volumes()).length > before,
    )

    await killDriver(await leader())
    await slowDown(0)

    await kubectl.podReady('data', 180_000)
    expect(await volumes()).toHaveLength(before + 1)
  },
  SLOW_MS,
)

test(
  'a controller that is killed while it attaches a volume: the pod gets it',
  async () => {
    const kubectl = await namespace('kill-attach')
    await slowDown(SLOW_COMMAND_MS)
    await kubectl.apply(claim('data'), pod('data'))
    const volume = await waitFor({ what: 'the volume', everyMs: 50 }, () =>
      kubectl.value('pvc data', '.spec.volumeName').then(name => name !== '' && name),
    )
    await waitFor({ what: 'the attachment', everyMs: 50 }, async () =>
      (await attachmentsOf(volume)).some(({ status }) => status?.attached !== true),
    )

    await killDriver(await leader())
    await slowDown(0)

    await kubectl.podReady('data', 180_000)
    expect(await attachmentsOf(volume)).toHaveLength(1)
  },
  SLOW_MS,
)

test(
  'a controller that is killed while it makes a snapshot leaves one snapshot, which is ready',
  async () => {
    const kubectl = await namespace('kill-snapshot')
    await kubectl.apply(claim('data'), pod('data'))
    await kubectl.podReady('data')
    await slowDown(SLOW_COMMAND_MS)
    await kubectl.apply(snapshot('before', 'data', 'ldom-csi'))
    const count = async () => (await volumes()).flatMap(({ snapshots }) => snapshots).length
    await waitFor({ what: 'the snapshot', everyMs: 50 }, async () => (await count()) > 0)

    await killDriver(await leader())
    await slowDown(0)

    await kubectl.wait('volumesnapshot/before', 'status.readyToUse=true', 180_000)
    expect(await count()).toBe(1)
    await kubectl.delete('volumesnapshot', 'before')
  },
  SLOW_MS,
)

test(
  'the other controller takes over when the one that acts is deleted, and serves claims',
  async () => {
    const kubectl = await namespace('leader')
    const { metadata } = await leader()
    const before = await leaseHolder()

    await cluster.kubectl.in('ldom-csi').run(['delete', 'pod', metadata.name, '--wait=false'])
    await waitFor({ what: 'another holder of the lease', everyMs: 100 }, async () => {
      const holder = await leaseHolder()
      return holder !== '' && holder !== before
    })

    await kubectl.apply(claim('data'), pod('data'))
    await kubectl.podReady('data')
  },
  SLOW_MS,
)
