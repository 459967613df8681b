import type { ServiceError } from '@grpc/grpc-js'
import { identityService } from '../../src/csi/identity.ts'
import { RpcError } from '../../src/csi/wire/client.ts'
import { type CallFailure, type Handlers, service } from '../../src/csi/wire/handler.ts'
import type { ControllerMethods, CreateVolumeRequest } from '../../src/csi/wire/types.gen.ts'
import { StorageError } from '../../src/errors.ts'
import { KeyedLock } from '../../src/locks.ts'
import { gate, type Plugin, servePlugin, until } from './plugin.ts'

const identity = identityService({
  driverName: 'vdisk.ldom-csi.io',
  version: '1.2.3',
  snapshotTopology: false,
})

let plugin: Plugin | undefined

async function serve(handlers: Handlers<ControllerMethods>): Promise<Plugin> {
  plugin = await servePlugin([identity, service('Controller', handlers)])
  return plugin
}

afterEach(async () => {
  await plugin?.end()
  plugin = undefined
})

async function failure(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof RpcError)) throw new Error('the call did not fail')
  return error
}

/** Answered after every call that was sent before it on this connection has reached its handler. */
async function afterwards({ client }: Plugin): Promise<void> {
  await client.identity.Probe({})
}

const throwing: readonly { name: string; thrown: unknown; code: string; details: string }[] = [
  {
    name: 'an error with a kind',
    thrown: new StorageError('in-use', 'volume a is attached'),
    code: 'FAILED_PRECONDITION',
    details: 'volume a is attached',
  },
  {
    name: 'an error with causes',
    thrown: new StorageError('unavailable', 'volume a', {
      cause: new StorageError('unavailable', 'host m1', { cause: new Error('reset') }),
    }),
    code: 'UNAVAILABLE',
    details: 'volume a: host m1: reset',
  },
  {
    name: 'a bug',
    thrown: new TypeError('x is undefined'),
    code: 'INTERNAL',
    details: 'x is undefined',
  },
  {
    name: 'an error without a message',
    thrown: new Error(''),
    code: 'INTERNAL',
    details: 'no message (Error)',
  },
  { name: 'a text', thrown: 'out of paper', code: 'INTERNAL', details: 'out of paper' },
  {
    name: 'nothing at all',
    thrown: undefined,
    code: 'INTERNAL',
    details: 'no message (undefined)',
  },
  {
    name: 'words in another script',
    thrown: new StorageError('not-found', 'том «a»\nне найден'),
    code: 'NOT_FOUND',
    details: 'том «a»\nне найден',
  },
]

test.each(throwing)(
  'a handler that rejects with $name answers $code',
  async ({ thrown, code, details }) => {
    const { client } = await serve({ DeleteVolume: () => Promise.reject(thrown) })
    expect(await failure(client.controller.DeleteVolume({ volume_id: 'a' }))).toMatchObject({
      code,
      details,
    })
  },
)

test.each(throwing)(
  'a handler that throws $name before it waits for anything answers $code',
  async ({ thrown, code, details }) => {
    const { client } = await serve({
      DeleteVolume: () => {
        throw thrown
      },
    })
    expect(await failure(client.controller.DeleteVolume({ volume_id: 'a' }))).toMatchObject({
      code,
      details,
    })
  },
)

test('a failed call carries no status details', async () => {
  const { client } = await serve({
    DeleteVolume: () => Promise.reject(new StorageError('busy', 'later')),
  })
  const { cause } = await failure(client.controller.DeleteVolume({ volume_id: 'a' }))
  expect((cause as ServiceError).metadata.get('grpc-status-details-bin')).toEqual([])
})

test('a very long message is cut, not lost', async () => {
  const { client } = await serve({
    DeleteVolume: () =>
      Promise.reject(new StorageError('internal', `${'é'.repeat(1999)}🂡${'x'.repeat(90_000)}`)),
  })
  const { code, details } = await failure(client.controller.DeleteVolume({ volume_id: 'a' }))
  expect(code).toBe('INTERNAL')
  expect(details.startsWith('é'.repeat(1999))).toBe(true)
  expect(details.length).toBeLessThan(2100)
})

