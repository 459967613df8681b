// Hosts that do not answer, say more than they should, or still work on what was cut off. A cut of
// every single command is crash/matrix.test.ts; a configuration file with five mistakes is
// unit/config.test.ts.

import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { publishRequest, STAGING, stageRequest, TARGET } from '../../support/node.ts'
import {
  attached,
  type BadDay,
  created,
  Day,
  expectRefusal,
  type PoolName,
  testBadDays,
} from './scene.ts'

const down = (host: string) => ({
  trouble: ({ world }: Day) => {
    world.host(host).down = true
  },
  over: ({ world }: Day) => {
    world.host(host).down = false
  },
})

interface Call {
  readonly name: string
  readonly before?: (day: Day) => Promise<unknown>
  readonly act: (day: Day) => Promise<unknown>
}

const CALLS: readonly Call[] = [
  { name: 'a creation', act: created },
  { name: 'a deletion', before: created, act: day => day.delete() },
  { name: 'an attachment', before: created, act: day => day.attach() },
  { name: 'a detachment', before: attached, act: day => day.detach() },
  {
    name: 'an expansion',
    before: created,
    act: day =>
      day.driver.changes.expandVolume(day.volume.id, { requiredBytes: 32 << 20, limitBytes: 0 }),
  },
  {
    name: 'a change of parameters',
    before: created,
    act: day => day.driver.changes.modifyVolume(day.volume.id, { compression: 'gzip' }),
  },
  { name: 'a list', before: created, act: day => day.driver.attachments.listPublished() },
  {
    name: 'a look at one volume',
    before: created,
    act: day => day.driver.volumes.getVolume(day.volume.id),
  },
  {
    name: 'a question for room',
    act: day => day.driver.volumes.capacity({ pool: day.pool, machine: undefined, parameters: {} }),
  },
]

describe.each([
  { pool: 'silver', host: 'm1-primary' },
  { pool: 'gold', host: 'storage1' },
  { pool: 'xen', host: 'dom0' },
] as const)('the storage host of pool $pool does not answer', ({ pool, host }) => {
  const rows = CALLS.flatMap((call): readonly BadDay[] => [
    {
      ...call,
      ...down(host),
      name: `${call.name} by a driver that knew it`,
      pool,
      kind: 'unavailable',
      says: [host],
    },
    {
      ...call,
      ...down(host),
      name: `${call.name} by a driver that starts on that day`,
      pool,
      trouble: day => {
        down(host).trouble(day)
        day.driver = day.installation.driver()
      },
      kind: 'unavailable',
      says: [host],
    },
  ])
  testBadDays(rows)
})

describe('the control domain of a machine does not answer', () => {
  testBadDays([
    {
      name: 'an attachment',
      pool: 'gold',
      before: created,
      act: day => day.attach(),
      ...down('m1-primary'),
      kind: 'unavailable',
      says: ['m1-primary'],
    },
    {
      name: 'an attachment by a driver that starts on that day',
      pool: 'gold',
      before: created,
      trouble: day => {
        down('m1-primary').trouble(day)
        day.driver = day.installation.driver()
      },
      act: day => day.attach(),
      over: down('m1-primary').over,
      kind: 'unavailable',
      says: ['m1-primary'],
    },
  ])

  test('a list answers by the records: silence is not a detached disk', async () => {
    const installation = install(({ pools: { gold }, ...spec }) => ({ ...spec, pools: { gold } }))
    const day = new Day('gold', installation)
    await attached(day)
    down('m1-primary').trouble(day)
    expect(await day.driver.attachments.listPublished()).toMatchObject([
      { publishedTo: [{ machine: 'm1', guest: 'ldg1' }] },
    ])
    expect(await day.driver.attachments.publishedTo(day.volume)).toEqual([
      { machine: 'm1', guest: 'ldg1' },
    ])
  })

  test('a volume of design lun that no one can reach is deleted all the same', async () => {
    const day = new Day('gold')
    await day.create()
    down('m1-primary').trouble(day)
    await day.delete()
    expect(day.world.zfs('storage1').dataset(`tank/kubernetes/${day.volume.leaf}`)).toBeUndefined()
  })
})

