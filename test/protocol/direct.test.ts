// Calls to services of the same process, held against the same services behind a socket.

import { type CsiClient, RpcError } from '../../src/csi/wire/client.ts'
import { callDirectly } from '../../src/csi/wire/direct.ts'
import { type Handlers, service } from '../../src/csi/wire/handler.ts'
import type { NodeMethods, NodeStageVolumeRequest } from '../../src/csi/wire/types.gen.ts'
import { StorageError } from '../../src/errors.ts'
import { createLog, silentLog } from '../../src/log.ts'
import { gate, type Plugin, servePlugin, until } from './plugin.ts'

type Node = CsiClient['node']
type Way = 'direct' | 'socket'

const plugins: Plugin[] = []

afterEach(async () => {
  for (const plugin of plugins.splice(0)) await plugin.end()
})

/** The node calls of these handlers, and their log. */
async function open(way: Way, handlers: Handlers<NodeMethods>) {
  const services = [service('Node', handlers)]
  if (way === 'socket') {
    const plugin = await servePlugin(services)
    plugins.push(plugin)
    return { node: plugin.client.node, lines: plugin.lines }
  }
  const lines: Record<string, unknown>[] = []
  const log = createLog({
    level: 'debug',
    destination: { write: line => lines.push(JSON.parse(line)) },
  })
  return { node: callDirectly('Node', services, log), lines }
}

async function failure(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof RpcError)) throw new Error('the call did not fail')
  const { rpc, code, details, message } = error
  return { rpc, code, details, message }
}

/** What a caller is told, whichever way he came. */
async function told(handlers: Handlers<NodeMethods>, call: (node: Node) => Promise<unknown>) {
  const [direct, socket] = [await open('direct', handlers), await open('socket', handlers)]
  return { direct: await failure(call(direct.node)), socket: await failure(call(socket.node)) }
}

const failing: readonly { name: string; thrown: unknown; code: string }[] = [
  { name: 'an error', thrown: new StorageError('in-use', 'disk 7'), code: 'FAILED_PRECONDITION' },
  {
    name: 'an error with causes',
    thrown: new StorageError('unavailable', 'guest', { cause: new Error('reset') }),
    code: 'UNAVAILABLE',
  },
  { name: 'a bug', thrown: new TypeError('x is undefined'), code: 'INTERNAL' },
  { name: 'a text', thrown: 'out of paper', code: 'INTERNAL' },
]

test.each(failing)('$name is told as through a socket', async ({ thrown, code }) => {
  const { direct, socket } = await told({ NodeStageVolume: () => Promise.reject(thrown) }, node =>
    node.NodeStageVolume({ volume_id: 'a' }),
  )

  expect(direct).toEqual(socket)
  expect(direct).toMatchObject({ rpc: 'NodeStageVolume', code })
})

test('a method without a handler is UNIMPLEMENTED, and so is a service that is not there', async () => {
  const { direct, socket } = await told({ NodeGetCapabilities: async () => ({}) }, node =>
    node.NodeGetInfo({}),
  )
  const none = await failure(callDirectly('Node', [], silentLog).NodeGetInfo({}))

  expect(direct).toEqual(socket)
  expect([direct.code, none.code]).toEqual(['UNIMPLEMENTED', 'UNIMPLEMENTED'])
})

test.each(['direct', 'socket'] as const)(
  'handler and caller get every default, and only what the type has (%s)',
  async way => {
    const requests: NodeStageVolumeRequest[] = []
    const { node } = await open(way, {
      NodeStageVolume: async request => {
        requests.push(request)
        return {}
      },
      NodeGetInfo: async () => ({ node_id: 'm1/ldg1' }),
    })

    await node.NodeStageVolume({ volume_id: 'a', publish_context: { vdisk: '100' } })
    const info = await node.NodeGetInfo({})

    expect(requests).toEqual([
      {
        volume_id: 'a',
        publish_context: { vdisk: '100' },
        staging_target_path: '',
        secrets: {},
        volume_context: {},
      },
    ])
    expect(info).toEqual({ node_id: 'm1/ldg1', max_volumes_per_node: '0' })
  },
)

test('the handler gets a message of its own, which its caller cannot change', async () => {
  const context: Record<string, string> = { vdisk: '100' }
  const seen = gate<NodeStageVolumeRequest>()
  const go = gate()
  const { node } = await open('direct', {
    NodeStageVolume: async request => {
      seen.resolve(request)
      await go.promise
      return {}
    },
  })
  const call = node.NodeStageVolume({ publish_context: context })
  const request = await seen.promise
  context.vdisk = '101'
  go.resolve()
  await call

  expect(request.publish_context).toEqual({ vdisk: '100' })
})