test('a method without a handler and a service that is not offered are UNIMPLEMENTED', async () => {
  const { client } = await serve({ ControllerGetCapabilities: async () => ({}) })
  expect(await failure(client.controller.ControllerExpandVolume({ volume_id: 'a' }))).toMatchObject(
    { code: 'UNIMPLEMENTED' },
  )
  expect(await failure(client.node.NodeGetInfo({}))).toMatchObject({ code: 'UNIMPLEMENTED' })
})

test('a handler sees every scalar, list and map, and 64 bits without loss', async () => {
  let seen: CreateVolumeRequest | undefined
  const { client } = await serve({
    CreateVolume: async request => {
      seen = request
      return {}
    },
  })
  await client.controller.CreateVolume({
    name: 'a',
    capacity_range: { required_bytes: '9007199254740993' },
    parameters: { __proto__x: '1' },
  })
  expect(seen).toEqual({
    name: 'a',
    capacity_range: { required_bytes: '9007199254740993', limit_bytes: '0' },
    volume_capabilities: [],
    parameters: { __proto__x: '1' },
    secrets: {},
    mutable_parameters: {},
  })
})

// Whether the answer still reaches the caller in time is a matter of the machine's load.
test('a deadline aborts the wait before the caller gives up, and says why', async () => {
  const { client, lines } = await serve({ DeleteVolume: (_, signal) => until(signal) })
  const { code } = await failure(
    client.controller.DeleteVolume({ volume_id: 'a' }, { timeoutMs: 3000 }),
  )
  expect(code).toMatch(/UNAVAILABLE|DEADLINE_EXCEEDED/)
  const logged = () => lines.find(({ rpc }) => rpc === 'DeleteVolume')
  while (logged() === undefined) await new Promise(setImmediate)
  expect(logged()).toMatchObject({
    code: 'UNAVAILABLE',
    error: "the caller's deadline ended the wait",
  })
})

test('an interruption that a library reports as its own is UNAVAILABLE, not a bug', async () => {
  const { client, lines } = await serve({
    DeleteVolume: async (_, signal) => {
      await until(signal).catch(() => {})
      throw new DOMException('This operation was aborted', 'AbortError')
    },
  })
  await failure(client.controller.DeleteVolume({ volume_id: 'a' }, { timeoutMs: 500 }))
  await client.identity.Probe({})
  expect(lines.find(line => line.rpc === 'DeleteVolume')).toMatchObject({ code: 'UNAVAILABLE' })
})

test('a caller that gives up aborts the work', async () => {
  const [started, aborted] = [gate(), gate()]
  const { client } = await serve({
    DeleteVolume: async (_, signal) => {
      started.resolve()
      await until(signal).catch(() => aborted.resolve())
      return {}
    },
  })
  const caller = new AbortController()
  const call = failure(
    client.controller.DeleteVolume({ volume_id: 'a' }, { signal: caller.signal }),
  )
  await started.promise
  caller.abort()
  await aborted.promise
  expect(await call).toMatchObject({ code: 'CANCELLED' })
})

test('identical changes in flight are one piece of work with one answer', async () => {
  const answer = gate<string>()
  const runs: string[] = []
  const served = await serve({
    CreateVolume: async request => {
      runs.push(request.name)
      return { volume: { volume_id: await answer.promise } }
    },
  })
  const create = () =>
    served.client.controller.CreateVolume({ name: 'a', parameters: { x: '1', y: '2' } })
  const calls = [
    create(),
    create(),
    served.client.controller.CreateVolume({ name: 'a', parameters: { y: '2', x: '1' } }),
  ]
  await afterwards(served)
  answer.resolve('silver/v-1')
  const ids = (await Promise.all(calls)).map(response => response.volume?.volume_id)
  expect({ runs, ids }).toEqual({ runs: ['a'], ids: ['silver/v-1', 'silver/v-1', 'silver/v-1'] })
})

test('a change that was answered runs again when it is asked again', async () => {
  let runs = 0
  const { client } = await serve({ DeleteVolume: async () => ({ runs: runs++ }) })
  await client.controller.DeleteVolume({ volume_id: 'a' })
  await client.controller.DeleteVolume({ volume_id: 'a' })
  expect(runs).toBe(2)
})

