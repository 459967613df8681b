// stmfadm as the driver uses it, on a simulated storage host: what is offered, to whom, and what a
// refusal means.

import { SimComstar } from '../../sim/comstar/sim-comstar.ts'
import { type SimAnswer, SimHost, Timeline } from '../../sim/host.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { MemoryStore } from '../../sim/store.ts'
import type { DialectName } from '../../sim/zfs/dialects.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'
import { LunTakenError, Stmfadm } from '../../src/comstar/stmfadm.ts'
import { isStorageError } from '../../src/errors.ts'
import { Zfs } from '../../src/zfs/zfs.ts'

const MiB = 1024 * 1024
const GUID = '600144F0123456789ABCDEF012345678'
const OTHER = '600144F0123456789ABCDEF012345679'
const UNIT = { guid: GUID, alias: 'v-1', dataFile: '/dev/zvol/rdsk/tank/csi/v-1' }
const VIEW = { guid: GUID, hostGroup: 'csi-m1', targetGroup: 'csi-tg', lun: 7 }

async function world(dialect: DialectName = 'solaris-11') {
  const host = new SimHost('storage', new Timeline())
  const pools = [{ name: 'tank', sizeBytes: 1024 * MiB, dialect, datasets: ['tank/csi'] }]
  const sim = new SimZfs(host, {
    pools,
    createStore: size => new MemoryStore(size),
    nowMs: () => 0,
  })
  const comstar = new SimComstar(host, {
    zfs: sim,
    target: 'iqn.target',
    targetGroup: 'csi-tg',
    hostGroups: { 'csi-m1': ['iqn.sd1', 'iqn.sd2'], 'csi-m2': ['iqn.sd3'] },
    nowMs: () => 0,
  })
  const zfs = new Zfs(new SimShell(host))
  for (const leaf of ['v-1', 'v-2']) {
    const volume = {
      dataset: `tank/csi/${leaf}`,
      sizeBytes: 8 * MiB,
      blockSizeBytes: 8192,
      reservation: 'thin',
      compression: 'off',
      properties: {},
    } as const
    await zfs.createVolume(volume)
  }
  const answer = (text: Partial<SimAnswer>) => {
    host.timeline.rules.push(() => ({
      kind: 'answer',
      answer: { exitStatus: 0, stdout: '', stderr: '', ...text },
    }))
  }
  return { host, sim, comstar, zfs, stmfadm: new Stmfadm(new SimShell(host)), answer }
}

test.each<DialectName>(['solaris-11', 'illumos'])(
  'on %s a unit is made without write cache, shown, and found in either case',
  async dialect => {
    const { stmfadm } = await world(dialect)
    await stmfadm.createLogicalUnit(UNIT)
    await stmfadm.addView(VIEW)
    const unit = await stmfadm.findLogicalUnit(GUID.toLowerCase())
    expect(unit).toEqual({
      guid: GUID,
      status: 'Online',
      dataFile: UNIT.dataFile,
      alias: 'v-1',
      sizeBytes: 8 * MiB,
      writeCacheEnabled: false,
      viewCount: 1,
      registered: true,
    })
    expect(await stmfadm.listViews(GUID)).toEqual([
      { entry: 0, hostGroup: 'csi-m1', targetGroup: 'csi-tg', lun: 7 },
    ])
  },
)

test('a device that is offered already and a GUID that is taken are told apart', async () => {
  const { stmfadm } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  await expect(stmfadm.createLogicalUnit({ ...UNIT, guid: OTHER })).rejects.toMatchObject({
    kind: 'already-exists',
  })
  await expect(
    stmfadm.createLogicalUnit({ ...UNIT, dataFile: '/dev/zvol/rdsk/tank/csi/v-2' }),
  ).rejects.toMatchObject({ kind: 'in-use' })
})

test.each([
  [
    'a device that is not there',
    { ...UNIT, dataFile: '/dev/zvol/rdsk/tank/csi/v-9' },
    'failed-precondition',
  ],
  ['a GUID of another length', { ...UNIT, guid: '600144F0' }, 'invalid-argument'],
])('%s makes no unit', async (_, unit, kind) => {
  const { stmfadm, comstar } = await world()
  await expect(stmfadm.createLogicalUnit(unit)).rejects.toMatchObject({ kind })
  expect(comstar.units()).toEqual([])
})