describe('a command that finishes after its connection was lost', () => {
  /** The command takes its effect only when the test lets it. */
  function stuck(day: Day, words: string): void {
    const { rules } = day.world.timeline
    const rule: (typeof rules)[number] = argv => {
      if (!argv.join(' ').startsWith(words)) return undefined
      rules.splice(rules.indexOf(rule), 1)
      return { kind: 'late', afterCommands: 1_000 }
    }
    rules.push(rule)
  }

  const rows: readonly (Pick<BadDay, 'name' | 'pool' | 'before' | 'act'> & {
    readonly words: string
  })[] = [
    { name: 'a creation', words: '/usr/sbin/zfs create', act: created },
    {
      name: 'a record',
      words: '/usr/sbin/zfs create -o canmount=off',
      before: created,
      act: day => day.attach(),
    },
    {
      name: 'an export',
      words: '/usr/sbin/ldm add-vdsdev',
      before: created,
      act: day => day.attach(),
    },
    {
      name: 'a removal of a disk',
      words: '/usr/sbin/ldm rm-vdisk',
      before: attached,
      act: day => day.detach(),
    },
    {
      name: 'a deletion',
      words: '/usr/sbin/zfs destroy',
      before: created,
      act: day => day.delete(),
    },
    {
      name: 'a disk of Xen',
      pool: 'xen',
      words: '/usr/sbin/xl block-attach',
      before: created,
      act: day => day.attach(),
    },
    {
      name: 'a removal of a disk of Xen',
      pool: 'xen',
      words: '/usr/sbin/xl block-detach',
      before: attached,
      act: day => day.detach(),
    },
    { name: 'a logical unit', pool: 'gold', words: '/usr/sbin/stmfadm create-lu', act: created },
    {
      name: 'a view',
      pool: 'gold',
      words: '/usr/sbin/stmfadm add-view',
      before: created,
      act: day => day.attach(),
    },
  ]
  test.each(rows)(
    '$name: nothing touches its object until it is done, and then the same call succeeds',
    async ({ pool = 'silver', before, words, act }) => {
      const day = new Day(pool)
      await before?.(day)
      stuck(day, words)
      await expect(act(day)).rejects.toMatchObject({ kind: 'unavailable' })
      const says = ['an earlier command is still running; try again', words]
      await expectRefusal(day, () => act(day), { kind: 'unavailable', says })
      await day.world.timeline.settle()
      await act(day)
      expect(await day.driver.audit()).toEqual([])
      await day.end()
    },
  )

  test('a driver that starts meanwhile finds it in the process list', async () => {
    const day = new Day('silver')
    stuck(day, '/usr/sbin/zfs create')
    await expect(day.create()).rejects.toMatchObject({ kind: 'unavailable' })
    day.driver = day.installation.driver()
    await expectRefusal(day, () => day.create(), { kind: 'unavailable', says: ['still running'] })
    await day.world.timeline.settle()
    await day.create()
    await day.end()
  })
})

describe('a login script that prints before the output of every command', () => {
  const BANNER = 'Authorised users only.\nLast login: Fri Nov 20 09:00:00 2026\n'

  test.each([
    { pool: 'silver', guest: 'm1/ldg2' },
    { pool: 'gold', guest: 'm1/ldg2' },
    { pool: 'xen', guest: 'x1/web' },
  ] as const)(
    'a whole life in pool $pool and guest $guest is as without it',
    async ({ pool, guest }) => {
      expect(await life(pool, guest, BANNER)).toEqual(await life(pool, guest, ''))
    },
  )

  test.each(['silver', 'gold'] as const)(
    'a whole life in pool %s and a solaris guest is as without it',
    async pool => {
      expect(await life(pool, 'm1/ldg1', 'Authorised users only.\n')).toEqual(
        await life(pool, 'm1/ldg1', ''),
      )
    },
  )

  test.each(['silver', 'gold'] as const)(
    'a whole life in pool %s and a solaris guest, with numbers in the text',
    async pool => {
      expect(await life(pool, 'm1/ldg1', BANNER)).toEqual(await life(pool, 'm1/ldg1', ''))
    },
  )

  async function life(pool: PoolName, guest: string, banner: string): Promise<readonly object[]> {
    const { installation } = new Day(pool)
    for (const host of installation.world.hosts.values()) host.banner = banner
    const { volumes, attachments, snapshots, audit } = installation.driver()
    const node = installation.node(guest)
    const volume = await volumes.ensureVolume(volumeSpec({ pool }))
    const attachment = await attachments.attach(attachRequest(volume.id, guest))
    await node.stage(stageRequest(volume, attachment))
    await node.publish(publishRequest(volume, attachment))
    const snapshot = await snapshots.createSnapshot({ name: 'snap', volumeId: volume.id })
    const listed = await attachments.listPublished()
    const findings = await audit()
    await snapshots.deleteSnapshot(snapshot.id)
    await node.unpublish({ volumeId: volume.id, targetPath: TARGET })
    await node.unstage({ volumeId: volume.id, stagingPath: STAGING })
    await attachments.detach(volume.id, undefined)
    await volumes.deleteVolume(volume.id)
    return [
      listed.map(({ publishedTo }) => publishedTo),
      findings,
      await audit(),
      installation.world.guest(guest).mounts(),
    ]
  }
})
