// A claim taken from a guest that cannot be asked to unmount: only while its machine shows it off,
// in the moment of the removal.

import { SimShell } from '../../../sim/sim-shell.ts'
import { worldState } from '../../../sim/world-state.ts'
import { applyManifests, detachManifests } from '../../../src/apply/apply.ts'
import { type CsiClient, connect } from '../../../src/csi/wire/client.ts'
import { parseManifests } from '../../../src/manifests/manifests.ts'
import type { Shell } from '../../../src/shell/shell.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { type ApplyWorld, applyWorld } from './world.ts'

const CLASSES = ['gold', 'silver']
  .map(
    pool => `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: ${pool} }
provisioner: vdisk.ldom-csi.io
parameters: { pool: ${pool} }
`,
  )
  .join('---\n')

const claim = (guest: string, storageClass = 'gold') => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: web, annotations: { ldom-csi.io/guest: ${guest}, ldom-csi.io/mount-path: /srv/web } }
spec:
  storageClassName: ${storageClass}
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 64Mi } }
`

let world: ApplyWorld
beforeEach(async () => {
  world = await applyWorld(['m1/ldg1', 'm1/ldg2'])
})
afterEach(() => world.end())

const disks = (name: string) =>
  world.world
    .machine('m1')
    .state()
    .domains.find(domain => domain.name === name)?.vdisks ?? []
const failure = (...parts: readonly string[]) => [
  { object: 'default/web', message: expect.stringMatching(parts.join('.*')) },
]

/** The guest's shell does not answer, whatever the machine says of the guest. */
function silence(id: string, down = true): void {
  const guest = world.world.guests.get(id)
  if (guest === undefined) throw new Error(`no guest ${id}`)
  guest.host.down = down
}

const turnOff = (id: string, state: 'bound' | 'inactive' = 'bound') => {
  const [machine = '', name = ''] = id.split('/')
  world.world.machine(machine).setGuest(name, { state })
  silence(id)
}

describe.each(['gold', 'silver'])('a volume of pool %s', pool => {
  test.each(['bound', 'inactive'] as const)(
    'is detached from a guest that is %s, and has its files when that guest is back',
    async state => {
      await world.apply(CLASSES, claim('m1/ldg2', pool))
      world.world.guest('m1/ldg2').writeFile('/srv/web/a', 'kept')
      turnOff('m1/ldg2', state)

      expect(await world.detach(CLASSES, claim('m1/ldg2', pool))).toEqual([])

      expect(world.lines.at(-1)).toBe(
        'default/web: detached from m1/ldg2, which is off and could not be asked to unmount',
      )
      expect(disks('ldg2')).toEqual([])
      expect(await world.detach(CLASSES, claim('m1/ldg2', pool))).toEqual([])

      world.world.machine('m1').setGuest('ldg2', { state: 'active' })
      silence('m1/ldg2', false)
      expect(await world.apply(CLASSES, claim('m1/ldg2', pool))).toEqual([])
      expect(world.world.guest('m1/ldg2').readFile('/srv/web/a')).toBe('kept')
    },
  )

  test('is deleted though its guest is off for good', async () => {
    await world.apply(CLASSES, claim('m1/ldg1', pool))
    turnOff('m1/ldg1')

    expect(await world.remove(CLASSES, claim('m1/ldg1', pool))).toEqual([])

    expect(world.datasets()).toEqual([])
    expect(await world.driver.audit()).toEqual([])
  })

  test.each([
    { what: 'runs', os: true, says: 'guest m1/ldg2 is not off: its machine shows that it runs' },
    {
      what: 'is at its firmware',
      os: false,
      says: 'guest m1/ldg2 is not off: its machine shows it started',
    },
  ])('stays with a silent guest that $what', async ({ os, says }) => {
    await world.apply(CLASSES, claim('m1/ldg2', pool))
    world.world.machine('m1').setGuest('ldg2', { state: 'active', os })
    silence('m1/ldg2')
    const before = world.state()

    expect(await world.detach(CLASSES, claim('m1/ldg2', pool))).toEqual(
      failure('does not detach without the guest', says),
    )
    expect(await world.remove(CLASSES, claim('m1/ldg2', pool))).toEqual(
      failure('does not detach without the guest', says),
    )

    expect(world.state()).toBe(before)
  })
})

test(
  'a node plugin that is not there is not needed for a guest that is off, and told for one ' +
    'that runs',
  async () => {
    await world.apply(CLASSES, claim('m1/ldg2'))
    const nobody = connect(`unix:///tmp/nobody-${process.pid}.sock`)
    const manifests = parseManifests([
      { file: 'a', text: CLASSES },
      { file: 'b', text: claim('m1/ldg2') },
    ])
    const tools = { ...world.tools, nodes: new Map([['m1/ldg2', nobody]]) }

    expect(await detachManifests(manifests, tools)).toEqual(
      failure(
        'node plugin of m1/ldg2 does not answer',
        'does not detach without the guest',
        'its machine shows that it runs',
      ),
    )
    await expect(applyManifests(manifests, tools)).rejects.toThrow(
      'node plugin of m1/ldg2 does not answer',
    )
    turnOff('m1/ldg2')
    expect(await detachManifests(manifests, tools)).toEqual([])

    expect(disks('ldg2')).toEqual([])
    nobody.close()
  },
)

