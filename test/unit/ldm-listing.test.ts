// Listings of ldm as text, and what the driver reads in them.

import { parseListing } from '../../src/ldoms/listing.ts'

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
        { name: 'v1', vds: 'primary-vds0', serviceDomain: 'primary', device: '/dev/zvol/dsk/tank/v1', options: [], mpgroup: 'g1' },
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
  expect(alternate?.vdses[0]?.devices[0]).toMatchObject({ name: 'v1', serviceDomain: 'alternate', device: '/dev/dsk/c0t1d0s2' })
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
    },
    expect.objectContaining({ name: 'cd', timeoutSeconds: 30, id: 1, mpgroup: undefined, paths: [] }),
  ])
})

test('a vdisk of a guest that is not bound has no number and no server', () => {
  const guest = parseListing(BINDINGS).find(({ name }) => name === 'ldg2')
  expect(guest?.vdisks[0]).toMatchObject({ id: undefined, server: undefined, timeoutSeconds: 0 })
})

test('text before the VERSION line is passed over, and lines may end like a terminal’s', () => {
  const banner = 'Last login: Mon Jul 11\nNotice: An autosave configuration exists.\n'
  expect(parseListing(`${banner}${BINDINGS}`.replaceAll('\n', '\r\n'))).toEqual(parseListing(BINDINGS))
})

test('path lines are found by mpg-path, whatever their other keys are', () => {
  const renamed = BINDINGS.replaceAll('|mpg-vol=', '|path=').replaceAll('mpg-server=', 'service=').replaceAll('|port=', '|ldc=')
  expect(parseListing(renamed)).toEqual(parseListing(BINDINGS))
})

test('values may hold further equals signs', () => {
  const [domain] = parseListing('VERSION 1.6\nDOMAIN|name=a=b|state=active|flags=-n----\n')
  expect(domain?.name).toBe('a=b')
})

const flags = (text: string) => parseListing(`VERSION 1.6\nDOMAIN|name=d|state=active|flags=${text}\n`)[0]?.flags

test.each([
  ['-n-cv-', { system: 'normal', control: true }],
  ['-t-cv', { system: 'transition', control: true }],
  ['-n----', { system: 'normal' }],
  ['-ndcv-', { system: 'normal', control: true, delayedReconfiguration: true }],
  ['-nrcv-', { system: 'normal', control: true }],
  ['-d----', { system: 'degraded' }],
  ['sn----', { system: 'normal', changing: 'starting or stopping' }],
  ['-n---s', { system: 'normal', changing: 'migrating away' }],
  ['-n---t', { system: 'normal', changing: 'migrating here' }],
  ['-n---e', { system: 'normal', changing: 'failed to migrate' }],
  ['------', {}],
  ['', {}],
  ['normal,control,vio-service', { system: 'normal', control: true }],
  ['transition', { system: 'transition' }],
  ['normal,delayed-reconf,control', { system: 'normal', control: true, delayedReconfiguration: true }],
  ['normal,migration-source', { system: 'normal', changing: 'flags migration-source' }],
  ['-x----', { changing: 'flags -x----' }],
])('flags %j are understood', (text, expected) => {
  expect(flags(text)).toEqual({ system: undefined, control: false, delayedReconfiguration: false, changing: undefined, ...expected })
})

test.each([
  { name: 'no VERSION line', text: 'DOMAIN|name=primary|state=active|flags=-n-cv-\n' },
  { name: 'nothing at all', text: '' },
  { name: 'a line that is no record', text: 'VERSION 1.6\nDOMAIN|name=a|state=active|flags=\nconnection closed\n' },
  { name: 'a continuation of nothing', text: 'VERSION 1.6\n|vol=a|opts=|dev=/x\n' },
  { name: 'a domain without a name', text: 'VERSION 1.6\nDOMAIN|state=active|flags=\n' },
  { name: 'a domain without a state', text: 'VERSION 1.6\nDOMAIN|name=a|flags=\n' },
  { name: 'a device without a backend', text: 'VERSION 1.6\nDOMAIN|name=a|state=active|flags=\nVDS|name=s\n|vol=v|opts=\n' },
  { name: 'a device without a name', text: 'VERSION 1.6\nDOMAIN|name=a|state=active|flags=\nVDS|name=s\n|opts=|dev=/x\n' },
  { name: 'a vds outside a domain', text: 'VERSION 1.6\nVDS|name=s\n|vol=v|opts=|dev=/x\n' },
  { name: 'a vdisk without a vds', text: 'VERSION 1.6\nDOMAIN|name=a|state=bound|flags=\nVDISK|name=k|vol=v|id=1\n' },
  { name: 'a number that is none', text: 'VERSION 1.6\nDOMAIN|name=a|state=bound|flags=\nVDISK|name=k|vol=v@s|id=x\n' },
  { name: 'a timeout that is none', text: 'VERSION 1.6\nDOMAIN|name=a|state=bound|flags=\nVDISK|name=k|vol=v@s|timeout=never|id=1\n' },
  {
    name: 'a path to no device',
    text: 'VERSION 1.6\nDOMAIN|name=a|state=bound|flags=\nVDISK|name=k|vol=v@s|id=1\n|port=0|vol=w@s|server=a|mpg-path=active\n',
  },
])('a listing is refused that has $name', ({ text }) => {
  expect(() => parseListing(text)).toThrow('ldm listing not understood')
})
