// The ldm tool: the arguments it sends, and what it makes of exit statuses and texts.

import { type SimAnswer, SimHost, Timeline } from '../../sim/host.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { formatRefusal } from '../../src/hypervisors/ldoms/failures.ts'
import { Ldm } from '../../src/hypervisors/ldoms/ldm.ts'

function tool(answer: Partial<SimAnswer> = {}) {
  const timeline = new Timeline()
  const host = new SimHost('m1-primary', timeline)
  host.programs.set('ldm', () => ({ exitStatus: 0, stdout: '', stderr: '', ...answer }))
  return {
    ldm: new Ldm(new SimShell(host)),
    commands: () => timeline.commands.map(({ argv }) => argv.join(' ')),
  }
}

const DEVICE = {
  name: 'v-1',
  vds: 'primary-vds0',
  device: '/dev/zvol/dsk/tank/v-1',
  mode: 'rw',
  shape: 'full',
  mpgroup: undefined,
  alreadyExported: false,
} as const
const VDISK = {
  name: 'v-1',
  guest: 'ldg1',
  volume: { name: 'v-1', vds: 'primary-vds0' },
  id: 100,
  timeoutSeconds: 0,
} as const

test.each([
  [{}, 'add-vdsdev /dev/zvol/dsk/tank/v-1 v-1@primary-vds0'],
  [{ mode: 'ro' as const }, 'add-vdsdev options=ro /dev/zvol/dsk/tank/v-1 v-1@primary-vds0'],
  [{ shape: 'slice' as const }, 'add-vdsdev options=slice /dev/zvol/dsk/tank/v-1 v-1@primary-vds0'],
  [
    { mode: 'ro' as const, shape: 'slice' as const, mpgroup: 'g', alreadyExported: true },
    'add-vdsdev -f options=ro,slice mpgroup=g /dev/zvol/dsk/tank/v-1 v-1@primary-vds0',
  ],
])('a device is exported with %j', async (change, expected) => {
  const { ldm, commands } = tool()
  await ldm.addVdsDevice({ ...DEVICE, ...change })
  expect(commands()).toEqual([`/usr/sbin/ldm ${expected}`])
})

test.each([
  [0, 'add-vdisk id=100 v-1 v-1@primary-vds0 ldg1'],
  [60, 'add-vdisk timeout=60 id=100 v-1 v-1@primary-vds0 ldg1'],
])(
  'a vdisk with a timeout of %d seconds is added with its number',
  async (timeoutSeconds, expected) => {
    const { ldm, commands } = tool()
    await ldm.addVdisk({ ...VDISK, timeoutSeconds })
    expect(commands()).toEqual([`/usr/sbin/ldm ${expected}`])
  },
)

