// The Xen host of these tests is what it claims to be: the real tools, guests of both kinds with
// disks that really come and go, and data that outlives a power failure.

import { createHash, randomBytes } from 'node:crypto'
import { runThrough } from '../support/machines/access.ts'
import { ADDRESSES, DOMAINS, GUESTS } from './domains.ts'
import type { XenHost } from './machine.ts'
import { hostWithGuests } from './shared.ts'

const MEBIBYTE = 1024 ** 2

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
/** Prints the checksum of the first mebibytes. */
const sumOf = (device: string, mebibytes: number) =>
  `dd if=${device} bs=1M count=${mebibytes} 2>/dev/null | sha256sum | cut -d' ' -f1`

let host: XenHost

beforeAll(async () => {
  host = await hostWithGuests(...GUESTS)
})

afterAll(() => host?.root('zfs destroy -R tank/machine'))

test('the hypervisor is Xen 4.17, and OpenZFS is 2.1 in the tool and in the kernel', async () => {
  expect(await host.succeed('xl info')).toMatch(/^xen_version +: 4\.17\.\d+$/m)
  expect(await host.succeed('cat /proc/xen/capabilities')).toContain('control_d')
  expect(await host.succeed('zfs version')).toMatch(/^zfs-2\.1\..*\nzfs-kmod-2\.1\./)
})

test.each([
  { name: 'web', type: 'PV' },
  { name: 'db', type: 'PV' },
  { name: 'pvh', type: 'PVH' },
] as const)('$name is a guest of the kind $type, with Linux 6.1 and without a disk', async row => {
  const guest = host.guest(row.name)

  expect(await guest.succeed('cat /sys/hypervisor/type /sys/hypervisor/guest_type')).toBe(
    `xen\n${row.type}\n`,
  )
  expect(await guest.succeed('uname -r')).toMatch(/^6\.1\./)
  expect(await guest.succeed('lsblk -n -o NAME')).toBe('')
})

test.each(DOMAINS)('the driver logs in to %s as root', async domain => {
  expect(await runThrough(host.access(domain), 'hostname; id -un')).toBe(`${domain}\nroot\n`)
})

test('every domain has the address by which QEMU reaches it', async () => {
  for (const domain of DOMAINS) {
    const addresses = await host.succeed('ip -o -4 addr show', '', domain)
    expect(addresses).toContain(` ${ADDRESSES[domain]}/24 `)
  }
})

test('the status and both outputs of a command in a guest are told apart', async () => {
  expect(await host.guest('web').root('echo out; echo err >&2; exit 3')).toEqual({
    status: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  })
})

test('a zvol that xl attaches is a disk of the guest with the same bytes, until it is detached', async () => {
  const guest = host.guest('web')
  const bytes = randomBytes(MEBIBYTE)
  await host.succeed('zfs create -p -V 64M tank/machine/seen && udevadm settle')
  await host.succeed(
    'base64 -d | dd of=/dev/zvol/tank/machine/seen conv=fsync',
    bytes.toString('base64'),
  )
  await host.succeed('xl block-attach web /dev/zvol/tank/machine/seen,raw,xvdq,ro')

  expect(await guest.succeed('blockdev --getsize64 /dev/xvdq')).toBe(`${64 * MEBIBYTE}\n`)
  expect(await guest.succeed(sumOf('/dev/xvdq', 1))).toBe(`${sha256(bytes)}\n`)
  await host.succeed('xl block-detach web xvdq')
  expect(await guest.succeed('lsblk -n -o NAME')).toBe('')
})

test('a guest that reboots has started its kernel anew', async () => {
  const guest = host.guest('pvh')
  const before = await guest.bootId()

  await guest.reboot()

  expect(await guest.bootId()).not.toBe(before)
})

test('a guest that is destroyed answers no more, and is created again', async () => {
  const guest = host.guest('db')

  await guest.destroy()
  expect(await guest.isRunning()).toBe(false)
  expect(await guest.root('true')).toMatchObject({ status: 255 })

  await guest.create()
  expect(await guest.succeed('hostname')).toBe('db\n')
})

test('what was flushed is there after a power failure, and no guest starts by itself', async () => {
  const bytes = randomBytes(4 * MEBIBYTE)
  await host.succeed('zfs create -p -V 64M tank/machine/kept && udevadm settle')
  await host.succeed(
    'base64 -d | dd of=/dev/zvol/tank/machine/kept bs=1M conv=fsync',
    bytes.toString('base64'),
  )

  await host.kill()
  expect(await host.root('true')).toMatchObject({ status: 255 })
  await host.boot()

  const read = await host.succeed(sumOf('/dev/zvol/tank/machine/kept', 4))
  expect(read).toBe(`${sha256(bytes)}\n`)
  expect(await host.succeed('zpool status -x')).toBe('all pools are healthy\n')
  for (const name of GUESTS) expect(await host.guest(name).isRunning()).toBe(false)
})

test('a host that is switched off has exported its pools, and imports them again', async () => {
  await host.guest('web').create()
  await host.succeed('zfs create -p tank/machine/there')

  await host.stop()
  expect(host.isRunning).toBe(false)
  await host.boot()

  expect(await host.succeed('zfs list -H -o name tank/machine/there')).toBe('tank/machine/there\n')
})