test('a controller that would detach without the condition is not asked to', async () => {
  await world.apply(CLASSES, claim('m1/ldg2'))
  turnOff('m1/ldg2')
  const { identity } = world.tools.controller
  const GetPluginInfo: typeof identity.GetPluginInfo = async request => ({
    ...(await identity.GetPluginInfo(request)),
    manifest: {},
  })
  const controller: CsiClient = {
    ...world.tools.controller,
    identity: { ...identity, GetPluginInfo },
  }
  const before = world.state()

  const manifests = parseManifests([
    { file: 'a', text: CLASSES },
    { file: 'b', text: claim('m1/ldg2') },
  ])
  const told = await detachManifests(manifests, { ...world.tools, controller })

  expect(told).toEqual(
    failure('the controller is of a version that cannot detach from a guest that is off'),
  )
  expect(world.state()).toBe(before)
})

test('a guest that is started between the look and the removal keeps its disk and its volume', async () => {
  const { world: sim, driver: start } = install()
  const machine = sim.machine('m1')
  let looks = 0
  // Off as often as the driver looks before the disk's turn, and running when the turn has come.
  const open = (host: ConstructorParameters<typeof SimShell>[0]): Shell => {
    const shell = new SimShell(host)
    return {
      run: async (command, options) => {
        if (
          host.name === 'm1-primary' &&
          command.includes('list-bindings') &&
          machine.state().domains.some(isOff) &&
          ++looks === 2
        ) {
          machine.setGuest('ldg2', { state: 'active' })
        }
        return shell.run(command, options)
      },
    }
  }
  const isOff = ({ name, state }: { name: string; state: string }) =>
    name === 'ldg2' && state === 'bound'
  const driver = start(open)
  const volume = await driver.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  const { guest } = await driver.attachments.attach(attachRequest(volume.id))
  machine.setGuest('ldg2', { state: 'bound' })

  await expect(driver.attachments.detachWhileOff(volume.id, guest)).rejects.toMatchObject({
    kind: 'failed-precondition',
    message: 'guest m1/ldg2 is not off: its machine shows that it runs',
  })

  expect(machine.guestDisks('ldg2').list()).toHaveLength(1)
  await expect(
    driver.attachments.attach(attachRequest(volume.id, 'm1/ldg1')),
  ).rejects.toMatchObject({ kind: 'in-use' })
  expect((await driver.attachments.attach(attachRequest(volume.id))).guest).toEqual(guest)
})

test('while the machine is silent nobody knows that the guest is off: its bytes stay in reach', async () => {
  const { world: sim, driver: start } = install()
  const driver = start()
  const volume = await driver.volumes.ensureVolume(volumeSpec({ pool: 'gold' }))
  const { guest } = await driver.attachments.attach(attachRequest(volume.id))
  sim.host('m1-primary').down = true
  const before = JSON.stringify(worldState(sim))

  await expect(driver.attachments.detachWhileOff(volume.id, guest)).rejects.toMatchObject({
    kind: 'unavailable',
  })

  expect(JSON.stringify(worldState(sim))).toBe(before)
})
