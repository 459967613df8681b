// Listings of ldm as text, and what the driver reads in them.

import { parseListing } from '../../src/hypervisors/ldoms/listing.ts'

const BINDINGS = `VERSION 1.11
DOMAIN|name=primary|state=active|flags=-n-cv-|cons=UART|ncpu=8|mem=8589934592|util=0.4%|uptime=100|norm_util=0.4%
UUID|uuid=6c908858-12ef-e520-9eb3-f1cd3dbc3a59
VCPU
|vid=0|pid=0|util=0.4%|strand=100
VARIABLES
|auto-boot?=true
|nvramrc=devalias data=disk
VCC|name=primary-vcc0|port-range=5000-5100
VDS|name=primary-vds0|nclients=1
|vol=v1|opts=|dev=/dev/zvol/dsk/tank/v1|mpgroup=g1
|vol=cd|opts=ro,slice|dev=/export/cd.iso|mpgroup=
|client=data@ldg1|vol=v1
|client=cd@ldg1|vol=cd
DOMAIN|name=alternate|state=active|flags=-n--v-|cons=5000|ncpu=8|mem=8589934592|util=0.4%|uptime=100
VDS|name=alternate-vds0
|vol=v1|opts=|dev=/dev/dsk/c0t1d0s2|mpgroup=g1
DOMAIN|name=ldg1|state=active|flags=-n----|cons=5001|ncpu=8|mem=8589934592|util=0.4%|uptime=100
VDISK|name=data|vol=v1@primary-vds0|timeout=|dev=disk@100|server=primary|mpgroup=g1|id=100
|port=0|mpg-vol=v1@primary-vds0|mpg-server=primary|mpg-path=active
|port=1|mpg-vol=v1@alternate-vds0|mpg-server=alternate|mpg-path=standby
VDISK|name=cd|vol=cd@primary-vds0|timeout=30|dev=disk@1|server=primary|mpgroup=|id=1
VCONS|group=ldg1|port=5001|service=primary-vcc0@primary
DOMAIN|name=ldg2|state=inactive|flags=------|cons=|ncpu=|mem=|util=|uptime=
VDISK|name=data|vol=cd@primary-vds0|timeout=|dev=|server=|mpgroup=|id=
`

test('devices are read with the service domain that exports them', () => {
  const [primary, alternate] = parseListing(BINDINGS)
  expect(primary?.vdses).toEqual([
    {
      name: 'primary-vds0',
      devices: [
        {
          name: 'v1',
          vds: 'primary-vds0',
          serviceDomain: 'primary',
          device: '/dev/zvol/dsk/tank/v1',
          options: [],
          mpgroup: 'g1',
        },
        {
          name: 'cd',
          vds: 'primary-vds0',
          serviceDomain: 'primary',
          device: '/export/cd.iso',
          options: ['ro', 'slice'],
          mpgroup: undefined,
        },
      ],
    },
  ])
  expect(alternate?.vdses[0]?.devices[0]).toMatchObject({
    name: 'v1',
    serviceDomain: 'alternate',
    device: '/dev/dsk/c0t1d0s2',
  })
})

test('vdisks are read with number, timeout and the state of every path', () => {
  const guest = parseListing(BINDINGS).find(({ name }) => name === 'ldg1')
  expect(guest?.vdisks).toEqual([
    {
      name: 'data',
      guest: 'ldg1',
      volume: { name: 'v1', vds: 'primary-vds0' },
      timeoutSeconds: 0,
      id: 100,
      server: 'primary',
      mpgroup: 'g1',
      paths: [
        { name: 'v1', vds: 'primary-vds0', state: 'active' },
        { name: 'v1', vds: 'alternate-vds0', state: 'standby' },
      ],
      isVague: false,
    },
    expect.objectContaining({
      name: 'cd',
      timeoutSeconds: 30,
      id: 1,
      mpgroup: undefined,
      paths: [],
      isVague: false,
    }),
  ])
})

