// What the simulated ZFS promises to the tests above it: real bytes, honest space, device nodes.

import { DeviceError } from '../../sim/devices.ts'
import { SimHost, Timeline } from '../../sim/host.ts'
import { MemoryStore } from '../../sim/store.ts'
import type { DialectName } from '../../sim/zfs/dialects.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'

const MiB = 1024 * 1024

function world(dialect: DialectName = 'solaris-11', sizeMiB = 100) {
  const host = new SimHost('storage', new Timeline())
  const clock = { nowMs: 0 }
  const pools = [{ name: 'tank', sizeBytes: sizeMiB * MiB, dialect, datasets: ['tank/csi'] }]
  const zfs = new SimZfs(host, {
    pools,
    createStore: size => new MemoryStore(size),
    nowMs: () => clock.nowMs,
  })
  const run = async (line: string) => {
    const outcome = await host.perform(line.split(' '), '')
    if (outcome.kind !== 'exit') throw new Error(outcome.kind)
    return outcome.answer
  }
  const device = (path: string) => {
    const found = host.device(path)
    if (found === undefined) throw new Error(`no ${path}`)
    return found
  }
  const available = async () =>
    Number((await run('zfs get -Hp -o value available tank/csi')).stdout)
  return { host, zfs, clock, run, device, available }
}

test('a clone shows what its snapshot held, not what was written since', async () => {
  const { run, device } = world()
  await run('zfs create -s -V 8m tank/csi/v')
  device('/dev/zvol/dsk/tank/csi/v').write(1000, Buffer.from('before'))
  await run('zfs snapshot tank/csi/v@s')
  device('/dev/zvol/dsk/tank/csi/v').write(1000, Buffer.from('after!'))
  await run('zfs clone tank/csi/v@s tank/csi/c')
  expect(device('/dev/zvol/rdsk/tank/csi/c').read(1000, 6).toString()).toBe('before')
  device('/dev/zvol/dsk/tank/csi/c').write(1000, Buffer.from('cloned'))
  expect(device('/dev/zvol/dsk/tank/csi/v').read(1000, 6).toString()).toBe('after!')
})

test('written blocks count once, however many snapshots share them', async () => {
  const { run, device, available } = world()
  await run('zfs create -s -V 32m -b 8k tank/csi/v')
  const before = await available()
  device('/dev/zvol/dsk/tank/csi/v').write(0, Buffer.alloc(4 * MiB, 1))
  expect(before - (await available())).toBe(4 * MiB)
  await run('zfs snapshot tank/csi/v@a')
  await run('zfs snapshot tank/csi/v@b')
  expect(before - (await available())).toBe(4 * MiB)
  device('/dev/zvol/dsk/tank/csi/v').write(0, Buffer.alloc(MiB, 2))
  expect(before - (await available())).toBeGreaterThanOrEqual(5 * MiB)
})

test('a thick volume keeps its room while thin ones fill the pool', async () => {
  const { run, device } = world()
  await run('zfs create -V 20m -b 8k tank/csi/thick')
  await run('zfs create -s -V 1g -b 8k tank/csi/thin')
  const thin = device('/dev/zvol/dsk/tank/csi/thin')
  const fill = () => {
    for (let at = 0; at < 1024; at++) thin.write(at * MiB, Buffer.alloc(MiB, 7))
  }
  expect(fill).toThrow(DeviceError)
  device('/dev/zvol/dsk/tank/csi/thick').write(0, Buffer.alloc(20 * MiB, 1))
})

test('growing keeps the bytes, shrinking cuts them without a question', async () => {
  const { run, device } = world()
  await run('zfs create -s -V 8m tank/csi/v')
  device('/dev/zvol/dsk/tank/csi/v').write(0, Buffer.from('head'))
  device('/dev/zvol/dsk/tank/csi/v').write(6 * MiB, Buffer.from('tail'))
  await run('zfs set volsize=16m tank/csi/v')
  expect(device('/dev/zvol/dsk/tank/csi/v').sizeBytes).toBe(16 * MiB)
  expect(
    device('/dev/zvol/dsk/tank/csi/v')
      .read(6 * MiB, 4)
      .toString(),
  ).toBe('tail')
  await run('zfs set volsize=4m tank/csi/v')
  await run('zfs set volsize=8m tank/csi/v')
  expect(device('/dev/zvol/dsk/tank/csi/v').read(0, 4).toString()).toBe('head')
  expect(device('/dev/zvol/dsk/tank/csi/v').read(6 * MiB, 4)).toEqual(Buffer.alloc(4))
})

test('on Linux the node comes after the command', async () => {
  const { run, host, clock } = world('openzfs-2.3')
  await run('zfs create -s -V 8m tank/csi/v')
  expect(host.device('/dev/zvol/tank/csi/v')).toBeUndefined()
  clock.nowMs += 300
  expect(host.device('/dev/zvol/tank/csi/v')?.sizeBytes).toBe(8 * MiB)
  expect(host.device('/dev/zvol/dsk/tank/csi/v')).toBeUndefined()
})

test('an exclusive holder tolerates no other', async () => {
  const { run, device } = world()
  await run('zfs create -s -V 8m tank/csi/v')
  const close = device('/dev/zvol/rdsk/tank/csi/v').open('stmf', true)
  expect(() => device('/dev/zvol/dsk/tank/csi/v').open('vds')).toThrow(DeviceError)
  close()
  device('/dev/zvol/dsk/tank/csi/v').open('vds')
  expect(() => device('/dev/zvol/dsk/tank/csi/v').open('stmf', true)).toThrow(DeviceError)
})

test('a listing that names nothing leaves a suspended pool out without a word', async () => {
  const { run, zfs } = world()
  zfs.pool('tank').suspended = true
  expect(await run('zfs list -H -o name')).toEqual({ exitStatus: 0, stdout: '', stderr: '' })
})

test.each([
  'zfs send tank/csi@s',
  'zfs create -V 8m -n tank/csi/v',
  'zpool destroy tank',
  'zfs inherit -r foo:bar tank/csi',
])('what is not simulated fails: %s', async line => {
  const { exitStatus, stderr } = await world('openzfs-2.3').run(line)
  expect(exitStatus).toBe(1)
  expect(stderr).toMatch(/^ldom-sim: .* is not simulated\n$/)
})

test('people get a table', async () => {
  const { run } = world()
  await run('zfs create -s -V 8m tank/csi/v')
  expect((await run('zfs list -o name,volsize,origin tank/csi/v')).stdout).toBe(
    'NAME        VOLSIZE  ORIGIN\ntank/csi/v       8M  -\n',
  )
})
