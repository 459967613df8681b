// Calls that meet: different changes of one object take turns, and one whose turn does not come in
// time is ABORTED; changes of different objects do not wait for each other.

import { type ChangeStore, controllerService } from '../../src/csi/controller.ts'
import { identityService } from '../../src/csi/identity.ts'
import { KeyedLock } from '../../src/locks.ts'
import { code } from './conformance/world.ts'
import { controllerOptions, MemoryStorage } from './memory-storage.ts'
import { gate, type Plugin, servePlugin } from './plugin.ts'

const driverName = 'vdisk.ldom-csi.io'

let plugin: Plugin
let storage: MemoryStorage
let entered: PromiseWithResolvers<void>
let leave: PromiseWithResolvers<void>

// Changes as storage makes them, one at a time for a volume; an expansion stays in the middle until
// it is let go.
beforeEach(async () => {
  storage = new MemoryStorage({ machine: 'm1', guests: ['ldg1'] })
  const lock = new KeyedLock()
  entered = gate()
  leave = gate()
  const changes: ChangeStore = {
    expandVolume: (id, range, signal) =>
      lock.hold(id, signal, async () => {
        entered.resolve()
        await leave.promise
        return storage.expandVolume(id, range)
      }),
    modifyVolume: (id, wanted, signal) =>
      lock.hold(id, signal, () => storage.modifyVolume(id, wanted)),
  }
  const identity = identityService({ driverName, version: '1', snapshotTopology: true })
  plugin = await servePlugin([
    identity,
    controllerService({ driverName, ...controllerOptions(storage), changes }),
  ])
})

afterEach(() => plugin.end())

async function create(name: string): Promise<string> {
  const request = { name, volume_capabilities: [{ block: {}, access_mode: { mode: 1 as const } }] }
  return (await plugin.client.controller.CreateVolume(request)).volume?.volume_id ?? ''
}

const range = { required_bytes: String(2 ** 31) }
const mutable_parameters = { sync: 'always' }

test('another change of the same volume waits for its turn', async () => {
  const { controller } = plugin.client
  const volume_id = await create('pvc')
  const first = controller.ControllerExpandVolume({ volume_id, capacity_range: range })
  await entered.promise
  const second = controller.ControllerModifyVolume({ volume_id, mutable_parameters })
  leave.resolve()
  await first
  await second
  expect(storage.modified.get(volume_id)).toEqual({ sync: 'always' })
})

test(
  'another change whose turn does not come before its deadline is ABORTED, and changes ' +
    'nothing',
  async () => {
    const { controller } = plugin.client
    const volume_id = await create('pvc')
    const first = controller.ControllerExpandVolume({ volume_id, capacity_range: range })
    await entered.promise
    const late = await code(
      controller.ControllerModifyVolume({ volume_id, mutable_parameters }, { timeoutMs: 2000 }),
    )
    // On a busy machine the caller may give up before the answer reaches it. The log has it.
    expect(late).toMatch(/ABORTED|DEADLINE_EXCEEDED/)
    const logged = () => plugin.lines.find(({ rpc }) => rpc === 'ControllerModifyVolume')
    while (logged() === undefined) await new Promise(setImmediate)
    expect(logged()).toMatchObject({ code: 'ABORTED' })
    expect(storage.modified.get(volume_id)).toBeUndefined()
    leave.resolve()
    expect((await first).capacity_bytes).toBe(range.required_bytes)
  },
)

test('a change of another volume does not wait', async () => {
  const { controller } = plugin.client
  const [one, two] = [await create('one'), await create('two')]
  const first = controller.ControllerExpandVolume({ volume_id: one, capacity_range: range })
  await entered.promise
  await controller.ControllerModifyVolume({ volume_id: two, mutable_parameters })
  leave.resolve()
  await first
})
