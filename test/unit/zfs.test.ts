// The zfs command as the driver uses it: what is asked, what an answer means, what is refused
// before anything is asked.

import { type SimAnswer, SimHost, Timeline } from '../../sim/host.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { MemoryStore } from '../../sim/store.ts'
import type { DialectName } from '../../sim/zfs/dialects.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'
import { isStorageError, StorageError } from '../../src/errors.ts'
import { ShellError } from '../../src/shell/shell.ts'
import { DependantsError } from '../../src/zfs/destruction.ts'
import { Zfs } from '../../src/zfs/zfs.ts'

const MiB = 1024 * 1024
const GiB = 1024 * MiB
const VOLUME = {
  dataset: 'tank/csi/v-1',
  sizeBytes: 64 * MiB,
  blockSizeBytes: 8192,
  reservation: 'thick',
  compression: 'off',
  properties: { 'ldom-csi:name': 'cHZj' },
} as const

function world(dialect: DialectName = 'solaris-11') {
  const host = new SimHost('storage', new Timeline())
  const pools = [{ name: 'tank', sizeBytes: 4 * GiB, dialect, datasets: ['tank/csi'] }]
  const sim = new SimZfs(host, {
    pools,
    createStore: size => new MemoryStore(size),
    nowMs: () => 1_000_000,
  })
  const answer = (text: Partial<SimAnswer>) => {
    host.timeline.rules.push(() => ({
      kind: 'answer',
      answer: { exitStatus: 0, stdout: '', stderr: '', ...text },
    }))
  }
  return {
    host,
    sim,
    zfs: new Zfs(new SimShell(host)),
    pool: sim.pool('tank'),
    answer,
    commands: () => host.timeline.commands.map(({ argv }) => argv.join(' ')),
  }
}

const DIALECTS: readonly DialectName[] = [
  'solaris-10',
  'solaris-11',
  'illumos',
  'openzfs-2.1',
  'openzfs-2.3',
]

