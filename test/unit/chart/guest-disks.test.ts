// The container of guests without a kubelet as the chart installs it: its file, its keys, and the
// definition of its objects.

import { GUEST_DISK_DEFINITION } from '../../../scripts/chart/guest-disk.ts'
import { parseGuestDisksConfig } from '../../../src/config/guest-disks.ts'
import { readGolden } from '../../support/chart.ts'

const golden = readGolden('guest-disks')
const { containers, volumes } = golden.controller.spec.template.spec
const ours = containers.filter(({ name }) => name === 'guest-disks')

const secretsOf = (names: readonly string[]) =>
  volumes
    .filter(({ name }) => names.includes(name))
    .flatMap(({ projected }) => projected?.sources ?? [])
    .flatMap(({ secret }) => secret?.name ?? [])

const volumesOf = (container: (typeof containers)[number]) =>
  container.volumeMounts.map(({ name }) => name)

test('only this container has the keys of guests, and it has no others', () => {
  for (const container of containers) {
    const secrets = secretsOf(volumesOf(container))
    expect([container.name, secrets.includes('ldom-csi-guests')]).toEqual([
      container.name,
      container.name === 'guest-disks',
    ])
  }
  expect(ours.flatMap(container => secretsOf(volumesOf(container)))).toEqual(['ldom-csi-guests'])
})

test('it reads its file and reaches the driver beside it', () => {
  expect(ours.map(({ args }) => args)).toEqual([
    [
      'guest-disks',
      '--config=/etc/ldom-csi/guest-disks.yaml',
      '--controller=unix:///run/csi/csi.sock',
      '--log-level=info',
    ],
  ])
  expect(ours.flatMap(({ env }) => env.map(({ name }) => name))).toEqual([
    'POD_NAME',
    'POD_NAMESPACE',
    'NODE_OPTIONS',
  ])
})

test.each(['guest-disks', 'full'] as const)('%s: the driver parses the file', name => {
  const files = readGolden(name).configMaps.flatMap(({ data }) => data['guest-disks.yaml'] ?? [])

  const [{ driverName, guests } = { driverName: '', guests: new Map() }] = files.map(file =>
    parseGuestDisksConfig(file, 'guest-disks.yaml'),
  )

  expect(driverName).toBe(name === 'full' ? 'disks.example.com' : 'vdisk.ldom-csi.io')
  const reached = [...guests].map(([guest, { node }]) => [guest, node?.shell.ssh.privateKeyFile])
  expect(Object.fromEntries(reached)).toEqual(
    name === 'full'
      ? {
          'm1/ldg1': '/etc/ldom-csi/ssh/guest-keys/key',
          'm1/ldg2': '/etc/ldom-csi/ssh/ldg2-key/id_rsa',
        }
      : {
          'm1/ldg1': '/etc/ldom-csi/ssh/ldom-csi-guests/id_ed25519',
          'm1/tux1': '/etc/ldom-csi/ssh/ldom-csi-guests/id_ed25519',
          'm1/ldg2': undefined,
        },
  )
})

test('the definition is that of the source, and stays when the release goes', () => {
  const definitions = golden.objects.filter(({ kind }) => kind === 'CustomResourceDefinition')

  expect(definitions).toMatchObject([GUEST_DISK_DEFINITION])
  expect(definitions).toMatchObject([
    { metadata: { annotations: { 'helm.sh/resource-policy': 'keep' } } },
  ])
})

test.each(['default', 'minimal', 'high-availability'] as const)('%s: nothing of it', name => {
  const { objects, controller } = readGolden(name)

  expect(objects.filter(({ metadata }) => metadata.name.includes('guest'))).toEqual([])
  expect(controller.spec.template.spec.containers.map(each => each.name)).not.toContain(
    'guest-disks',
  )
})

test('another release of the cluster brings the definition', () => {
  const { objects } = readGolden('full')

  expect(objects.filter(({ kind }) => kind === 'CustomResourceDefinition')).toEqual([])
})