test.each(['direct', 'socket'] as const)(
  'a caller that gives up is told at once, and its work comes to an end (%s)',
  async way => {
    const go = gate()
    const begun = gate()
    const ended: string[] = []
    const { node } = await open(way, {
      NodeStageVolume: async ({ volume_id }, signal) => {
        begun.resolve()
        await go.promise
        ended.push(`${volume_id} ${signal.aborted}`)
        return {}
      },
    })
    const gone = new AbortController()
    const call = failure(node.NodeStageVolume({ volume_id: 'a' }, { signal: gone.signal }))
    await begun.promise
    gone.abort()

    expect(await call).toMatchObject({ code: 'CANCELLED' })
    expect(ended).toEqual([])
    // Through a socket it takes a moment until the handler hears of it.
    await new Promise(resolve => setTimeout(resolve, 50))
    go.resolve()
    await new Promise(resolve => setImmediate(resolve))
    expect(ended).toEqual(['a true'])
  },
)

test('a caller that has given up before begins nothing', async () => {
  const begun: string[] = []
  const { node } = await open('direct', {
    NodeStageVolume: async () => {
      begun.push('begun')
      return {}
    },
  })

  const call = failure(node.NodeStageVolume({}, { signal: AbortSignal.abort() }))

  expect(await call).toMatchObject({ code: 'CANCELLED' })
  expect(begun).toEqual([])
})

test('the time of a caller ends the call, and before that the waits of its handler', async () => {
  const { node, lines } = await open('direct', {
    NodeStageVolume: (_, signal) => until(signal),
    NodeUnstageVolume: () => new Promise(() => {}),
  })

  const waiting = failure(node.NodeStageVolume({ volume_id: 'a' }, { timeoutMs: 500 }))
  const deaf = failure(node.NodeUnstageVolume({ volume_id: 'a' }, { timeoutMs: 500 }))

  expect(await waiting).toMatchObject({
    code: 'UNAVAILABLE',
    details: "the caller's deadline ended the wait",
  })
  expect(await deaf).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  expect(lines.filter(line => line.rpc !== undefined)).toMatchObject([
    { rpc: 'NodeStageVolume', volumeId: 'a', code: 'UNAVAILABLE' },
  ])
})

// Whether the answer still comes through the socket in time is a matter of the machine's load.
test('the time of a caller behind a socket ends the waits of its handler', async () => {
  const ended: unknown[] = []
  const { node } = await open('socket', {
    NodeStageVolume: (_, signal) => until(signal).catch(reason => ended.push(reason) && {}),
    NodeUnstageVolume: () => new Promise(() => {}),
  })

  const waiting = node.NodeStageVolume({ volume_id: 'a' }, { timeoutMs: 2_000 })
  const deaf = failure(node.NodeUnstageVolume({ volume_id: 'a' }, { timeoutMs: 2_000 }))

  await waiting.catch(() => {})
  expect(await deaf).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  expect(ended).toMatchObject([{ message: "the caller's deadline ended the wait" }])
})

test('a limit that no timer can hold is none', async () => {
  const { node } = await open('direct', {
    NodeGetInfo: async () => {
      // Such a timer would end at once.
      await new Promise(resolve => setTimeout(resolve, 20))
      return { node_id: 'm1/ldg1' }
    },
  })

  expect(await node.NodeGetInfo({}, { timeoutMs: 2 ** 40 })).toMatchObject({ node_id: 'm1/ldg1' })
})

test('identical changes share one piece of work, which outlives the first caller', async () => {
  const go = gate()
  let begun = 0
  const { node } = await open('direct', {
    NodeStageVolume: async (_, signal) => {
      begun += 1
      await go.promise
      signal.throwIfAborted()
      return {}
    },
  })
  const gone = new AbortController()
  const first = failure(node.NodeStageVolume({ volume_id: 'a' }, { signal: gone.signal }))
  const second = node.NodeStageVolume({ volume_id: 'a' })
  const other = node.NodeStageVolume({ volume_id: 'b' })
  gone.abort()
  go.resolve()

  expect(await first).toMatchObject({ code: 'CANCELLED' })
  expect(await Promise.all([second, other])).toEqual([{}, {}])
  expect(begun).toBe(2)
})

test('a message that does not fit its type is INTERNAL, on the way in and on the way out', async () => {
  const wrong: Record<string, unknown> = { node_id: 'm1/ldg1', accessible_topology: 'nowhere' }
  const { node } = await open('direct', { NodeGetInfo: async () => wrong })

  expect(await failure(node.NodeGetInfo({}))).toMatchObject({
    rpc: 'NodeGetInfo',
    code: 'INTERNAL',
  })
})

test('secrets are kept out of errors and log', async () => {
  const { node, lines } = await open('direct', {
    NodeStageVolume: async ({ secrets }) => {
      throw new StorageError('internal', `wrong key ${secrets.key}`)
    },
  })

  const { details } = await failure(node.NodeStageVolume({ secrets: { key: 'hush-hush' } }))

  expect(details).toBe('wrong key ***')
  expect(JSON.stringify(lines)).not.toContain('hush-hush')
})