describe.each(DIALECTS)('on %s', dialect => {
  test('a volume is made with everything it needs in one command, and read back', async () => {
    const { zfs, sim, commands } = world(dialect)
    await zfs.createVolume(VOLUME)
    expect(commands()).toEqual([
      '/usr/sbin/zfs create -b 8192 -V 67108864 -o compression=off -o ldom-csi:name=cHZj ' +
        'tank/csi/v-1',
    ])
    const found = await zfs.getProperties(
      ['type', 'volsize', 'volblocksize', 'ldom-csi:name'],
      ['tank/csi', 'tank/csi/v-1'],
    )
    expect(found.get('tank/csi/v-1')?.get('volsize')).toMatchObject({ value: '67108864' })
    expect(found.get('tank/csi/v-1')?.get('volblocksize')?.value).toBe('8192')
    expect(found.get('tank/csi/v-1')?.get('ldom-csi:name')).toEqual({
      value: 'cHZj',
      source: 'local',
    })
    expect(found.get('tank/csi')?.get('volsize')).toEqual({ value: '-', source: 'none' })
    expect(sim.store('tank/csi/v-1').sizeBytes).toBe(64 * MiB)
  })

  test('a second volume of a name is refused, whatever its size', async () => {
    const { zfs } = world(dialect)
    await zfs.createVolume(VOLUME)
    await expect(zfs.createVolume({ ...VOLUME, sizeBytes: GiB })).rejects.toMatchObject({
      kind: 'already-exists',
    })
  })

  test('a record is a file system that is never mounted', async () => {
    const { zfs, sim } = world(dialect)
    await zfs.createFilesystem({ dataset: 'tank/csi/a-1', properties: { 'ldom-csi:guest': 'bTE' } })
    expect(sim.dataset('tank/csi/a-1')?.local.get('canmount')).toBe('off')
    await expect(
      zfs.createFilesystem({ dataset: 'tank/csi/a-1', properties: {} }),
    ).rejects.toMatchObject({ kind: 'already-exists' })
  })

  test('a thick volume that does not fit finds no space, a thin one fits', async () => {
    const { zfs } = world(dialect)
    await expect(zfs.createVolume({ ...VOLUME, sizeBytes: 8 * GiB })).rejects.toMatchObject({
      kind: 'no-space',
    })
    await zfs.createVolume({ ...VOLUME, sizeBytes: 8 * GiB, reservation: 'thin' })
  })

  test('a volume under a parent that is not there waits for somebody to make the parent', async () => {
    await expect(
      world(dialect).zfs.createVolume({ ...VOLUME, dataset: 'tank/nope/v-1' }),
    ).rejects.toMatchObject({
      kind: 'failed-precondition',
    })
  })

  test('a volume grows, and its reservation with it', async () => {
    const { zfs, sim } = world(dialect)
    await zfs.createVolume(VOLUME)
    const before = Number(sim.dataset('tank/csi/v-1')?.local.get('refreservation'))
    await zfs.setProperty('tank/csi/v-1', ['volsize', String(128 * MiB)])
    expect(sim.store('tank/csi/v-1').sizeBytes).toBe(128 * MiB)
    expect(Number(sim.dataset('tank/csi/v-1')?.local.get('refreservation'))).toBeGreaterThan(
      before + 64 * MiB,
    )
    await expect(
      zfs.setProperty('tank/csi/v-1', ['volsize', String(64 * GiB)]),
    ).rejects.toMatchObject({ kind: 'no-space' })
  })

  test('destroying twice is destroying once', async () => {
    const { zfs, sim } = world(dialect)
    await zfs.createVolume(VOLUME)
    expect(await zfs.destroy(VOLUME.dataset)).toBe('destroyed')
    expect(await zfs.destroy(VOLUME.dataset)).toBe('absent')
    expect(sim.dataset(VOLUME.dataset)).toBeUndefined()
  })

  test('an open volume is busy', async () => {
    const { zfs, sim } = world(dialect)
    await zfs.createVolume(VOLUME)
    const close = sim.dataset(VOLUME.dataset)?.volume?.open('vds', false)
    await expect(zfs.destroy(VOLUME.dataset)).rejects.toMatchObject({ kind: 'busy' })
    close?.()
    expect(await zfs.destroy(VOLUME.dataset)).toBe('destroyed')
  })

  test('a volume with snapshots is not destroyed, and the snapshots are named', async () => {
    const { zfs } = world(dialect)
    await zfs.createVolume(VOLUME)
    await zfs.snapshot([`${VOLUME.dataset}@s-b`], { 'ldom-csi:name': 'cw' })
    await zfs.snapshot([`${VOLUME.dataset}@s-a`], {})
    const error: unknown = await zfs.destroy(VOLUME.dataset).catch(caught => caught)
    expect(error).toBeInstanceOf(DependantsError)
    expect(error).toMatchObject({
      kind: 'failed-precondition',
      relation: 'children',
      dependants: [`${VOLUME.dataset}@s-a`, `${VOLUME.dataset}@s-b`],
    })
  })

  test('a snapshot with a clone goes with the clone', async () => {
    const { zfs, sim } = world(dialect)
    await zfs.createVolume(VOLUME)
    await zfs.snapshot([`${VOLUME.dataset}@s`], {})
    await zfs.clone({
      snapshot: `${VOLUME.dataset}@s`,
      dataset: 'tank/csi/v-2',
      properties: { 'ldom-csi:name': 'Y2xvbmU' },
    })
    expect(await zfs.destroySnapshotDeferred(`${VOLUME.dataset}@s`)).toBe('accepted')
    expect(
      (await zfs.getSnapshots(['defer_destroy'], VOLUME.dataset))
        .get(`${VOLUME.dataset}@s`)
        ?.get('defer_destroy')?.value,
    ).toBe('on')
    await zfs.destroy('tank/csi/v-2')
    expect(sim.snapshot(`${VOLUME.dataset}@s`)).toBeUndefined()
    expect(await zfs.destroySnapshotDeferred(`${VOLUME.dataset}@s`)).toBe('absent')
  })

  test('a snapshot shows the properties of its volume as inherited', async () => {
    const { zfs } = world(dialect)
    await zfs.createVolume(VOLUME)
    await zfs.snapshot([`${VOLUME.dataset}@s`], { 'ldom-csi:state': 'bGl2ZQ' })
    const found = (await zfs.getSnapshots(['ldom-csi:name', 'ldom-csi:state'], VOLUME.dataset)).get(
      `${VOLUME.dataset}@s`,
    )
    expect(found?.get('ldom-csi:name')).toEqual({ value: 'cHZj', source: 'inherited' })
    expect(found?.get('ldom-csi:state')).toEqual({ value: 'bGl2ZQ', source: 'local' })
  })

  test('the children of a dataset are listed without itself, its snapshots and their children', async () => {
    const { zfs } = world(dialect)
    await zfs.createVolume(VOLUME)
    await zfs.createFilesystem({ dataset: 'tank/csi/a-1', properties: {} })
    await zfs.createFilesystem({ dataset: 'tank/csi/a-1/deep', properties: {} })
    await zfs.snapshot(['tank/csi@s'], {})
    await zfs.snapshot([`${VOLUME.dataset}@s`], {})
    expect([...(await zfs.getChildren(['type'], 'tank/csi')).keys()]).toEqual([
      'tank/csi/a-1',
      'tank/csi/v-1',
    ])
  })

  test('an inherited property is unset, twice as well as once', async () => {
    const { zfs, sim } = world(dialect)
    await zfs.createVolume(VOLUME)
    await zfs.inheritProperty(VOLUME.dataset, 'ldom-csi:name')
    await zfs.inheritProperty(VOLUME.dataset, 'ldom-csi:name')
    expect(sim.dataset(VOLUME.dataset)?.local.has('ldom-csi:name')).toBe(false)
  })

  test('a renamed volume keeps its bytes', async () => {
    const { zfs, sim } = world(dialect)
    await zfs.createVolume(VOLUME)
    sim.store(VOLUME.dataset).write(4096, Buffer.from('payload'))
    await zfs.rename(VOLUME.dataset, 'tank/csi/v-2')
    expect(sim.store('tank/csi/v-2').read(4096, 7).toString()).toBe('payload')
    await expect(zfs.rename('tank/csi/v-2', 'tank/csi')).rejects.toMatchObject({
      kind: 'already-exists',
    })
  })

  test('a dataset that is not there is missing from the answer, and only that one', async () => {
    const { zfs } = world(dialect)
    await zfs.createVolume(VOLUME)
    const found = await zfs.getProperties(
      ['type', 'ldom-csi:name'],
      ['tank/csi', 'tank/csi/v-1', 'tank/csi/v-2'],
    )
    expect([...found.keys()].sort()).toEqual(['tank/csi', 'tank/csi/v-1'])
  })

  test('a suspended pool is unavailable, never empty', async () => {
    const { zfs, pool } = world(dialect)
    pool.suspended = true
    await expect(zfs.getProperties(['type'], ['tank/csi', 'tank/csi/v-1'])).rejects.toMatchObject({
      kind: 'unavailable',
    })
    await expect(zfs.getChildren(['type'], 'tank/csi')).rejects.toMatchObject({
      kind: 'unavailable',
    })
    await expect(zfs.createVolume(VOLUME)).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(zfs.destroy('tank/csi/v-1')).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await zfs.poolHealth('tank')).toBe('SUSPENDED')
  })

  test(
    'a pool that is not imported is unavailable where something is to be made, and its ' +
      'parent is missing',
    async () => {
      const { zfs, pool } = world(dialect)
      pool.imported = false
      await expect(zfs.createVolume(VOLUME)).rejects.toMatchObject({ kind: 'unavailable' })
      await expect(zfs.poolHealth('tank')).rejects.toMatchObject({ kind: 'unavailable' })
      expect((await zfs.getProperties(['type'], ['tank/csi', 'tank/csi/v-1'])).size).toBe(0)
    },
  )

  test('an account without rights is told so', async () => {
    const { zfs, sim } = world(dialect)
    sim.denied = true
    await expect(zfs.createVolume(VOLUME)).rejects.toMatchObject({ kind: 'permission-denied' })
    await expect(zfs.destroy(VOLUME.dataset)).rejects.toMatchObject({ kind: 'permission-denied' })
  })

  test('a full pool refuses volumes and snapshots', async () => {
    const { zfs, pool } = world(dialect)
    await zfs.createVolume(VOLUME)
    pool.full = true
    await expect(
      zfs.createVolume({ ...VOLUME, dataset: 'tank/csi/v-2', reservation: 'thin' }),
    ).rejects.toMatchObject({ kind: 'no-space' })
    await expect(zfs.snapshot([`${VOLUME.dataset}@s`], {})).rejects.toMatchObject({
      kind: 'no-space',
    })
  })

  test('a login banner before the answer changes nothing', async () => {
    const { zfs, host } = world(dialect)
    host.banner = 'Welcome to storage1\tall access is logged\n\nlast login: never\n'
    await zfs.createVolume(VOLUME)
    expect(
      (await zfs.getProperties(['type'], [VOLUME.dataset])).get(VOLUME.dataset)?.get('type')?.value,
    ).toBe('volume')
    expect((await zfs.getChildren(['type'], 'tank/csi')).size).toBe(1)
    expect(await zfs.poolHealth('tank')).toBe('ONLINE')
  })
})

