// Pools that are full, suspended or gone, and service domains without what they should have.

import { lieAboutDevices, noLies } from './lies.ts'
import { attached, type BadDay, created, Day, known, testBadDays } from './scene.ts'

const PARENTS = { silver: 'mtank/kubernetes', gold: 'tank/kubernetes', xen: 'tank/csi' }

describe.each(['silver', 'gold', 'xen'] as const)('pool %s', pool => {
  const full: Pick<BadDay, 'pool' | 'trouble' | 'over'> = {
    pool,
    trouble: day => {
      day.zpool().full = true
    },
    over: day => {
      day.zpool().full = false
    },
  }
  const suspended: Pick<BadDay, 'pool' | 'trouble' | 'over' | 'kind'> = {
    pool,
    kind: 'unavailable',
    trouble: day => {
      day.zpool().suspended = true
    },
    over: day => {
      day.zpool().suspended = false
    },
  }
  const gone: Pick<BadDay, 'pool' | 'trouble' | 'over' | 'kind'> = {
    pool,
    kind: 'unavailable',
    trouble: day => {
      day.zpool().imported = false
    },
    over: day => {
      day.zpool().imported = true
    },
  }
  const parent = PARENTS[pool]
  const calls: readonly Pick<BadDay, 'name' | 'before' | 'act'>[] = [
    { name: 'a creation', before: known, act: created },
    { name: 'a deletion', before: created, act: day => day.delete() },
    { name: 'an attachment', before: created, act: day => day.attach() },
    { name: 'a detachment', before: attached, act: day => day.detach() },
    { name: 'a list', before: created, act: day => day.driver.attachments.listPublished() },
    {
      name: 'a look at one volume',
      before: created,
      act: day => day.driver.volumes.getVolume(day.volume.id),
    },
    {
      name: 'an expansion',
      before: created,
      act: day =>
        day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 32 << 20, limitBytes: 0 }),
    },
    {
      name: 'a snapshot',
      before: created,
      act: async day => {
        const { id } = await day.driver.snapshots.createSnapshot({
          name: 'snap',
          volumeId: day.volume.id,
        })
        await day.driver.snapshots.deleteSnapshot(id)
      },
    },
  ]

  testBadDays([
    {
      ...full,
      name: 'full: a creation',
      before: known,
      act: created,
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'reservation: thin', 'free space in'],
    },
    {
      ...full,
      name: 'full: an expansion',
      before: created,
      act: day =>
        day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 32 << 20, limitBytes: 0 }),
      kind: 'out-of-range',
      says: [`${pool}/v-`, 'ask for less', `pool ${pool}`, 'free space in'],
    },
    {
      name: 'full: an attachment, whose record finds no room',
      pool,
      before: created,
      // The words are recorded of a volume; the simulated pool lets a file system in.
      trouble: ({ world }) =>
        world.timeline.rules.push(argv =>
          argv[1] === 'create'
            ? {
                kind: 'answer',
                answer: {
                  exitStatus: 1,
                  stdout: '',
                  stderr: `cannot create '${argv.at(-1)}': out of space\n`,
                },
              }
            : undefined,
        ),
      act: day => day.attach(),
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'record of its attachment', 'free space in'],
      over: ({ world }) => world.timeline.rules.pop(),
    },
    {
      ...full,
      name: 'full: a snapshot',
      before: created,
      act: async day => {
        const { id } = await day.driver.snapshots.createSnapshot({
          name: 'snap',
          volumeId: day.volume.id,
        })
        await day.driver.snapshots.deleteSnapshot(id)
      },
      kind: 'no-space',
      says: [`${pool}/v-`, `pool ${pool}`, 'snapshot', 'free space in'],
    },
    {
      ...full,
      name: 'full: a reservation',
      before: day => day.create({ parameters: { reservation: 'thin' } }),
      act: day => day.driver.changes.modifyVolume(day.volume.id, { reservation: 'thick' }),
      kind: 'out-of-range',
      says: [`${pool}/v-`, 'ask for thin', `pool ${pool}`, 'reservation', 'free space in'],
    },
    ...calls.map(call => ({
      ...call,
      ...suspended,
      name: `suspended: ${call.name}`,
      says: [parent, 'suspended', 'zpool status'],
    })),
    ...calls.map(call => ({
      ...call,
      ...gone,
      name: `not imported: ${call.name}`,
      says: [parent, 'imported'],
    })),
  ])

  test('full: a volume that is attached is detached and deleted all the same', async () => {
    const day = new Day(pool)
    await attached(day)
    full.trouble(day)
    await day.end()
  })
})

describe('what a service domain should have', () => {
  testBadDays([
    {
      name: 'a missing vds',
      before: async day => {
        await day.create()
        await day.type('m1-primary', 'ldm rm-vds primary-vds0')
      },
      trouble: () => {},
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['silver/v-', 'm1', 'primary-vds0', 'ldm add-vds'],
      leaves: ['record'],
      over: day => day.type('m1-primary', 'ldm add-vds primary-vds0 primary'),
    },
    {
      name: 'a missing vds of the second path',
      pool: 'gold',
      before: async day => {
        await day.create()
        await day.type('m1-primary', 'ldm rm-vds alternate-vds0')
      },
      trouble: () => {},
      act: day => day.attach(),
      kind: 'failed-precondition',
      says: ['gold/v-', 'm1', 'alternate-vds0', 'ldm add-vds'],
      leaves: ['record', 'view', 'export'],
      over: day => day.type('m1-primary', 'ldm add-vds alternate-vds0 alternate'),
    },
    {
      name: 'a missing backend: the volume has no device node',
      before: created,
      trouble: day => lieAboutDevices(day, 'm1-primary', () => undefined),
      act: day => day.attach(),
      kind: 'unavailable',
      says: [
        'silver/v-',
        'service domain primary',
        '/dev/zvol/dsk/mtank/kubernetes/v-',
        'imported',
        'device template',
      ],
      leaves: ['record'],
      over: noLies,
    },
    {
      name: 'a missing backend: the storage network of one service domain is down',
      pool: 'gold',
      before: created,
      trouble: day => {
        day.world.initiator('m1-alternate').connected = false
      },
      act: day => day.attach(),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain alternate', 'no connection', 'iSCSI discovery'],
      leaves: ['record', 'view'],
      over: day => {
        day.world.initiator('m1-alternate').connected = true
      },
    },
    {
      name: 'a missing backend: the target of the storage host is offline',
      pool: 'gold',
      before: created,
      trouble: day => {
        day.world.comstar('storage1').targetOnline = false
      },
      act: day => day.attach(),
      kind: 'unavailable',
      says: ['gold/v-', 'service domain', "the storage host's target"],
      leaves: ['record', 'view'],
      over: day => {
        day.world.comstar('storage1').targetOnline = true
      },
    },
    {
      name: 'the target framework of the storage host is off',
      pool: 'gold',
      before: created,
      trouble: day => {
        day.world.comstar('storage1').serviceOnline = false
      },
      act: day => day.attach(),
      kind: 'unavailable',
      says: ['logical unit', 'svcadm enable stmf', 'in maintenance, run svcadm clear stmf'],
      leaves: ['record'],
      over: day => {
        day.world.comstar('storage1').serviceOnline = true
      },
    },
  ])

  test('a device node that comes a little later is waited for', async () => {
    const day = new Day('gold')
    await day.create()
    day.world.initiator('m1-alternate').slowEnumerations = 3
    await day.attach()
    await day.end()
  })
})
