// What happens to a volume while `apply` waits for its guest: the guest is asked again with what
// the controller says then.

import { xenWorld } from '../../../sim/preset.ts'
import { applyManifests } from '../../../src/apply/apply.ts'
import { parseManifests } from '../../../src/manifests/manifests.ts'
import { type ApplyWorld, applyWorld, example } from './world.ts'

const FILES = ['storage-classes.yaml', 'claim-xen.yaml'].map(file => ({
  file,
  text: example(file),
}))

let world: ApplyWorld
beforeEach(async () => {
  world = await applyWorld(['x1/web'], () => xenWorld())
})
afterEach(() => world.end())

const guest = () => world.world.guest('x1/web')

/** The guest is silent. Each of the works is done when `apply` has to wait once more. */
async function applyWhile(...works: readonly (() => void)[]) {
  guest().host.down = true
  const left = [...works]
  const print = (line: string) => {
    world.lines.push(line)
    if (line.includes('stage in x1/web: not yet')) left.shift()?.()
  }
  const failures = await applyManifests(parseManifests(FILES), { ...world.tools, print })
  expect(left).toEqual([])
  return failures
}

const answer = () => {
  guest().host.down = false
}
const leave = () => world.world.xen('x1').destroy('web')
const come = () => world.world.xen('x1').create('web')

function write(text: string): void {
  const zfs = world.world.zfs('dom0')
  const volume = zfs.datasets().find(({ name }) => /\/v-/.test(name))
  if (volume === undefined) throw new Error('no volume')
  zfs.write(volume, 8 * 1024 ** 2, Buffer.from(text))
}

const formats = () =>
  world.world.timeline.commands.filter(({ argv }) => argv.join(' ').includes('mkfs'))

test('a volume that somebody writes to meanwhile is not formatted', async () => {
  const failures = await applyWhile(() => {
    write('kept')
    answer()
  })

  expect(failures).toEqual([
    {
      object: 'default/web',
      message: expect.stringMatching(/is blank, but the storage host counts data on it/),
    },
  ])
  expect(formats()).toEqual([])
})

test.each([
  {
    name: 'destroyed and created meanwhile',
    works: [
      () => {
        leave()
        come()
        answer()
      },
    ],
  },
  {
    name: 'not listed for a while',
    works: [
      leave,
      () => {},
      () => {
        come()
        answer()
      },
    ],
  },
])('a guest that is $name has the volume mounted by the same run', async ({ works }) => {
  expect(await applyWhile(...works)).toEqual([])

  expect(guest().mounts().at(-1)).toMatchObject({ path: '/srv/web', type: 'ext4' })
  expect(formats()).toHaveLength(1)
  const { lines } = world
  expect(lines.filter(line => line.includes('attached'))).toHaveLength(1)
  expect(lines.filter(line => line.includes('not yet'))).toHaveLength(works.length)
})