test('a clone can be larger than its snapshot', async () => {
  const { zfs, sim } = world('openzfs-2.3')
  await zfs.createVolume({ ...VOLUME, blockSizeBytes: 16384 })
  await zfs.snapshot([`${VOLUME.dataset}@s`], {})
  await zfs.clone({
    snapshot: `${VOLUME.dataset}@s`,
    dataset: 'tank/csi/v-2',
    properties: {},
    sizeBytes: 128 * MiB,
  })
  expect(sim.store('tank/csi/v-2').sizeBytes).toBe(128 * MiB)
})

test('a warning beside a success is no failure', async () => {
  const { zfs, sim, host } = world('openzfs-2.3')
  const said = await host.perform(['zfs', 'create', '-b', '8192', '-V', '8m', 'tank/csi/v-2'], '')
  expect(said).toMatchObject({
    answer: { exitStatus: 0, stderr: expect.stringContaining('Warning: volblocksize (8192)') },
  })
  await zfs.createVolume(VOLUME)
  expect(sim.dataset(VOLUME.dataset)?.kind).toBe('volume')
})

const LISTED = 'tank/csi\ttype\tfilesystem\t-\n'

test.each<{ name: string; answer: Partial<SimAnswer>; kind: string }>([
  {
    name: 'a record with three columns',
    answer: { stdout: 'tank/csi\ttype\tfilesystem\n' },
    kind: 'internal',
  },
  {
    name: 'columns divided by spaces',
    answer: { stdout: 'tank/csi type filesystem -\n' },
    kind: 'internal',
  },
  {
    name: 'an unknown source',
    answer: { stdout: 'tank/csi\ttype\tfilesystem\tsomewhere\n' },
    kind: 'internal',
  },
  { name: 'text after the last record', answer: { stdout: `${LISTED}logout\n` }, kind: 'internal' },
  { name: 'nothing at all', answer: {}, kind: 'internal' },
  {
    name: 'another complaint beside an absence',
    answer: {
      exitStatus: 1,
      stdout: LISTED,
      stderr: "cannot open 'tank/csi': dataset does not exist\nsomething else\n",
    },
    kind: 'internal',
  },
  {
    name: 'an absence that was not asked for',
    answer: { exitStatus: 1, stderr: "cannot open 'tank/other': dataset does not exist\n" },
    kind: 'not-found',
  },
  {
    name: 'a missing program',
    answer: { exitStatus: 127, stderr: 'sh: /usr/sbin/zfs: not found\n' },
    kind: 'failed-precondition',
  },
  { name: 'a status without words', answer: { exitStatus: 1 }, kind: 'internal' },
])('$name is an error, never an absence', async ({ answer: given, kind }) => {
  const { zfs, answer } = world()
  answer(given)
  await expect(zfs.getProperties(['type'], ['tank/csi'])).rejects.toMatchObject({ kind })
})