test('a vdisk of a guest that is not bound has no number and no server', () => {
  const guest = parseListing(BINDINGS).find(({ name }) => name === 'ldg2')
  expect(guest?.vdisks[0]).toMatchObject({ id: undefined, server: undefined, timeoutSeconds: 0 })
})

test('text before the VERSION line is passed over, and lines may end like a terminal’s', () => {
  const banner = 'Last login: Mon Jul 11\nNotice: An autosave configuration exists.\n'
  expect(parseListing(`${banner}${BINDINGS}`.replaceAll('\n', '\r\n'))).toEqual(
    parseListing(BINDINGS),
  )
})

test('path lines are found by mpg-path, whatever their other keys are', () => {
  const renamed = BINDINGS.replaceAll('|mpg-vol=', '|path=')
    .replaceAll('mpg-server=', 'service=')
    .replaceAll('|port=', '|ldc=')
  expect(parseListing(renamed)).toEqual(parseListing(BINDINGS))
})

test('values may hold further equals signs', () => {
  const [domain] = parseListing('VERSION 1.6\nDOMAIN|name=a=b|state=active|flags=-n----\n')
  expect(domain?.name).toBe('a=b')
})

const flags = (text: string) =>
  parseListing(`VERSION 1.6\nDOMAIN|name=d|state=active|flags=${text}\n`)[0]?.flags

test.each([
  ['-n-cv-', { system: 'normal', control: true, service: true }],
  ['-t-cv', { system: 'transition', control: true, service: true }],
  ['-n----', { system: 'normal' }],
  ['-ndcv-', { system: 'normal', control: true, service: true, delayedReconfiguration: true }],
  ['-nrcv-', { system: 'normal', control: true, service: true }],
  ['-d----', { system: 'degraded' }],
  ['sn----', { system: 'normal', changing: 'starting or stopping' }],
  ['-n---s', { system: 'normal', changing: 'migrating away' }],
  ['-n---t', { system: 'normal', changing: 'migrating here' }],
  [
    '-n---e',
    { system: 'normal', changing: expect.stringContaining('ldm cancel-operation migration') },
  ],
  [
    'normal,migration-error',
    { system: 'normal', changing: expect.stringContaining('ldm cancel-operation migration') },
  ],
  ['------', {}],
  ['', {}],
  ['normal,control,vio-service', { system: 'normal', control: true, service: true }],
  ['transition', { system: 'transition' }],
  [
    'normal,delayed-reconf,control',
    { system: 'normal', control: true, delayedReconfiguration: true },
  ],
  ['normal,migration-source', { system: 'normal', changing: 'flags migration-source' }],
  ['-x----', { changing: 'flags -x----' }],
])('flags %j are understood', (text, expected) => {
  expect(flags(text)).toEqual({
    system: undefined,
    control: false,
    service: false,
    delayedReconfiguration: false,
    changing: undefined,
    ...expected,
  })
})

test.each([
  { name: 'no VERSION line', text: 'DOMAIN|name=primary|state=active|flags=-n-cv-\n' },
  { name: 'nothing at all', text: '' },
  {
    name: 'a line that is no record',
    text: 'VERSION 1.6\nDOMAIN|name=a|state=active|flags=\nconnection closed\n',
  },
  { name: 'a continuation of nothing', text: 'VERSION 1.6\n|vol=a|opts=|dev=/x\n' },
  { name: 'a first domain without a name', text: 'VERSION 1.6\nDOMAIN|state=active|flags=\n' },
  { name: 'a first domain without a state', text: 'VERSION 1.6\nDOMAIN|name=a|flags=\n' },
  { name: 'a vds outside a domain', text: 'VERSION 1.6\nVDS|name=s\n|vol=v|opts=|dev=/x\n' },
])('a listing is refused that has $name', ({ text }) => {
  expect(() => parseListing(text)).toThrow('ldm listing not understood')
})

