// The initiator's side of a logical unit, on simulated hosts: when its device is there, whose bytes
// it shows, and what is no answer.

import { SimComstar } from '../../sim/comstar/sim-comstar.ts'
import { SimInitiator } from '../../sim/comstar/sim-initiator.ts'
import { type SimAnswer, SimHost, Timeline } from '../../sim/host.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { MemoryStore } from '../../sim/store.ts'
import { SimZfs } from '../../sim/zfs/sim-zfs.ts'
import { isStorageError } from '../../src/errors.ts'
import { DeviceTree, parseDescription } from '../../src/iscsi/devices.ts'
import { Iscsiadm } from '../../src/iscsi/iscsiadm.ts'

const MiB = 1024 * 1024
const GUID = '600144F0123456789ABCDEF012345678'
const TARGET = 'iqn.2026-11.io.example:gold'

async function world() {
  const timeline = new Timeline()
  const storage = new SimHost('storage', timeline)
  const pools = [
    { name: 'tank', sizeBytes: 1024 * MiB, dialect: 'solaris-11' as const, datasets: [] },
  ]
  const zfs = new SimZfs(storage, {
    pools,
    createStore: size => new MemoryStore(size),
    nowMs: () => 0,
  })
  const options = {
    zfs,
    target: TARGET,
    targetGroup: 'tg',
    hostGroups: { m1: ['iqn.sd1', 'iqn.sd2'] },
    nowMs: () => 0,
  }
  const comstar = new SimComstar(storage, options)
  const domain = (name: string, controller: number) => {
    const host = new SimHost(name, timeline)
    const initiator = new SimInitiator(host, { iqn: `iqn.${name}`, controller, targets: [comstar] })
    return {
      host,
      initiator,
      iscsiadm: new Iscsiadm(new SimShell(host)),
      devices: new DeviceTree(new SimShell(host)),
    }
  }
  const run = async (line: string) => {
    const outcome = await storage.perform(line.split(' '), '')
    if (outcome.kind !== 'exit' || outcome.answer.exitStatus !== 0) {
      throw new Error(`${line}: ${JSON.stringify(outcome)}`)
    }
  }
  await run('zfs create -V 8m tank/v')
  await run(`stmfadm create-lu -p guid=${GUID} -p wcd=true /dev/zvol/rdsk/tank/v`)
  const answer = (text: Partial<SimAnswer>) => {
    timeline.rules.push(() => ({
      kind: 'answer',
      answer: { exitStatus: 0, stdout: '', stderr: '', ...text },
    }))
  }
  return {
    storage,
    comstar,
    zfs,
    sd1: domain('sd1', 0),
    sd2: domain('sd2', 3),
    run,
    answer,
    show: () => run(`stmfadm add-view -h m1 -t tg -n 7 ${GUID}`),
  }
}

test('a unit has a device after its view and an enumeration, under the controller of each domain', async () => {
  const { sd1, sd2, show } = await world()
  expect(await sd1.iscsiadm.listTarget(TARGET)).toEqual({ connections: 1, luns: [] })
  await show()
  for (const { iscsiadm, devices } of [sd1, sd2]) {
    await devices.enumerate()
    expect((await iscsiadm.listTarget(TARGET))?.connections).toBe(1)
  }
  expect((await sd1.iscsiadm.listTarget(TARGET))?.luns).toEqual([
    { lun: 7, device: `/dev/rdsk/c0t${GUID}d0s2` },
  ])
  expect((await sd2.iscsiadm.listTarget(TARGET))?.luns).toEqual([
    { lun: 7, device: `/dev/rdsk/c3t${GUID}d0s2` },
  ])
  expect(await sd1.devices.exists(`/dev/dsk/c0t${GUID}d0s2`)).toBe(true)
  expect(await sd1.devices.exists(`/dev/dsk/c3t${GUID}d0s2`)).toBe(false)
})

test('a unit without a node yet has no device', async () => {
  const { sd1, show } = await world()
  sd1.initiator.slowEnumerations = 1
  await show()
  await sd1.devices.enumerate()
  expect((await sd1.iscsiadm.listTarget(TARGET))?.luns).toEqual([{ lun: 7, device: undefined }])
  await sd1.devices.enumerate()
  expect((await sd1.iscsiadm.listTarget(TARGET))?.luns[0]?.device).toBeDefined()
})

test('a disk tells its size, also after it grew', async () => {
  const { sd1, show, run } = await world()
  await show()
  await sd1.devices.enumerate()
  expect(await sd1.devices.describe(`c0t${GUID}d0`)).toEqual({
    sizeBytes: 8 * MiB,
    vendor: 'SUN',
    product: 'COMSTAR',
    serial: '',
  })
  await run('zfs set volsize=16m tank/v')
  await run(`stmfadm modify-lu -s ${16 * MiB} ${GUID}`)
  expect((await sd1.devices.describe(`c0t${GUID}d0`)).sizeBytes).toBe(16 * MiB)
})

