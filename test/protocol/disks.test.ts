// The private service Disks through the socket of a controller on the simulated installation.

import { controllerServices } from '../../src/bin/compose/installation.ts'
import { RpcError } from '../../src/csi/wire/client.ts'
import { GuestReadiness, PathState } from '../../src/csi/wire/types.gen.ts'
import { attachRequest, install, volumeSpec } from '../support/installation.ts'
import { type Plugin, servePlugin } from './plugin.ts'

let plugin: Plugin | undefined

afterEach(async () => {
  await plugin?.end()
  plugin = undefined
})

/** A controller with a volume of `gold` that m1/ldg1 has. */
async function serve() {
  const { world, driver } = install()
  const installation = { ...driver(), stop: async () => {} }
  const { volumes, attachments } = installation
  const { id } = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'used' }))
  const { slot } = await attachments.attach(attachRequest(id, 'm1/ldg1'))
  plugin = await servePlugin(controllerServices(installation, '1.2.3'))
  return { world, disks: plugin.client.disks, id, slot }
}

test('the controller tells every disk with its guest and its paths', async () => {
  const { world, disks, id, slot } = await serve()
  world.machine('m1').setServiceDomain('alternate', 'down')

  expect(await disks.ListDisks({})).toEqual({
    disks: [
      {
        volume_id: id,
        node_id: 'm1/ldg1',
        guest: GuestReadiness.RUNNING,
        guest_reason: '',
        attached: true,
        vdisk: slot,
        missing: '',
        paths: [
          { service_domain: 'primary', service: 'primary-vds0', state: PathState.ACTIVE },
          { service_domain: 'alternate', service: 'alternate-vds0', state: PathState.DOWN },
        ],
      },
    ],
    silences: [],
  })
})

test('what is silent is told as a machine or as a pool, with the reason', async () => {
  const { world, disks, id, slot } = await serve()
  world.host('m1-primary').down = true
  const reason = expect.stringContaining('m1-primary')

  expect(await disks.ListDisks({ volume_id: id })).toEqual({
    disks: [
      {
        ...{ volume_id: id, node_id: 'm1/ldg1', vdisk: slot, attached: false, missing: '' },
        ...{ guest: GuestReadiness.UNKNOWN, guest_reason: reason, paths: [] },
      },
    ],
    silences: [{ pool: '', machine: 'm1', reason }],
  })

  world.host('storage1').down = true
  expect((await disks.ListDisks({ volume_id: id })).silences).toEqual([
    { pool: 'gold', machine: '', reason: expect.stringContaining('storage1') },
  ])
})

test.each([
  { volume_id: 'fake', code: 'NOT_FOUND' },
  { volume_id: `copper/v-${'a'.repeat(20)}`, code: 'UNAVAILABLE' },
  { volume_id: 'x'.repeat(129), code: 'INVALID_ARGUMENT' },
])('a word in the place of a volume is refused: $code', async ({ volume_id, code }) => {
  const { disks } = await serve()
  const error = await disks.ListDisks({ volume_id }).catch((thrown: unknown) => thrown)

  expect(error).toBeInstanceOf(RpcError)
  expect(error).toMatchObject({ code })
})
