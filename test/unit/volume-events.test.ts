import type { CallFailure } from '../../src/csi/wire/handler.ts'
import { StorageError } from '../../src/errors.ts'
import type { ApiAnswer, ApiRequest } from '../../src/kubernetes/api-answers.ts'
import {
  type EventObject,
  Events,
  type ObjectEvent,
  type VolumeEvent,
} from '../../src/kubernetes/events.ts'
import { eventsOfFailure } from '../../src/kubernetes/told-calls.ts'
import { type LogFields, silentLog } from '../../src/log.ts'
import { VirtualTime } from '../support/virtual-clock.ts'

function scene() {
  const time = new VirtualTime()
  const sent: { method: string; path: string; body: Record<string, unknown> }[] = []
  const warnings: string[] = []
  const world = {
    claim: { namespace: 'shop', name: 'web', uid: 'u1' } as
      | { namespace: string; name: string; uid: string }
      | undefined,
    answer: async (_: ApiRequest): Promise<ApiAnswer> => ({ status: 200, body: {} }),
  }
  const events = new Events({
    api: {
      send: async request => {
        const { method, path, body = '{}' } = request
        sent.push({ method, path, body: JSON.parse(body) })
        return world.answer(request)
      },
    },
    claims: { find: async () => world.claim },
    driverName: 'vdisk.ldom-csi.io',
    instance: 'pod-1',
    clock: time.clock(),
    log: { ...silentLog, warn: (_: LogFields, message) => void warnings.push(message) },
  })
  return { time, sent, warnings, world, events }
}

const EVENT: VolumeEvent = {
  volumeId: 'gold/v-1',
  type: 'Warning',
  reason: 'AttachFailed',
  message: 'volume gold/v-1 is attached to m1/ldg2; detach it there',
}

test('an event stands on the claim, with the words of the driver', async () => {
  const { time, sent, events } = scene()
  events.tell(EVENT)
  await time.pass(0)

  expect(sent).toEqual([
    {
      method: 'POST',
      path: '/api/v1/namespaces/shop/events',
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'shop' },
        involvedObject: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace: 'shop',
          name: 'web',
          uid: 'u1',
        },
        type: 'Warning',
        reason: 'AttachFailed',
        message: EVENT.message,
        count: 1,
        firstTimestamp: expect.stringMatching(/Z$/),
        lastTimestamp: expect.stringMatching(/Z$/),
        source: { component: 'vdisk.ldom-csi.io' },
        reportingComponent: 'vdisk.ldom-csi.io',
        reportingInstance: 'pod-1',
      },
    },
  ])
})

test('the same event again is counted, once a minute at the most', async () => {
  const { time, sent, events } = scene()
  for (let second = 0; second < 150; second++) {
    events.tell(EVENT)
    await time.pass(1_000)
  }

  expect(sent.map(({ method, body }) => [method, body.count])).toEqual([
    ['POST', 1],
    ['PATCH', 61],
    ['PATCH', 121],
  ])
  expect(sent[1]?.path).toBe(`${sent[0]?.path}/${Object(sent[0]?.body.metadata).name}`)
})