test('a joined call that fails fails for all, and is not remembered', async () => {
  const answer = gate()
  let runs = 0
  const served = await serve({
    DeleteVolume: async () => {
      runs += 1
      if (runs > 1) return {}
      await answer.promise
      throw new StorageError('busy', 'the disk is open')
    },
  })
  const calls = [1, 2].map(() => failure(served.client.controller.DeleteVolume({ volume_id: 'a' })))
  await afterwards(served)
  answer.resolve()
  expect((await Promise.all(calls)).map(error => error.code)).toEqual(['ABORTED', 'ABORTED'])
  await expect(served.client.controller.DeleteVolume({ volume_id: 'a' })).resolves.toEqual({})
})

test('changes that differ, if only in a secret, run side by side', async () => {
  const answer = gate()
  const runs: string[] = []
  const served = await serve({
    DeleteVolume: async request => {
      runs.push(`${request.volume_id} ${request.secrets.key}`)
      await answer.promise
      return {}
    },
  })
  const remove = (volume_id: string, key: string) =>
    served.client.controller.DeleteVolume({ volume_id, secrets: { key } })
  const calls = [remove('a', '1'), remove('a', '2'), remove('b', '1')]
  await afterwards(served)
  answer.resolve()
  await Promise.all(calls)
  expect(runs).toEqual(['a 1', 'a 2', 'b 1'])
})

test(
  'the log says how much of a call was spent behind others, also where its deadline passed ' +
    'there',
  async () => {
    const lock = new KeyedLock()
    const holds = gate()
    const begun = gate()
    const served = await serve({
      DeleteVolume: (request, signal) =>
        lock.hold('a', signal, async () => {
          begun.resolve()
          if (request.volume_id === 'first') await holds.promise
          return {}
        }),
    })
    const first = served.client.controller.DeleteVolume({ volume_id: 'first' })
    await begun.promise
    const late = await failure(
      served.client.controller.DeleteVolume({ volume_id: 'late' }, { timeoutMs: 3000 }),
    )
    expect(late.code).toMatch(/ABORTED|DEADLINE_EXCEEDED/)
    holds.resolve()
    await first
    while (served.lines.length < 3) await new Promise(setImmediate)
    const of = (volumeId: string) => served.lines.find(line => line.volumeId === volumeId)
    expect(of('late')).toMatchObject({ queuedMs: expect.any(Number) })
    const queuedMs = (volumeId: string) => Number(of(volumeId)?.queuedMs ?? 0)
    expect(queuedMs('late')).toBeGreaterThan(0)
    // A busy machine may stop the first call for a moment, too.
    expect(queuedMs('first')).toBeLessThan(queuedMs('late') / 2)
  },
)

test('reads are never joined: an answer is no older than its question', async () => {
  const answer = gate()
  let runs = 0
  const served = await serve({
    ListVolumes: async () => {
      runs += 1
      await answer.promise
      return {}
    },
  })
  const calls = [served.client.controller.ListVolumes({}), served.client.controller.ListVolumes({})]
  await afterwards(served)
  answer.resolve()
  await Promise.all(calls)
  expect(runs).toBe(2)
})

test('work that two callers wait for goes on when one of them gives up', async () => {
  const answer = gate()
  let wasAborted = true
  const served = await serve({
    DeleteVolume: async (_, signal) => {
      await answer.promise
      wasAborted = signal.aborted
      return {}
    },
  })
  const impatient = new AbortController()
  const first = failure(
    served.client.controller.DeleteVolume({ volume_id: 'a' }, { signal: impatient.signal }),
  )
  const second = served.client.controller.DeleteVolume({ volume_id: 'a' })
  await afterwards(served)
  impatient.abort()
  await first
  await afterwards(served)
  answer.resolve()
  await second
  expect(wasAborted).toBe(false)
})