test('what one domain writes to a labelled disk the other reads', async () => {
  const { sd1, sd2, show } = await world()
  await show()
  for (const { devices } of [sd1, sd2]) await devices.enumerate()
  sd1.initiator.label(`c0t${GUID}d0`)
  await sd1.devices.writeBlock(`/dev/rdsk/c0t${GUID}d0s0`, {
    block: 16,
    text: 'ldom-csi canary 4711',
  })
  expect(await sd2.devices.readBlock(`/dev/rdsk/c3t${GUID}d0s0`, 16)).toBe('ldom-csi canary 4711')
})

test('a disk without a label cannot be read through a slice', async () => {
  const { sd1, show } = await world()
  await show()
  await sd1.devices.enumerate()
  await expect(sd1.devices.readBlock(`/dev/rdsk/c0t${GUID}d0s0`, 16)).rejects.toMatchObject({
    kind: 'unavailable',
  })
})

test('nothing is written where there is no raw device', async () => {
  const { sd1, show, storage } = await world()
  await show()
  await sd1.devices.enumerate()
  await expect(
    sd1.devices.writeBlock('/dev/rdsk/c9t0d0s0', { block: 16, text: 'x' }),
  ).rejects.toMatchObject({
    kind: 'unavailable',
  })
  expect(storage.timeline.commands.some(({ argv }) => argv[0] === '/usr/bin/dd')).toBe(false)
})

test('a disk whose view is gone keeps a dead node until the clean-up', async () => {
  const { sd1, show, run } = await world()
  await show()
  await sd1.devices.enumerate()
  await run(`stmfadm remove-view -l ${GUID} 0`)
  await sd1.devices.enumerate()
  expect(await sd1.devices.exists(`/dev/dsk/c0t${GUID}d0s2`)).toBe(true)
  expect((await sd1.iscsiadm.listTarget(TARGET))?.luns).toEqual([])
  await sd1.devices.clean()
  expect(await sd1.devices.exists(`/dev/dsk/c0t${GUID}d0s2`)).toBe(false)
})

test('a disk that is open keeps its node', async () => {
  const { sd1, show, run } = await world()
  await show()
  await sd1.devices.enumerate()
  const close = sd1.host.device(`/dev/dsk/c0t${GUID}d0s2`)?.open('vds')
  await run(`stmfadm remove-view -l ${GUID} 0`)
  await sd1.devices.clean()
  expect(sd1.initiator.disks()).toHaveLength(1)
  close?.()
  await sd1.devices.clean()
  expect(sd1.initiator.disks()).toEqual([])
})

test('without its storage network a domain has no connection, and its disks fail', async () => {
  const { sd1, show } = await world()
  await show()
  await sd1.devices.enumerate()
  sd1.initiator.connected = false
  expect(await sd1.iscsiadm.listTarget(TARGET)).toEqual({ connections: 0, luns: [] })
  expect(() => sd1.host.device(`/dev/dsk/c0t${GUID}d0s2`)?.raw?.read(0, 512)).toThrow(GUID)
})

test('a target that the initiator does not know is no target', async () => {
  const { sd1 } = await world()
  expect(await sd1.iscsiadm.listTarget('iqn.unknown')).toBeUndefined()
})

test('the initiator tells its name', async () => {
  const { sd2 } = await world()
  sd2.host.banner = 'Welcome\n'
  expect(await sd2.iscsiadm.initiatorName()).toBe('iqn.sd2')
})

test('two sessions of a target are one', async () => {
  const { sd1, answer } = await world()
  const session = (lun: number) =>
    `Target: ${TARGET}\n\tAlias: -\n\tConnections: 1\n\tLUN: ${lun}\n\t     OS Device Name: Not ` +
    'Available\n'
  answer({ stdout: `${session(1)}${session(2)}Target: iqn.other\n\tConnections: 1\n\tLUN: 3\n` })
  expect(await sd1.iscsiadm.listTarget(TARGET)).toEqual({
    connections: 2,
    luns: [
      { lun: 1, device: undefined },
      { lun: 2, device: undefined },
    ],
  })
})

test.each([
  [
    'a program that is not there',
    { exitStatus: 127, stderr: 'sh: /usr/sbin/iscsiadm: not found\n' },
    'failed-precondition',
  ],
  [
    'a service that is off',
    { exitStatus: 1, stderr: 'iscsiadm: iSCSI initiator service is not online\n' },
    'unavailable',
  ],
  [
    'a LUN that is no number',
    { stdout: `Target: ${TARGET}\n\tConnections: 1\n\tLUN: seven\n` },
    'internal',
  ],
  ['a LUN without connections', { stdout: `Target: ${TARGET}\n\tLUN: 7\n` }, 'internal'],
])('%s is an error', async (_, given, kind) => {
  const { sd1, answer } = await world()
  answer(given)
  await expect(sd1.iscsiadm.listTarget(TARGET)).rejects.toMatchObject({ kind })
})

