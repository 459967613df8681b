// What each controller operation may cost in remote commands when nothing goes wrong. A larger
// number fails, a smaller one is a reason to lower the budget. Pool `silver`: design local, one
// machine, one path, the zfs of Solaris 11. Pool `openzfs`: the same on OpenZFS, which computes
// reservations. Pool `gold`: design lun, two machines with two paths each.

import { MiB, type VolumeSource } from '../../../src/model/volumes.ts'
import {
  attachRequest,
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { withOpenZfs } from '../../support/openzfs.ts'

type Pool = 'silver' | 'openzfs' | 'gold'

interface Step {
  readonly rpc: string
  readonly budget: Readonly<Record<Pool, number>>
  run(scene: Scene): Promise<unknown>
}

class Scene {
  readonly installation: TestInstallation
  readonly driver: Driver
  readonly pool: Pool
  volumeId = ''
  snapshotId = ''

  constructor(pool: Pool) {
    this.pool = pool
    this.installation = pool === 'openzfs' ? install(withOpenZfs) : install()
    this.driver = this.installation.driver()
  }

  async make(
    name: string,
    source: VolumeSource = { kind: 'empty' },
    sizeBytes = 0,
  ): Promise<string> {
    const pool = this.pool === 'openzfs' ? 'silver' : this.pool
    const size = { requiredBytes: source.kind === 'empty' ? 16 * MiB : sizeBytes, limitBytes: 0 }
    return (await this.driver.volumes.ensureVolume(volumeSpec({ pool, name, source, size }))).id
  }

  async snapshot(name: string): Promise<string> {
    return (await this.driver.snapshots.createSnapshot({ name, volumeId: this.volumeId })).id
  }

  /** Asks every host the one question of the start, and fills the index of snapshots. */
  async warmUp(): Promise<void> {
    this.volumeId = await this.make('warm')
    await this.driver.attachments.attach(attachRequest(this.volumeId, guest))
    await this.driver.attachments.detach(this.volumeId, guest)
    await this.driver.snapshots.deleteSnapshot(await this.snapshot('warm'))
    await this.driver.volumes.deleteVolume(this.volumeId)
  }
}

const guest = { machine: 'm1', guest: 'ldg1' }

const STEPS: readonly Step[] = [
  // zfs create; lun: stmfadm create-lu, list-lu.
  {
    rpc: 'CreateVolume',
    budget: { silver: 1, openzfs: 1, gold: 3 },
    run: async scene => {
      scene.volumeId = await scene.make('pvc-1')
    },
  },
  // The creation is refused, and the volume that is there is compared. lun: list-lu.
  {
    rpc: 'CreateVolume again',
    budget: { silver: 2, openzfs: 2, gold: 4 },
    run: scene => scene.make('pvc-1'),
  },
  // Reads: volume and record, machine, the device in each service domain. Writes: record, an export
  // a path, the disk. Read: machine. The guest's own record below the volume's is a second write.
  // One read of each pool that its machine reaches (two): no number that a record of the guest
  // holds is given to another volume. The record is read again at the end. lun: list-lu, add-view,
  // list-view (nobody else may see the unit), and devfsadm and iscsiadm in each service domain. On
  // Linux the device appears late, and no time passes here between commands: two more looks. While
  // the volume holds next to nothing: whether zfs counts blocks, and, where it does, what it counts.
  {
    rpc: 'ControllerPublishVolume',
    budget: { silver: 12, openzfs: 15, gold: 22 },
    run: scene => scene.driver.attachments.attach(attachRequest(scene.volumeId, guest)),
  },
  {
    // lun: list-lu and list-view, as the machine's listing does not show what the storage host may
    // have lost.
    rpc: 'ControllerPublishVolume again',
    budget: { silver: 3, openzfs: 4, gold: 6 },
    run: scene => scene.driver.attachments.attach(attachRequest(scene.volumeId, guest)),
  },
  // Names: one a pool; properties: one for every few hundred volumes, of which there is one; one a
  // machine. Three pools, two machines.
  {
    rpc: 'ListVolumes',
    budget: { silver: 6, openzfs: 6, gold: 6 },
    run: scene => scene.driver.attachments.listPublished(),
  },
  // Read, and the guests that have the volume; set volsize; lun: list-lu, as a unit of other data
  // under that GUID must not be resized, modify-lu, and iscsiadm and iostat in each service domain
  // that has the volume attached.
  {
    rpc: 'ControllerExpandVolume',
    budget: { silver: 3, openzfs: 3, gold: 9 },
    run: scene =>
      scene.driver.changes.expandVolume(scene.volumeId, { requiredBytes: 32 * MiB, limitBytes: 0 }),
  },
  // Read, and one set a parameter: old dialects take one property a command.
  {
    rpc: 'ControllerModifyVolume, two parameters',
    budget: { silver: 3, openzfs: 3, gold: 3 },
    run: scene =>
      scene.driver.changes.modifyVolume(scene.volumeId, {
        compression: 'lzjb',
        reservation: 'thin',
      }),
  },
  // Reads: volume and record, machine. Writes: the record is marked, the disk, an export a path,
  // the guest's record, the volume's. Read: machine. lun: list-view, list-lu, as the view may be
  // one of other data under that GUID, remove-view, and devfsadm twice in each service domain.
  {
    rpc: 'ControllerUnpublishVolume',
    budget: { silver: 8, openzfs: 8, gold: 16 },
    run: scene => scene.driver.attachments.detach(scene.volumeId, guest),
  },
  // lun: list-view, as a view that no record explains is removed.
  {
    rpc: 'ControllerUnpublishVolume again',
    budget: { silver: 2, openzfs: 2, gold: 3 },
    run: scene => scene.driver.attachments.detach(scene.volumeId, guest),
  },
  // zfs snapshot, and the read that tells its size and time.
  {
    rpc: 'CreateSnapshot',
    budget: { silver: 2, openzfs: 2, gold: 2 },
    run: async scene => {
      scene.snapshotId = await scene.snapshot('s-1')
    },
  },
  // As ListVolumes, without the machines.
  {
    rpc: 'ListSnapshots',
    budget: { silver: 4, openzfs: 4, gold: 4 },
    run: scene => scene.driver.snapshots.listSnapshots({}),
  },
  {
    rpc: 'ListSnapshots of a volume',
    budget: { silver: 1, openzfs: 1, gold: 1 },
    run: scene => scene.driver.snapshots.listSnapshots({ volumeId: scene.volumeId }),
  },
  // The source is read first, as its size decides; then clone, and set volsize where it is larger;
  // lun: create-lu, list-lu. The zfs of silver refuses to compute a reservation: clone once more,
  // and the reservation set after the growth, as it does not move along.
  {
    rpc: 'CreateVolume from a snapshot',
    budget: { silver: 3, openzfs: 2, gold: 4 },
    run: scene => scene.make('restored', { kind: 'snapshot', id: scene.snapshotId }),
  },
  {
    rpc: 'CreateVolume from a snapshot, larger',
    budget: { silver: 5, openzfs: 3, gold: 5 },
    run: scene => scene.make('larger', { kind: 'snapshot', id: scene.snapshotId }, 64 * MiB),
  },
  // Read, hidden snapshot, clone (twice as above), destroy -d of the hidden snapshot.
  {
    rpc: 'CreateVolume from a volume',
    budget: { silver: 5, openzfs: 4, gold: 6 },
    run: scene => scene.make('cloned', { kind: 'volume', id: scene.volumeId }),
  },
  // Whose it is, destroy is refused, rename, destroy -d.
  {
    rpc: 'DeleteSnapshot with clones',
    budget: { silver: 4, openzfs: 4, gold: 4 },
    run: scene => scene.driver.snapshots.deleteSnapshot(scene.snapshotId),
  },
  // A name says not whose a snapshot is.
  {
    rpc: 'DeleteSnapshot',
    budget: { silver: 2, openzfs: 2, gold: 2 },
    run: scene => scene.driver.snapshots.deleteSnapshot(scene.snapshotId),
  },
  // Reads: volume and record, every machine of the pool. Write: destroy. lun: list-lu, delete-lu.
  {
    rpc: 'DeleteVolume',
    budget: { silver: 3, openzfs: 3, gold: 6 },
    run: scene => scene.driver.volumes.deleteVolume(scene.volumeId),
  },
  {
    rpc: 'GetCapacity',
    budget: { silver: 1, openzfs: 1, gold: 1 },
    run: scene =>
      scene.driver.volumes.capacity({ pool: 'silver', machine: undefined, parameters: {} }),
  },
]

/** What has to be there before a step whose cost is counted. */
const BEFORE: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  DeleteSnapshot: async scene => {
    scene.snapshotId = await scene.snapshot('s-2')
  },
  DeleteVolume: async scene => {
    scene.volumeId = await scene.make('alone')
  },
}