test('an answer that lost its end is an error', async () => {
  const { zfs, answer } = world()
  answer({ stdout: 'tank/csi\ttype\tfilesystem\t-\n' })
  await expect(zfs.getProperties(['type', 'used'], ['tank/csi'])).rejects.toMatchObject({
    kind: 'internal',
  })
  await expect(zfs.getProperties(['type'], ['tank/csi', 'tank/csi/v-1'])).rejects.toMatchObject({
    kind: 'internal',
  })
})

test('a cut command passes through as it is', async () => {
  const { zfs, host } = world()
  host.timeline.rules.push(() => ({ kind: 'cut-before' }))
  await expect(zfs.createVolume(VOLUME)).rejects.toBeInstanceOf(ShellError)
})

test('nothing asked is nothing run', async () => {
  const { zfs, commands } = world()
  expect((await zfs.getProperties(['type'], [])).size).toBe(0)
  expect(commands()).toEqual([])
})

test.each<[string, (zfs: Zfs) => Promise<unknown>]>([
  ['a pool', zfs => zfs.destroy('tank')],
  ['a snapshot where a dataset is meant', zfs => zfs.destroy('tank/csi/v-1@s')],
  ['a range of snapshots', zfs => zfs.destroySnapshotDeferred('tank/csi/v-1@a%b')],
  ['several snapshots', zfs => zfs.destroySnapshotDeferred('tank/csi/v-1@a,b')],
  ['a dataset where a snapshot is meant', zfs => zfs.destroySnapshotDeferred('tank/csi/v-1')],
  ['an option for a name', zfs => zfs.destroy('-r/x')],
  [
    'an empty property',
    zfs => zfs.createVolume({ ...VOLUME, properties: { 'ldom-csi:name': '' } }),
  ],
])('%s is never handed to zfs', async (_, work) => {
  const { zfs, commands } = world()
  const error: unknown = await work(zfs).catch(caught => caught)
  expect(error).toBeInstanceOf(Error)
  expect(isStorageError(error)).toBe(false)
  expect(commands()).toEqual([])
})

