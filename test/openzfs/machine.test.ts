// The storage host of these tests is what it claims to be: the real tools, data that outlives a
// power failure, a driver's SSH server that can be taken away while the tests keep their own.

import { createHash, randomBytes } from 'node:crypto'
import { runThrough } from '../support/machines/access.ts'
import type { StorageMachine } from './machine.ts'
import { ownMachine, testedVersion } from './shared.ts'

let machine: StorageMachine

beforeAll(async () => {
  machine = await ownMachine('machine')
  await machine.boot()
  await machine.createPool('tank', 'virtio-disk0')
})

afterAll(() => machine.remove())

/** As the driver reaches it. */
const ssh = (user: 'root' | 'csi', line: string) => runThrough(machine.access(user), line)

test('its OpenZFS is the version that was asked for, in the tool and in the kernel', async () => {
  const version = await machine.succeed('zfs version')

  expect(version).toMatch(new RegExp(`^zfs-${testedVersion()}.*\\nzfs-kmod-${testedVersion()}`))
})

test('what was written and flushed is there after a power failure', async () => {
  const bytes = randomBytes(4 * 1024 ** 2)
  await machine.succeed('zfs create -V 64M tank/kept && udevadm settle')
  const write = 'base64 -d | dd of=/dev/zvol/tank/kept bs=1M conv=fsync'
  await machine.succeed(write, bytes.toString('base64'))

  await machine.kill()
  await expect(machine.root('true')).resolves.toMatchObject({ status: 255 })
  await machine.boot()

  const read = await machine.succeed('dd if=/dev/zvol/tank/kept bs=1M count=4 | sha256sum')
  expect(read.split(' ')[0]).toBe(createHash('sha256').update(bytes).digest('hex'))
  expect(await machine.succeed('zpool status -x')).toBe('all pools are healthy\n')
})

test('a machine that is switched off has exported its pools, and imports them again', async () => {
  await machine.succeed('zfs create tank/there')

  await machine.stop()
  await machine.boot()

  expect(await machine.succeed('zfs list -H -o name tank/there')).toBe('tank/there\n')
})

test('root and the ordinary user log in, and only root may make datasets', async () => {
  expect(await ssh('root', 'id -un')).toBe('root\n')
  expect(await ssh('csi', 'id -un && /sbin/zfs list -H -o name tank')).toBe('csi\ntank\n')
  await expect(ssh('csi', '/sbin/zfs create -V 8M tank/refused')).rejects.toThrow(
    /permission denied/,
  )
})

test('while the SSH server of the driver is away, the tests still reach the machine', async () => {
  await machine.stopSshd()

  await expect(ssh('root', 'true')).rejects.toThrow()
  expect(await machine.root('echo here')).toEqual({ status: 0, stdout: 'here\n', stderr: '' })

  await machine.startSshd()
  await expect(ssh('root', 'echo back')).resolves.toBe('back\n')
})

test('the status and both outputs of a command are told apart', async () => {
  expect(await machine.root('echo out; echo err >&2; exit 3')).toEqual({
    status: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  })
})