const table: string[] = []
afterAll(() => {
  process.stdout.write(
    `\nremote commands per RPC                 silver openzfs    gold\n${table.join('\n')}\n`,
  )
})

test('every operation stays inside its budget', async () => {
  const scenes = (['silver', 'openzfs', 'gold'] as const).map(pool => new Scene(pool))
  for (const scene of scenes) await scene.warmUp()
  for (const { rpc, budget, run } of STEPS) {
    const used = { silver: 0, openzfs: 0, gold: 0 }
    for (const scene of scenes) {
      await BEFORE[rpc]?.(scene)
      const { commands } = scene.installation.world.timeline
      const before = commands.length
      await run(scene)
      used[scene.pool] = commands.length - before
    }
    const cells = Object.values(used).map(count => String(count).padStart(8))
    table.push(`  ${rpc.padEnd(36)}${cells.join('')}`)
    expect({ rpc, used }).toEqual({ rpc, used: budget })
  }
})

test('a group snapshot costs the same whatever the number of its members', async () => {
  const counts: number[] = []
  for (const members of [2, 10]) {
    const scene = new Scene('gold')
    await scene.warmUp()
    const volumeIds = await Promise.all(
      Array.from({ length: members }, (_, at) => scene.make(`pvc-${at}`)),
    )
    const { commands } = scene.installation.world.timeline
    const before = commands.length
    await scene.driver.groups.createGroup({ name: 'all', volumeIds })
    counts.push(commands.length - before)
  }
  // Read, three for the dialect, snapshot, read.
  expect(counts).toEqual([6, 6])
})

test('a volume that was just created on Linux is attached as soon as its device is there', async () => {
  const scene = new Scene('openzfs')
  await scene.warmUp()
  scene.volumeId = await scene.make('pvc-1')
  const { clock } = scene.installation
  const beforeMs = clock.nowMs()

  await scene.driver.attachments.attach(attachRequest(scene.volumeId, guest))

  // The device is there after 250 ms.
  expect(clock.nowMs() - beforeMs).toBe(300)
})