test('a volume that somebody has open is busy, and an offered volume cannot be destroyed', async () => {
  const { stmfadm, sim, zfs } = await world()
  const close = sim.dataset('tank/csi/v-1')?.volume?.open('vds', false)
  await expect(stmfadm.createLogicalUnit(UNIT)).rejects.toMatchObject({ kind: 'busy' })
  close?.()
  await stmfadm.createLogicalUnit(UNIT)
  await expect(zfs.destroy('tank/csi/v-1')).rejects.toMatchObject({ kind: 'busy' })
  await stmfadm.deleteLogicalUnit(GUID)
  expect(await zfs.destroy('tank/csi/v-1')).toBe('destroyed')
})

test('a unit that is not there is no unit, no views, and deleted', async () => {
  const { stmfadm } = await world()
  expect(await stmfadm.findLogicalUnit(GUID)).toBeUndefined()
  expect(await stmfadm.listViews(GUID)).toEqual([])
  expect(await stmfadm.removeView(GUID, 0)).toBe('absent')
  expect(await stmfadm.deleteLogicalUnit(GUID)).toBe('absent')
  expect(await stmfadm.listLogicalUnits()).toEqual([])
  await expect(stmfadm.listLogicalUnits(GUID)).rejects.toMatchObject({ kind: 'not-found' })
})

test('with the service off every question is unavailable, none answers "not there"', async () => {
  const { stmfadm, comstar } = await world()
  comstar.serviceOnline = false
  for (const question of [
    stmfadm.findLogicalUnit(GUID),
    stmfadm.listViews(GUID),
    stmfadm.deleteLogicalUnit(GUID),
    stmfadm.listLogicalUnits(),
  ]) {
    await expect(question).rejects.toMatchObject({ kind: 'unavailable' })
  }
  expect(await stmfadm.state()).toEqual({ operational: 'offline', configuration: 'uninitialized' })
})

test.each([
  ['STMF service not found', 'stmfadm: STMF service not found\n', 1, 'unavailable'],
  ['a missing program', 'sh: /usr/sbin/stmfadm: not found\n', 127, 'failed-precondition'],
  ['another unit that is not there', `stmfadm: ${OTHER}: not found\n`, 1, 'not-found'],
  ['unknown words', 'stmfadm: something new\n', 1, 'internal'],
])('%s is no answer about a unit', async (_, stderr, exitStatus, kind) => {
  const { stmfadm, answer } = await world()
  answer({ stderr, exitStatus })
  await expect(stmfadm.findLogicalUnit(GUID)).rejects.toMatchObject({ kind })
  await expect(stmfadm.listViews(GUID)).rejects.toMatchObject({ kind })
})

test('a success that says nothing of the unit is an error', async () => {
  const { stmfadm, answer } = await world()
  answer({ stderr: 'stmfadm: 6001: must be 32 hexadecimal digits long\n' })
  await expect(stmfadm.findLogicalUnit(GUID)).rejects.toMatchObject({ kind: 'internal' })
  await expect(stmfadm.listViews(GUID)).rejects.toMatchObject({ kind: 'internal' })
})

test('a taken number is told apart from a view that exists', async () => {
  const { stmfadm } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  await stmfadm.createLogicalUnit({
    guid: OTHER,
    alias: 'v-2',
    dataFile: '/dev/zvol/rdsk/tank/csi/v-2',
  })
  await stmfadm.addView(VIEW)
  await expect(stmfadm.addView({ ...VIEW, guid: OTHER })).rejects.toBeInstanceOf(LunTakenError)
  await expect(stmfadm.addView({ ...VIEW, lun: 8 })).rejects.toMatchObject({
    kind: 'already-exists',
  })
  await stmfadm.addView({ ...VIEW, guid: OTHER, hostGroup: 'csi-m2' })
})

test('a group that nobody made is a precondition', async () => {
  const { stmfadm } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  await expect(stmfadm.addView({ ...VIEW, hostGroup: 'nope' })).rejects.toMatchObject({
    kind: 'failed-precondition',
  })
  await expect(stmfadm.addView({ ...VIEW, targetGroup: 'nope' })).rejects.toMatchObject({
    kind: 'failed-precondition',
  })
})

test.each([0, 16384, 1.5, Number.NaN])('LUN %d is never asked for', async lun => {
  const { stmfadm, comstar } = await world()
  const error: unknown = await stmfadm.addView({ ...VIEW, lun }).catch(caught => caught)
  expect(error).toBeInstanceOf(Error)
  expect(isStorageError(error)).toBe(false)
  expect(comstar.views()).toEqual([])
})