const domains = (text: string) => new Map(parseListing(text).map(domain => [domain.name, domain]))
/** The listing with other text in place of a variable of ldg1, and where it ends. */
const withVariable = (text: string) =>
  domains(
    BINDINGS.replace('DOMAIN|name=ldg1', 'DOMAIN|name=ldg0').replace(
      /(DOMAIN\|name=)ldg0(.*\n)/,
      `$1ldg1$2VARIABLES\n|nvramrc=${text}\n`,
    ),
  )

test.each([
  ['." ChassisSerialNumber XXXXXXXXXX " cr\n." more " cr\n|use-nvramrc?=true'],
  ['probe-all\n\n  apply disable-link\nBANNER\nMORE WORDS|here'],
  ['devalias a /pci@400/pci@1\n|vol=v1|dev=/dev/x'],
])('variables of several lines are passed over: %j', text => {
  expect([...withVariable(text).values()]).toEqual(parseListing(BINDINGS))
})

test('a vds in the text of a guest is not believed, and the guest is unclear', () => {
  const found = withVariable(
    'x\nVDS|name=primary-vds0\n|vol=forged|opts=|dev=/dev/zvol/dsk/tank/v2',
  )
  expect(found.get('primary')).toEqual(parseListing(BINDINGS)[0])
  expect(found.get('ldg1')).toMatchObject({
    unclear: expect.stringContaining('primary-vds0'),
    vdses: [],
  })
  expect(found.get('ldg1')?.vdisks).toHaveLength(2)
})

test('no text of a guest hides what a service domain exports, whatever domains it makes up', () => {
  const text = [
    'x',
    'DOMAIN|name=primary|state=active|flags=-n----',
    'DOMAIN|name=alternate|state=active|flags=-n----',
    'DOMAIN|name=made-up|state=active|flags=-n--v-',
    'VDS|name=alternate-vds0',
    '|vol=v1|opts=|dev=/dev/other',
    'VDS|name=primary-vds0',
  ].join('\n')
  // The guest's records come before those of the service domain alternate.
  const first = BINDINGS.replace(
    'DOMAIN|name=alternate',
    `DOMAIN|name=guest|state=active|flags=-n----\nVARIABLES\n|nvramrc=${text}\nDOMAIN|name=alternate`,
  )
  const listed = parseListing(first)
  const devices = listed.flatMap(({ vdses }) =>
    vdses.flatMap(vds => vds.devices.map(device => device.device)),
  )
  expect(devices).toEqual(
    expect.arrayContaining(['/dev/zvol/dsk/tank/v1', '/export/cd.iso', '/dev/dsk/c0t1d0s2']),
  )
  expect(listed[0]?.vdses).toEqual(parseListing(BINDINGS)[0]?.vdses)
  expect(listed.find(({ name }) => name === 'guest')?.unclear).toBeDefined()
})

test.each([
  {
    name: 'another guest',
    text: 'x\nDOMAIN|name=ldg2|state=active|flags=-n----\nVDISK|name=more|vol=v1@primary-vds0|id=7',
  },
  { name: 'a domain without a name', text: 'x\nDOMAIN|state=active' },
  {
    name: 'a disk that it has',
    text: 'x\nVDISK|name=data|vol=v1@primary-vds0|dev=disk@100|id=100',
  },
  { name: 'a disk, and more words', text: 'x\nVDISK|name=more|vol=v1@primary-vds0|id=7\nbanner' },
])('a guest is unclear whose text looks like $name', ({ text }) => {
  const found = withVariable(text)
  expect(found.get('ldg1')?.unclear).toBeDefined()
  expect(found.get('primary')).toEqual(parseListing(BINDINGS)[0])
  expect([...found.keys()]).toEqual(
    expect.arrayContaining(['primary', 'alternate', 'ldg1', 'ldg2']),
  )
})

