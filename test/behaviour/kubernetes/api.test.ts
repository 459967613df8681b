// What the controller asks of the API server, over HTTPS as in a pod.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { V1Lease } from '@kubernetes/client-node/dist/gen/models/V1Lease.js'
import { ApiServer } from '../../../src/kubernetes/api-server.ts'
import { Claims } from '../../../src/kubernetes/claims.ts'
import { Leases, leaseName } from '../../../src/kubernetes/leases.ts'
import { readObject } from '../../../src/kubernetes/objects.ts'
import { SimApiServer } from '../../support/api-server.ts'
import { createAuthority } from '../../support/certificates.ts'

let directory = ''
let server: SimApiServer
let api: ApiServer
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'api-'))
  server = new SimApiServer(directory)
  await server.listen()
  const { port, serviceAccount } = server
  api = new ApiServer({ host: '127.0.0.1', port, userAgent: 'test/1', serviceAccount })
})
afterEach(async () => {
  api.close()
  await server.close()
  await rm(directory, { recursive: true })
})

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/storage/leases'
const VOLUMES = '/api/v1/persistentvolumes'
const leases = () => new Leases({ api, namespace: 'storage', name: 'vdisk-ldom-csi-io' })
const wanted = { holder: 'a', durationSeconds: 15, transitions: 0 }

test('the name of a lease is the driver with a dash for what such a name cannot have', () => {
  expect(leaseName('vdisk.ldom-csi.io')).toBe('vdisk-ldom-csi-io')
})

test('a lease is made, read and updated by its version; another version is refused', async () => {
  const store = leases()
  expect(await store.get()).toBeUndefined()
  const made = await store.create(wanted)
  expect(server.userAgent).toBe('test/1')
  expect(made).toMatchObject({ ...wanted, version: '1' })
  expect(await store.create(wanted)).toBe('exists')
  expect(await store.get()).toEqual(made)

  const renewed = await store.update(wanted, '1')
  expect(renewed).toMatchObject({ ...wanted, version: '2' })
  expect(await store.update(wanted, '1')).toBe('changed')
  server.objects.clear()
  expect(await store.update(wanted, '2')).toBe('changed')
})

test('each renewal leaves another mark, and keeps what others wrote on the lease', async () => {
  const store = leases()
  const made = await store.create(wanted)
  const path = `${LEASES}/vdisk-ldom-csi-io`
  const stored = server.objects.get(path)
  server.put(path, { ...stored, metadata: { ...stored?.metadata, labels: { team: 'storage' } } })
  const read = await store.get()
  expect(read).toMatchObject({ mark: made === 'exists' ? '' : made.mark })
  await new Promise(resolve => setTimeout(resolve, 5))

  const renewed = await store.update(wanted, '2')

  expect(renewed).not.toMatchObject({ mark: made === 'exists' ? '' : made.mark })
  expect(server.objects.get(path)?.metadata).toMatchObject({ labels: { team: 'storage' } })
  const { spec } = readObject(V1Lease, server.objects.get(path))
  expect(spec?.acquireTime?.getTime()).toBeLessThan(spec?.renewTime?.getTime() ?? 0)
  // As the API writes them: microseconds, in UTC.
  expect(server.objects.get(path)?.spec).toMatchObject({
    renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  })
})

test('a token and an authority that change while the process runs are taken', async () => {
  expect(await leases().get()).toBeUndefined()
  server.token = 'second token'
  await server.writeToken(server.token)
  expect(await leases().get()).toBeUndefined()
  await server.close()
  await server.listen()

  expect(await leases().get()).toBeUndefined()
})

test('a server of another authority gets no token, and one without a right gets its words', async () => {
  await server.writeAccount(createAuthority('somebody else'))
  await expect(leases().get()).rejects.toMatchObject({ kind: 'unavailable' })
  expect(server.requests).toEqual([])
  await server.close()
  await server.listen()
  server.faults.set('GET', 403)
  await expect(leases().get()).rejects.toMatchObject({
    kind: 'permission-denied',
    message: `the API server answers GET ${LEASES}/vdisk-ldom-csi-io with: as the test wishes`,
  })
  server.faults.set('GET', 500)
  await expect(leases().get()).rejects.toMatchObject({ kind: 'unavailable' })
})

test('an answer that is no lease is rejected by the name of what is wrong', async () => {
  const path = `${LEASES}/vdisk-ldom-csi-io`
  server.put(path, { spec: { holderIdentity: 7 } })
  await expect(leases().get()).rejects.toThrow('V1Lease.spec.holderIdentity that is not a string')
  server.put(path, { spec: { renewTime: 'yesterday' } })
  await expect(leases().get()).rejects.toThrow('V1Lease.spec.renewTime that is not a time')
})

describe('the claim of a volume', () => {
  const volume = (driver: string, volumeHandle: string, claim = 'web') => ({
    spec: {
      csi: { driver, volumeHandle },
      nfs: { server: 'ignored' },
      claimRef: { namespace: 'shop', name: claim, uid: `uid of ${claim}` },
    },
  })
  const claims = (name: string | undefined) =>
    new Claims({ api, driverName: 'vdisk.ldom-csi.io', nameOf: async () => name })
  const web = { namespace: 'shop', name: 'web', uid: 'uid of web' }

  test('is found by the name that the volume was made by, in one request', async () => {
    server.put(`${VOLUMES}/pvc-1`, volume('vdisk.ldom-csi.io', 'gold/v-1'))
    expect(await claims('pvc-1').find('gold/v-1')).toEqual(web)
    expect(server.requests).toEqual([`GET ${VOLUMES}/pvc-1`])
  })

  test.each([
    { what: 'another driver', other: volume('other', 'gold/v-1', 'wrong') },
    { what: 'another volume', other: volume('vdisk.ldom-csi.io', 'gold/v-2', 'wrong') },
    { what: 'no volume at all', other: {} },
  ])('is searched for where that name is of $what', async ({ other }) => {
    server.put(`${VOLUMES}/pvc-1`, other)
    server.put(`${VOLUMES}/by-hand`, volume('vdisk.ldom-csi.io', 'gold/v-1'))
    expect(await claims('pvc-1').find('gold/v-1')).toEqual(web)
  })

  test('is searched for page by page where the volume was made by a person', async () => {
    for (let at = 0; at < 600; at++) server.put(`${VOLUMES}/other-${at}`, volume('other', `${at}`))
    server.put(`${VOLUMES}/z-by-hand`, volume('vdisk.ldom-csi.io', 'gold/v-1'))
    expect(await claims(undefined).find('gold/v-1')).toEqual(web)
    expect(server.requests).toHaveLength(3)
    expect(await claims('No Name of Kubernetes/..').find('gold/v-1')).toEqual(web)
  })

  test('is none where no PersistentVolume names the volume, or nobody claims it', async () => {
    expect(await claims('pvc-1').find('gold/v-1')).toBeUndefined()
    server.put(`${VOLUMES}/pvc-1`, {
      spec: { csi: { driver: 'vdisk.ldom-csi.io', volumeHandle: 'gold/v-1' } },
    })
    expect(await claims('pvc-1').find('gold/v-1')).toBeUndefined()
  })
})