test('a view is removed once', async () => {
  const { stmfadm } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  await stmfadm.addView(VIEW)
  expect(await stmfadm.removeView(GUID, 0)).toBe('removed')
  expect(await stmfadm.removeView(GUID, 0)).toBe('absent')
})

test('a busy deletion has dropped the views already, and the same call again finishes', async () => {
  const { stmfadm, comstar } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  await stmfadm.addView(VIEW)
  comstar.busy = 1
  await expect(stmfadm.deleteLogicalUnit(GUID)).rejects.toMatchObject({ kind: 'busy' })
  expect(comstar.views()).toEqual([])
  expect(comstar.units()).toHaveLength(1)
  expect(await stmfadm.deleteLogicalUnit(GUID)).toBe('deleted')
})

test('a unit grows with its volume', async () => {
  const { stmfadm, zfs } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  await zfs.setProperty('tank/csi/v-1', ['volsize', String(16 * MiB)])
  expect((await stmfadm.findLogicalUnit(GUID))?.sizeBytes).toBe(8 * MiB)
  await stmfadm.modifySize(GUID, 16 * MiB)
  expect((await stmfadm.findLogicalUnit(GUID))?.sizeBytes).toBe(16 * MiB)
})

test(
  'a storage host that started without its pool remembers units by their views, until they ' +
    'are imported',
  async () => {
    const { stmfadm, comstar, sim } = await world()
    await stmfadm.createLogicalUnit(UNIT)
    await stmfadm.addView(VIEW)
    sim.pool('tank').imported = false
    comstar.restart()
    sim.pool('tank').imported = true
    expect(await stmfadm.findLogicalUnit(GUID)).toMatchObject({
      status: 'unregistered',
      registered: false,
      viewCount: 1,
    })
    await stmfadm.importLogicalUnit(UNIT.dataFile)
    expect(await stmfadm.findLogicalUnit(GUID)).toMatchObject({
      registered: true,
      dataFile: UNIT.dataFile,
      sizeBytes: 8 * MiB,
      viewCount: 1,
    })
  },
)

test('a storage host that starts with its pool has its units back', async () => {
  const { stmfadm, comstar } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  comstar.restart()
  expect(await stmfadm.findLogicalUnit(GUID)).toMatchObject({ registered: true, status: 'Online' })
})

test('a clone does not carry the unit of its origin', async () => {
  const { stmfadm, zfs } = await world()
  await stmfadm.createLogicalUnit(UNIT)
  await zfs.snapshot(['tank/csi/v-1@s'], {})
  await zfs.clone({ snapshot: 'tank/csi/v-1@s', dataset: 'tank/csi/c', properties: {} })
  expect(await stmfadm.importLogicalUnit('/dev/zvol/rdsk/tank/csi/c')).toBe('no-metadata')
})

test('a login banner changes nothing', async () => {
  const { stmfadm, host } = await world()
  host.banner = 'Oracle Corporation: authorised use only\n\n'
  await stmfadm.createLogicalUnit(UNIT)
  await stmfadm.addView(VIEW)
  expect((await stmfadm.findLogicalUnit(GUID))?.viewCount).toBe(1)
  expect(await stmfadm.listViews(GUID)).toHaveLength(1)
  expect(await stmfadm.state()).toEqual({ operational: 'online', configuration: 'initialized' })
})

test.each([
  [
    'a listing without size',
    `LU Name: ${GUID}\n    Operational Status: Online\n    View Entry Count  : 0\n    Data File ` +
      '        : /d\n    Writeback Cache   : Disabled\n',
  ],
  [
    'a cache in an unknown state',
    `LU Name: ${GUID}\n    Operational Status: Online\n    View Entry Count  : 0\n    Data File ` +
      '        : /d\n    Size              : 1\n    Writeback Cache   : Perhaps\n',
  ],
  ['a line that is no pair', `LU Name: ${GUID}\n    Operational Status: Online\nbroken\n`],
])('%s is an error', async (_, stdout) => {
  const { stmfadm, answer } = await world()
  answer({ stdout })
  await expect(stmfadm.findLogicalUnit(GUID)).rejects.toMatchObject({ kind: 'internal' })
})