test('a guest is unclear whose disks stand below a domain that its text makes up', () => {
  const other =
    'DOMAIN|name=ldg3|state=active|flags=-n----\nVDISK|name=boot|vol=cd@primary-vds0|dev=disk@0|server=primary|id=0\n'
  const text = 'VARIABLES\n|nvramrc=x\nDOMAIN|name=made-up|state=active|flags=-n----\n'
  const listing = `${BINDINGS}${other}`.replace(
    '|client=cd@ldg1',
    '|client=boot@ldg3|vol=cd\n|client=cd@ldg1',
  )
  const found = domains(listing.replace(/(DOMAIN\|name=ldg1.*\n)/, `$1${text}`))
  expect(found.get('ldg1')?.unclear).toContain('client')
  expect(found.get('ldg3')).toMatchObject({
    unclear: undefined,
    vdisks: [{ name: 'boot', isVague: false }],
  })
})

test('a disk that its service domain does not list as a client is not taken for served', () => {
  const found = withVariable(
    'x\nVDISK|name=forged|vol=cd@primary-vds0|timeout=|dev=disk@7|server=primary|mpgroup=|id=7',
  ).get('ldg1')
  expect(found?.vdisks.map(({ name, isVague }) => `${name} ${isVague}`)).toEqual([
    'forged true',
    'data false',
    'cd false',
  ])
})

const guest = (record: string) =>
  domains(
    `VERSION 1.6\nDOMAIN|name=primary|state=active|flags=-n-cv-\nDOMAIN|name=g|state=active|flags=-n----\n${record}\n`,
  ).get('g')

test.each([
  ['no volume', 'VDISK|name=k|id=1'],
  ['a volume without a vds', 'VDISK|name=k|vol=v|id=1'],
  ['a volume that nobody exports', 'VDISK|name=k|vol=v@s|id=1'],
  ['a path to no device', 'VDISK|name=k|vol=|id=1\n|port=0|vol=w@s|server=a|mpg-path=active'],
])('a vdisk with %s keeps its name and number, and is not taken for served', (_, record) => {
  expect(guest(record)).toMatchObject({
    unclear: undefined,
    vdisks: [{ name: 'k', id: 1, isVague: true }],
  })
})

test.each([
  ['a number that is none', 'VDISK|name=k|vol=v@s|id=x'],
  ['a timeout that is none', 'VDISK|name=k|vol=v@s|timeout=never|id=1'],
  ['no name', 'VDISK|vol=v@s|id=1'],
  ['two numbers', 'VDISK|name=k|vol=v@s|dev=disk@2|id=1'],
])('a guest is unclear that has a vdisk with %s', (_, record) => {
  expect(guest(record)?.unclear).toBeDefined()
})

test('a device without a name or a backend is exported all the same', () => {
  const text =
    'VERSION 1.6\nDOMAIN|name=a|state=active|flags=-n-cv-\nVDS|name=s\n|vol=v|opts=|dev=\n|opts=|dev=/x\n'
  expect(domains(text).get('a')?.vdses[0]?.devices).toMatchObject([
    { name: 'v', device: '' },
    { name: '', device: '/x' },
  ])
})

test('the number of a vdisk is the one of its device where no other is printed', () => {
  expect(
    guest('VDISK|name=k|vol=v@s|timeout=|dev=disk@104|server=primary|mpgroup=')?.vdisks[0]?.id,
  ).toBe(104)
  expect(
    guest('VDISK|name=k|vol=v@s|timeout=|dev=disk@0|server=primary|mpgroup=|id=')?.vdisks[0]?.id,
  ).toBe(0)
})

test('a notice between domains and blanks at the ends of lines change nothing', () => {
  const notice =
    'Notice: LDom primary is in the process of a delayed\nreconfiguration. Any changes made to ' +
    'this LDom will only take\neffect after it reboots.\n'
  const noisy = BINDINGS.replace('DOMAIN|name=ldg1', `${notice}DOMAIN|name=ldg1`).replaceAll(
    '\n',
    '  \n',
  )
  expect(parseListing(noisy)).toEqual(parseListing(BINDINGS))
})