test('one that the cluster has forgotten, and one that is half an hour old, is a new one', async () => {
  const { time, sent, world, events } = scene()
  events.tell(EVENT)
  await time.pass(61_000)
  world.answer = async ({ method }) => ({ status: method === 'PATCH' ? 404 : 201, body: {} })
  events.tell(EVENT)
  await time.pass(30 * 60_000)
  events.tell(EVENT)
  await time.pass(0)

  expect(sent.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST', 'POST'])
})

test('other words are another event', async () => {
  const { time, sent, events } = scene()
  events.tell(EVENT)
  events.tell({ ...EVENT, message: 'other words' })
  events.tell({ ...EVENT, volumeId: 'gold/v-2' })
  await time.pass(0)

  expect(sent).toHaveLength(3)
})

test.each([
  { what: 'fails', answer: async () => Promise.reject(new StorageError('unavailable', 'down')) },
  { what: 'throws what nobody expects', answer: async () => Promise.reject(new TypeError('bug')) },
])(
  'an API server that $what costs a line of the log, and the next event is written',
  async ({ answer }) => {
    const { time, sent, warnings, world, events } = scene()
    const works = world.answer
    world.answer = answer
    events.tell(EVENT)
    await time.pass(0)
    world.answer = works
    events.tell({ ...EVENT, reason: 'DetachFailed' })
    await time.pass(0)

    expect(warnings).toEqual(['event AttachFailed could not be written'])
    expect(sent).toHaveLength(2)
  },
)

test('what waits behind a server that hangs is bounded, and nobody waits for it', async () => {
  const { time, sent, warnings, world, events } = scene()
  world.answer = () => new Promise(() => {})
  for (let at = 0; at < 10_000; at++) events.tell({ ...EVENT, volumeId: `gold/v-${at}` })
  await time.pass(0)
  expect(sent).toHaveLength(1)
  expect(warnings).toEqual(['events are dropped: too many wait'])
})

test('a volume without a claim has no event', async () => {
  const { time, sent, world, events } = scene()
  world.claim = undefined
  events.tell(EVENT)
  await time.pass(0)

  expect(sent).toEqual([])
})

const DISK: EventObject = {
  apiVersion: 'ldom-csi.io/v1alpha1',
  kind: 'GuestDisk',
  namespace: 'prod',
  name: 'orders',
  uid: 'u2',
}
const ON_DISK: ObjectEvent = {
  object: DISK,
  type: 'Normal',
  reason: 'PathsRestored',
  message: 'every path works again',
}

test('an event about an object stands on that object, and asks for no claim', async () => {
  const { time, sent, world, events } = scene()
  world.claim = undefined
  events.tell(ON_DISK)
  events.tell(ON_DISK)
  events.tell({ ...ON_DISK, object: { ...DISK, uid: 'u3' } })
  await time.pass(0)

  expect(sent.map(({ method, path }) => [method, path])).toEqual([
    ['POST', '/api/v1/namespaces/prod/events'],
    ['POST', '/api/v1/namespaces/prod/events'],
  ])
  expect(sent[0]?.body).toMatchObject({
    metadata: { name: expect.stringMatching(/^orders\.[0-9a-f]{16}$/), namespace: 'prod' },
    involvedObject: DISK,
    count: 2,
  })
})

test('the longest names and messages still make an event', async () => {
  const { time, sent, world, events } = scene()
  const name = `${'a'.repeat(199)}.${'b'.repeat(53)}`
  world.claim = { namespace: 'shop', name, uid: 'u1' }
  events.tell({ ...EVENT, message: 'x'.repeat(5_000) })
  await time.pass(0)
  const { metadata, message } = sent[0]?.body ?? {}

  expect(Object(metadata).name).toMatch(/^a{199}\.[0-9a-f]{16}$/)
  expect(message).toBe(`${'x'.repeat(1_000)}…`)
})

const FAILURE: CallFailure = {
  rpc: 'ControllerPublishVolume',
  request: { volume_id: 'gold/v-1' },
  kind: 'in-use',
  message: 'volume gold/v-1 is attached',
}

test.each<{ what: string; change: Partial<CallFailure>; told: readonly string[] }>([
  { what: 'an attachment that a person must make possible', change: {}, told: ['AttachFailed'] },
  { what: 'a detachment', change: { rpc: 'ControllerUnpublishVolume' }, told: ['DetachFailed'] },
  {
    what: 'a snapshot',
    change: { rpc: 'CreateSnapshot', request: { source_volume_id: 'gold/v-1' }, kind: 'no-space' },
    told: ['SnapshotFailed'],
  },
  {
    what: 'a group, on each of its volumes',
    change: {
      rpc: 'CreateVolumeGroupSnapshot',
      request: { source_volume_ids: ['gold/v-1', 'gold/v-2'] },
    },
    told: ['GroupSnapshotFailed', 'GroupSnapshotFailed'],
  },
  { what: 'not what may succeed by itself', change: { kind: 'unavailable' }, told: [] },
  { what: 'not what another call holds up', change: { kind: 'busy' }, told: [] },
  { what: 'not a bug, which is for the log', change: { kind: undefined }, told: [] },
  { what: 'not what csi-provisioner tells', change: { rpc: 'CreateVolume' }, told: [] },
  { what: 'not what csi-resizer tells', change: { rpc: 'ControllerExpandVolume' }, told: [] },
  { what: 'not a call without a volume', change: { request: {} }, told: [] },
])('of failed calls is told: $what', ({ change, told }) => {
  expect(eventsOfFailure({ ...FAILURE, ...change }).map(({ reason }) => reason)).toEqual(told)
})