test.each([
  ['a disk that is not listed', { stdout: '' }, 'unavailable'],
  [
    'a disk without size',
    {
      stdout:
        `c0t${GUID}d0 Soft Errors: 0\nVendor: SUN Product: COMSTAR Revision: 1.0 Serial ` +
        'No: \n',
    },
    'internal',
  ],
])('%s is not described', async (_, given, kind) => {
  const { sd1, answer } = await world()
  answer(given)
  await expect(sd1.devices.describe(`c0t${GUID}d0`)).rejects.toMatchObject({ kind })
})

const COUNTERS =
  'Media Error: 0 Device Not Ready: 0 No Device: 0 Recoverable: 0 \nIllegal Request: 2 ' +
  'Predictive Failure Analysis: 0 \n'
// Captured on Solaris 10 5/08, and on Solaris 11 as an administrator's notes have it.
const SOLARIS_10 = `c1t0d0           Soft Errors: 2 Hard Errors: 0 Transport Errors: 0 
Vendor: MegaRaid Product: PERC 3/DC Revision: 199A Serial No:  Size: 36.36GB <36364615168 bytes>
${COUNTERS}c0t0d0           Soft Errors: 6 Hard Errors: 0 Transport Errors: 0 
Vendor: HL-DT-ST Product: DVD-ROM GDR8081N Revision: 0208 Serial No:  
Size: 2.26GB <2259353600 bytes>
${COUNTERS}`
const SOLARIS_11 = `c3t0d0           Soft Errors: 0 Hard Errors: 0 Transport Errors: 0
Vendor: ORACLE   Product: SSM              Revision: PMAP Serial No:
Size: 4.01GB <4009754624 bytes>
${COUNTERS}c2t5000000000000001d0 Soft Errors: 0 Hard Errors: 1 Transport Errors: 0
Vendor: EMC      Product: SYMMETRIX        Revision: 5977 Serial No: 000000000000
Size: 0.01GB <5897728 bytes>
${COUNTERS}`
const CUT = 'c2t5000000000000001d0 '
const VDISK =
  'c0d139           Soft Errors: 0 Transport Errors: 0 Protocol Errors: 0 \nVendor: SUN ' +
  'Product: VDSK '
const PERC = { vendor: 'MegaRaid', product: 'PERC 3/DC', serial: '', sizeBytes: 36_364_615_168 }
const EMC = { vendor: 'EMC', product: 'SYMMETRIX', serial: '000000000000', sizeBytes: 5_897_728 }

test.each([
  {
    name: 'a size behind an empty serial number',
    text: SOLARIS_10,
    device: 'c1t0d0',
    description: PERC,
  },
  {
    name: 'a size on the next line',
    text: SOLARIS_10,
    device: 'c0t0d0',
    description: {
      vendor: 'HL-DT-ST',
      product: 'DVD-ROM GDR8081N',
      serial: '',
      sizeBytes: 2_259_353_600,
    },
  },
  {
    name: 'a long name in full',
    text: SOLARIS_11,
    device: 'c2t5000000000000001d0',
    description: EMC,
  },
  {
    name: 'a name cut at 16 characters',
    text: SOLARIS_11.replace(CUT, `${CUT.slice(0, 16)} `),
    device: 'c2t5000000000000001d0',
    description: EMC,
  },
  {
    name: 'neither revision nor serial number',
    text: `${VDISK}Size: 10.74GB <10737418240 bytes>\n\n`,
    device: 'c0d139',
    description: { vendor: 'SUN', product: 'VDSK', serial: '', sizeBytes: 10_737_418_240 },
  },
])('a disk is described with $name', ({ text, device, description }) => {
  expect(parseDescription(text, device)).toEqual(description)
})

test('two disks whose cut names are the same are told apart by nobody', () => {
  const cut = SOLARIS_11.replace(CUT, `${CUT.slice(0, 16)} `)

  expect(() => parseDescription(cut + cut, 'c2t5000000000000001d0')).toThrow('several disks')
})

test('a domain with Solaris 10 describes its disks as well', async () => {
  const { sd1, show } = await world()
  sd1.initiator.iostatRelease = 'solaris-10'
  await show()
  await sd1.devices.enumerate()

  const described = await sd1.devices.describe(`c0t${GUID}d0`)

  expect(described).toEqual({ sizeBytes: 8 * MiB, vendor: 'SUN', product: 'COMSTAR', serial: '' })
})

test('a test that could not look is no absence', async () => {
  const { sd1, answer } = await world()
  answer({ exitStatus: 1, stderr: 'Permission denied\n' })
  await expect(sd1.devices.exists('/dev/dsk/c0t0d0s2')).rejects.toMatchObject({
    kind: 'permission-denied',
  })
})

test.each(['c0t0d0;reboot', '-En', '../c0t0d0'])('%s is never handed to iostat', async device => {
  const { sd1 } = await world()
  const error: unknown = await sd1.devices.describe(device).catch(caught => caught)
  expect(error).toBeInstanceOf(Error)
  expect(isStorageError(error)).toBe(false)
})