test('every call is one line of the log, with the names it speaks of', async () => {
  const { client, lines } = await serve({
    ControllerPublishVolume: async () => ({}),
    DeleteVolume: () => Promise.reject(new StorageError('in-use', 'volume a is attached')),
  })
  await client.controller.ControllerPublishVolume({ volume_id: 'silver/a', node_id: 'm1/ldg1' })
  await failure(client.controller.DeleteVolume({ volume_id: 'silver/a' }))
  const calls = lines
    .filter(line => line.msg === 'rpc done')
    .map(({ time: _, durationMs, ...line }) => ({ ...line, timed: typeof durationMs }))
  expect(calls).toEqual([
    {
      level: 'info',
      msg: 'rpc done',
      rpc: 'ControllerPublishVolume',
      volumeId: 'silver/a',
      guest: 'm1/ldg1',
      code: 'OK',
      timed: 'number',
    },
    {
      level: 'info',
      msg: 'rpc done',
      rpc: 'DeleteVolume',
      volumeId: 'silver/a',
      code: 'FAILED_PRECONDITION',
      error: 'volume a is attached',
      timed: 'number',
    },
  ])
})

test('an Identity call is a line for debugging as long as it succeeds', async () => {
  const failing = service('Identity', {
    Probe: async () => ({ ready: { value: false } }),
    GetPluginInfo: () => Promise.reject(new StorageError('unavailable', 'no name yet')),
  })
  plugin = await servePlugin([failing])
  const { client, lines } = plugin
  await client.identity.Probe({})
  await failure(client.identity.GetPluginInfo({}))

  const calls = lines.filter(line => line.msg === 'rpc done')
  expect(calls.map(({ rpc, level }) => [rpc, level])).toEqual([
    ['Probe', 'debug'],
    ['GetPluginInfo', 'info'],
  ])
})

test('the line of a create names what was made', async () => {
  const { client, lines } = await serve({
    CreateVolume: async () => ({ volume: { volume_id: 'silver/v-1' } }),
  })
  await client.controller.CreateVolume({ name: 'pvc-1' })
  expect(lines.at(-1)).toMatchObject({ rpc: 'CreateVolume', volumeId: 'silver/v-1', code: 'OK' })
})

test('a bug leaves its stack in the log and only its message at the caller', async () => {
  const { client, lines } = await serve({
    DeleteVolume: () => Promise.reject(new TypeError('x is undefined')),
  })
  const { details } = await failure(client.controller.DeleteVolume({ volume_id: 'a' }))
  expect(details).toBe('x is undefined')
  expect(lines.at(-1)?.error).toMatch(/TypeError: x is undefined\n\s+at /)
})

test('whoever hears of a failed call is not waited for', async () => {
  const failing = service('Controller', {
    DeleteVolume: () => Promise.reject(new StorageError('in-use', 'volume a is attached')),
  })
  const heard: string[] = []
  const watch = {
    admit: () => {},
    failed: ({ message }: CallFailure) => {
      heard.push(message)
      return new Promise<void>(() => {})
    },
  }
  plugin = await servePlugin([failing], watch)

  const { code } = await failure(plugin.client.controller.DeleteVolume({ volume_id: 'a' }))
  expect(code).toBe('FAILED_PRECONDITION')
  expect(heard).toEqual(['volume a is attached'])
})

test('a secret in a path of the request does not reach the log', async () => {
  const { client, lines } = await serve({
    CreateSnapshot: () => Promise.reject(new StorageError('not-found', 'none')),
  })
  await failure(
    client.controller.CreateSnapshot({
      name: 's',
      source_volume_id: 'tank/correct-horse',
      secrets: { key: 'correct-horse' },
    }),
  )
  expect(lines.at(-1)).toMatchObject({ rpc: 'CreateSnapshot', volumeId: 'tank/***' })
})

test('no secret reaches the log or the caller, wherever an error picked it up', async () => {
  const secrets = { user: 'operator-7', password: 'operator-7-correct-horse' }
  const { client, lines } = await serve({
    CreateVolume: request =>
      Promise.reject(
        new StorageError('permission-denied', `login ${request.secrets.user} failed`, {
          cause: new Error(`wrong: ${request.secrets.password}`),
        }),
      ),
  })
  const { details, code } = await failure(client.controller.CreateVolume({ name: 'a', secrets }))
  expect({ details, code }).toEqual({
    details: 'login *** failed: wrong: ***',
    code: 'PERMISSION_DENIED',
  })
  expect(JSON.stringify(lines)).not.toMatch(/operator-7|correct-horse/)
})
