// `kubectl ldom` as a process, with a kubectl of our own on PATH: what it asks, what it makes of the
// answers, and how it ends.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const DRIVER = 'vdisk.ldom-csi.io'

const persistentVolume = (handle: string, claim: string, driver = DRIVER) => ({
  spec: { csi: { driver, volumeHandle: handle }, claimRef: { namespace: 'prod', name: claim } },
})
const volumes = [
  persistentVolume('silver/v-1', 'orders'),
  persistentVolume('silver/v-2', 'elses', 'other.example.com'),
  { spec: { hostPath: { path: '/srv' } } },
]
const nodes = [
  { metadata: { name: 'web-1' }, spec: { drivers: [{ name: DRIVER, nodeID: 'm1/ldg2' }] } },
  { metadata: { name: 'bare' }, spec: { drivers: null } },
]
const path = { serviceDomain: 'primary', vds: 'primary-vds0', device: '/dev/zvol/x', state: 'up' }
const rows = [
  {
    volume: 'silver/v-1',
    name: 'pvc-1',
    pool: 'silver',
    sizeBytes: 2 ** 30,
    state: 'attached',
    guest: 'm1/ldg2',
    vdisk: 4,
    paths: [path],
  },
  {
    volume: 'silver/v-2',
    name: 'pvc-2',
    pool: 'silver',
    sizeBytes: 2 ** 30,
    state: 'available',
    guest: null,
    vdisk: null,
    paths: [],
  },
]

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubectl-'))
  answer('persistentvolumes', { items: volumes })
  answer('csinodes.storage.k8s.io', { items: nodes })
  const kubectl = join(directory, 'kubectl')
  const script = `#!/bin/sh
echo "$*" >>${directory}/calls
for word; do
  [ "$word" = exec ] && { cat ${directory}/report; exit "$(cat ${directory}/status)"; }
  [ -e "${directory}/$word.json" ] && exec cat "${directory}/$word.json"
done
exit 1
`
  writeFileSync(kubectl, script)
  chmodSync(kubectl, 0o755)
})

afterEach(() => rmSync(directory, { recursive: true }))

const answer = (resource: string, value: object) =>
  writeFileSync(join(directory, `${resource}.json`), JSON.stringify(value))

function report(text: string, status = 0): void {
  writeFileSync(join(directory, 'report'), text)
  writeFileSync(join(directory, 'status'), String(status))
}

function run(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['src/bin/kubectl-ldom.ts', ...words],
    { encoding: 'utf8', env: { PATH: `${directory}:${process.env.PATH}` } },
  )
  return { status, stdout, stderr }
}

test('volumes have the claim and the node, and nothing of other drivers', () => {
  report(JSON.stringify(rows))
  const { status, stdout } = run('volumes', '--context', 'lab', '-n', 'storage')
  expect(status).toBe(0)
  expect(stdout.split('\n').map(line => line.split(/ +/))).toEqual([
    'CLAIM VOLUME NAME SIZE POOL STATE GUEST NODE VDISK DEVICE PATHS'.split(' '),
    [
      ...'prod/orders silver/v-1 pvc-1 1GiB silver attached m1/ldg2 web-1 4'.split(' '),
      '/dev/zvol/x',
      'primary-vds0@primary:up',
    ],
    '- silver/v-2 pvc-2 1GiB silver available - - - - -'.split(' '),
    [''],
  ])
  expect(readFileSync(join(directory, 'calls'), 'utf8')).toContain(
    '--context=lab exec --namespace=storage deployment/ldom-csi-controller --container=ldom-csi -- ' +
      'ldom-csi volumes --output json --config /etc/ldom-csi/controller.yaml',
  )
})

test('a volume that two PersistentVolumes name has both claims, the bound one first', () => {
  const released = { ...persistentVolume('silver/v-1', 'gone'), status: { phase: 'Released' } }
  const bound = { ...persistentVolume('silver/v-1', 'orders'), status: { phase: 'Bound' } }
  for (const items of [
    [released, bound],
    [bound, released],
  ]) {
    answer('persistentvolumes', { items })
    report(JSON.stringify(rows))
    expect(run('volumes').stdout).toMatch(/^prod\/orders,prod\/gone +silver\/v-1 /m)
    expect(JSON.parse(run('volumes', '--output', 'json').stdout)).toContainEqual(
      expect.objectContaining({ claim: 'prod/orders', claims: ['prod/orders', 'prod/gone'] }),
    )
  }
})

test('findings of the audit name the claim, and its status is passed on', () => {
  const finding = { kind: 'record-without-disk', object: 'silver/v-1', detail: 'guest m1/ldg2' }
  report(JSON.stringify([finding]), 1)
  const { status, stdout } = run('audit')
  expect(status).toBe(1)
  expect(stdout).toMatch(/^record-without-disk +silver\/v-1 +guest m1\/ldg2 +prod\/orders$/m)
})

test('an audit that agrees says so', () => {
  report('[]')
  expect(run('audit')).toMatchObject({ status: 0, stdout: 'nothing found\n' })
})

test('the checks of the doctor are shown as they are', () => {
  report('FAIL host m1-primary\n', 1)
  expect(run('doctor')).toMatchObject({ status: 1, stdout: 'FAIL host m1-primary\n' })
})

test('without an answer of the controller the message names where it was looked for', () => {
  report('', 1)
  const { status, stderr } = run('doctor', '-n', 'nowhere')
  expect(status).toBe(1)
  expect(stderr).toMatch(/no report from deployment\/ldom-csi-controller in namespace nowhere/)
})

test('a list that kubectl may not read is an error, not an empty column', () => {
  report(JSON.stringify(rows))
  rmSync(join(directory, 'persistentvolumes.json'))
  const { status, stdout, stderr } = run('volumes')
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/kubectl get persistentvolumes --output=json failed with status 1/)
})

test('the JSON of the volumes names claims and nodes, and another form is refused', () => {
  report(JSON.stringify(rows))
  const { status, stdout } = run('volumes', '--output', 'json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toEqual([
    { ...rows[0], claim: 'prod/orders', claims: ['prod/orders'], node: 'web-1' },
    { ...rows[1], claim: null, claims: [], node: null },
  ])
  expect(run('volumes', '--output', 'yaml')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('It is table or json.'),
  })
})