test('an unknown failure names the object, the command and the first line', async () => {
  const { zfs, answer } = world()
  answer({ exitStatus: 1, stderr: 'cannot frobnicate\nmore\n' })
  const error: unknown = await zfs
    .setProperty('tank/csi/v-1', ['sync', 'always'])
    .catch(caught => caught)
  expect(error).toBeInstanceOf(StorageError)
  expect(String(error)).toContain(
    'tank/csi/v-1: /usr/sbin/zfs set sync=always tank/csi/v-1 ended with status 1: cannot ' +
      'frobnicate',
  )
})

test('what lists a whole pool is given five minutes, and less where the caller says so', async () => {
  const given: (number | undefined)[] = []
  const zfs = new Zfs({
    run: async ([, command], { timeoutMs }) => {
      given.push(timeoutMs)
      const stdout = command === 'get' ? 'tank/csi\ttype\tfilesystem\t-\n' : 'tank/csi\n'
      return { exitStatus: 0, stdout, stderr: '', durationMs: 0 }
    },
  })
  await zfs.listDescendants('tank/csi')
  await zfs.listGrandchildren('tank/csi', {})
  await zfs.getChildren(['type'], 'tank/csi')
  await zfs.getSnapshots(['type'], 'tank/csi')
  await zfs.listValues([], 'tank/csi', {})
  await zfs.listValues([], 'tank/csi', { timeoutMs: 5_000 })
  expect(given).toEqual([300_000, 300_000, 300_000, 300_000, 300_000, 5_000])
})