test.each(['/dev/a|b', '/dev/a=b', '/dev/a\nb', '/dev/a b', 'relative', '-f', ''])(
  'the backend path %j is refused before anything runs',
  async device => {
    const { ldm, commands } = tool()
    await expect(ldm.addVdsDevice({ ...DEVICE, device })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    expect(commands()).toEqual([])
  },
)

test.each(['-f', 'a b', 'a|b', 'a=b', 'a@b', '', 'a\n'])(
  'the name %j is refused before anything runs',
  async name => {
    const { ldm, commands } = tool()
    await expect(ldm.addVdsDevice({ ...DEVICE, name })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await expect(ldm.addVdisk({ ...VDISK, guest: name })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await expect(ldm.removeVdisk({ name, guest: 'ldg1' })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await expect(ldm.addConfiguration(name)).rejects.toMatchObject({ kind: 'invalid-argument' })
    expect(commands()).toEqual([])
  },
)

test.each([
  [
    '13 additional LDCs are required on guest primary to meet this request,\nbut only 9 LDCs ' +
      'are available',
    'no-space',
  ],
  ['Error: Volume v-1 already exists in vds primary-vds0', 'already-exists'],
  ['Error: Volume v-1@primary-vds0 does not exist', 'not-found'],
  ['LDom "ldg1" was not found', 'not-found'],
  ['Error: Disk ID 100 is already in use in domain ldg1', 'in-use'],
  ['Error: LDom primary is in the process of a delayed\nreconfiguration.', 'unavailable'],
  ['Failed to connect to logical domain manager: Connection refused', 'unavailable'],
  ['Error: You are not authorized to perform this operation', 'permission-denied'],
  ['Error: something nobody has seen before', 'internal'],
  ['', 'internal'],
])('an export that fails with %j is %s', async (stderr, kind) => {
  const { ldm } = tool({ exitStatus: 1, stderr })
  await expect(ldm.addVdsDevice(DEVICE)).rejects.toMatchObject({ kind })
})

test('a host without ldm is not taken for a machine without the object', async () => {
  const { ldm } = tool({ exitStatus: 127, stderr: 'sh: /usr/sbin/ldm: not found\n' })
  await expect(ldm.removeVdisk(VDISK)).rejects.toMatchObject({ kind: 'failed-precondition' })
})

test.each(['Authorization failed', 'Error: insufficient privileges'])(
  'an account without rights, %j, is told how to get them',
  async stderr => {
    const { ldm } = tool({ exitStatus: 1, stderr })
    await expect(ldm.listBindings()).rejects.toMatchObject({
      kind: 'permission-denied',
      message: expect.stringContaining('LDoms Management'),
    })
  },
)

test('removing what is not there is an answer, not an error', async () => {
  const { ldm } = tool({ exitStatus: 1, stderr: 'Error: Volume v-1@primary-vds0 does not exist\n' })
  await expect(ldm.removeVdsDevice(DEVICE)).resolves.toBe('absent')
})

test('a device that a vdisk uses is in use', async () => {
  const { ldm } = tool({
    exitStatus: 1,
    stderr: 'Error: Volume v-1 is attached to vdisk v-1 of domain ldg1\n',
  })
  await expect(ldm.removeVdsDevice(DEVICE)).rejects.toMatchObject({ kind: 'in-use' })
})

const TABLE = `
    Resource             Information       
----------------  -------------------------
/dev/dsk/c0d5s0   mounted filesystem "/mnt"
/dev/dsk/c0d5s1   swap area                `

test('a guest that refuses is busy with its reasons in one line', async () => {
  const stderr =
    'Guest LDom returned the following reason for failing the ' +
    `operation:\n${TABLE}\n\nError: Vdisk v-1 could not be removed\n`
  const { ldm } = tool({ exitStatus: 1, stderr })
  await expect(ldm.removeVdisk(VDISK)).rejects.toMatchObject({
    kind: 'busy',
    message:
      'vdisk v-1 of guest ldg1: the guest refuses: /dev/dsk/c0d5s0 mounted filesystem "/mnt"; ' +
      '/dev/dsk/c0d5s1 swap area',
  })
})

test('a refusal without reasons is busy all the same', async () => {
  const { ldm } = tool({
    exitStatus: 1,
    stderr: 'Error: Vdisk v-1 could not be removed from domain ldg1\n',
  })
  await expect(ldm.removeVdisk(VDISK)).rejects.toMatchObject({ kind: 'busy' })
})

test.each([
  ['a table', TABLE, '/dev/dsk/c0d5s0 mounted filesystem "/mnt"; /dev/dsk/c0d5s1 swap area'],
  [
    'a table that text follows at once',
    `${TABLE}\nError: Vdisk v-1 stays`,
    '/dev/dsk/c0d5s0 mounted filesystem "/mnt"; /dev/dsk/c0d5s1 swap area',
  ],
  ['no table', 'Error: Vdisk v-1 could not be removed', ''],
])('reasons are read from %s', (_, text, expected) => {
  expect(formatRefusal(text)).toBe(expected)
})

test('a warning with exit status 0 is a success', async () => {
  const { ldm } = tool({ stderr: 'Warning: Device name v-1 is too long to create devalias\n' })
  await expect(ldm.addVdisk(VDISK)).resolves.toBeUndefined()
})

test.each([
  [
    'Notice: LDom primary is in the process of a delayed\nreconfiguration. Any changes made to ' +
      'this LDom will only take\neffect after it reboots.\n',
    'unavailable',
  ],
  [
    'Notice: the LDom Manager is running in configuration mode. Any \nconfiguration changes ' +
      'made will only take effect later\n',
    'failed-precondition',
  ],
])('a change that only waits, as %j says, is no success', async (stdout, kind) => {
  const { ldm } = tool({ stdout })
  await expect(ldm.addVdsDevice(DEVICE)).rejects.toMatchObject({ kind })
})

test('saved configurations are read with their marks, after whatever notice', async () => {
  const stdout =
    'Notice: a newer autosave exists.\nfactory-default\ncsi-a [current]\ninitial [next poweron] ' +
    '[degraded]\n'
  await expect(tool({ stdout }).ldm.listConfigurations()).resolves.toEqual([
    { name: 'factory-default', marks: [] },
    { name: 'csi-a', marks: ['current'] },
    { name: 'initial', marks: ['next poweron', 'degraded'] },
  ])
})

test.each(['', 'csi-a [current]\n', 'factory-default\nsomething went wrong\n'])(
  'the list of configurations %j is refused',
  async stdout => {
    await expect(tool({ stdout }).ldm.listConfigurations()).rejects.toMatchObject({
      kind: 'internal',
    })
  },
)
