// `apply` with files that were edited since the last run, and with paths that lie in each other:
// what was made before is never forgotten behind an answer of success.

import { type ApplyWorld, applyWorld } from './world.ts'

const CLASSES = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: silver }
provisioner: vdisk.ldom-csi.io
parameters: { pool: silver }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: gold }
provisioner: vdisk.ldom-csi.io
parameters: { pool: gold }
`
interface Over {
  readonly path?: string
  readonly guest?: string
  readonly storageClass?: string
  readonly access?: string
  readonly mode?: string
  readonly source?: string
}
/** An empty guest: the claim names none. */
function claim(name: string, over: Over = {}): string {
  const { guest = 'm1/ldg2', path = `/srv/${name}` } = over
  return `
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${name}
  ${
    guest === ''
      ? ''
      : `annotations: { ldom-csi.io/guest: "${guest}", ldom-csi.io/mount-path: ` + `"${path}" }`
  }
spec:
  storageClassName: ${over.storageClass ?? 'silver'}
  accessModes: [${over.access ?? 'ReadWriteOnce'}]
  volumeMode: ${over.mode ?? 'Filesystem'}
  ${
    over.source === undefined
      ? ''
      : 'dataSource: { kind: PersistentVolumeClaim, name: ' + `${over.source} }`
  }
  resources: { requests: { storage: 64Mi } }
`
}

let world: ApplyWorld
beforeEach(async () => {
  world = await applyWorld(['m1/ldg1', 'm1/ldg2', 'm2/ldg2'])
})
afterEach(() => world.end())

const guest = (id: string) => world.world.guest(id)
const mounts = (id: string) =>
  guest(id)
    .mounts()
    .map(({ path }) => path)
    .filter(path => path.startsWith('/srv'))
const failure = (object: string, message: string) => [
  { object, message: expect.stringContaining(message) },
]

describe('a path below another', () => {
  const outer = claim('outer', { path: '/srv/data' })
  const inner = claim('inner', { path: '/srv/data/deep/logs' })
  const innermost = claim('innermost', { path: '/srv/data/deep/logs/old' })

  test.each([
    { order: 'the inner one first', files: [innermost, inner, outer] },
    { order: 'the outer one first', files: [outer, inner, innermost] },
    { order: 'mixed', files: [inner, innermost, outer] },
  ])(
    'is mounted after it, and what is written there is in its own volume: $order in the files',
    async ({ files }) => {
      expect(await world.apply(CLASSES, ...files)).toEqual([])

      expect(mounts('m1/ldg2')).toEqual([
        '/srv/data',
        '/srv/data/deep/logs',
        '/srv/data/deep/logs/old',
      ])
      guest('m1/ldg2').writeFile('/srv/data/deep/logs/a', 'logs')
      expect(await world.detach(CLASSES, ...files)).toEqual([])
      expect(mounts('m1/ldg2')).toEqual([])
      expect(await world.apply(CLASSES, claim('inner', { path: '/srv/alone' }))).toEqual([])
      expect(guest('m1/ldg2').readFile('/srv/alone/a')).toBe('logs')
    },
  )

  test('keeps the outer one from being taken away alone', async () => {
    expect(await world.apply(CLASSES, inner, outer)).toEqual([])

    for (const run of ['detach', 'remove'] as const) {
      expect(await world[run](CLASSES, outer)).toEqual([
        {
          object: 'default/outer',
          message: expect.stringMatching(
            RegExp(
              '/srv/data cannot be unmounted while /srv/data/deep/logs ' +
                '\\(volume silver/v-[a-z2-7]{20}\\) is mounted below it; ' +
                'unmount the inner one first: take claim default/inner away from its guest first: ' +
                'apply --detach with its file \\(that deletes nothing\\)$',
            ),
          ),
        },
      ])
    }

    expect(world.lines.filter(line => line.includes('not yet'))).toEqual([])
    expect(mounts('m1/ldg2')).toEqual(['/srv/data', '/srv/data/deep/logs'])
    expect(await world.detach(CLASSES, inner, outer)).toEqual([])
  })

  test('waits for nothing in another guest', async () => {
    const files = [claim('inner', { path: '/srv/data/logs', guest: 'm1/ldg1' }), outer]

    expect(await world.apply(CLASSES, ...files)).toEqual([])

    const order = world.lines
      .filter(line => line.includes('mounted in'))
      .map(line => line.split(':')[0])
    expect(order).toEqual(['default/inner', 'default/outer'])
  })

  test('is not mounted where the outer one failed', async () => {
    const failures = await world.apply(
      CLASSES,
      inner,
      claim('outer', { path: '/srv/data', access: 'ReadOnlyMany' }),
    )

    expect(failures).toEqual([
      { object: 'default/outer', message: expect.stringContaining('attached read-only') },
      {
        object: 'default/inner',
        message: 'not created: it is mounted below claim default/outer, which failed',
      },
    ])
    expect(mounts('m1/ldg2')).toEqual([])
  })

  test('that is the source of the outer one is refused before anything is made', async () => {
    await expect(async () =>
      world.apply(CLASSES, inner, claim('outer', { path: '/srv/data', source: 'inner' })),
    ).rejects.toThrow(
      'give one of them another mount path: claim default/inner below claim default/outer from ' +
        'claim default/inner',
    )

    expect(world.datasets()).toEqual([])
  })
})

describe('a claim whose class has changed to another pool', () => {
  const moved = claim('web', { storageClass: 'gold' })
  beforeEach(async () => {
    await world.apply(CLASSES, claim('web'))
    guest('m1/ldg2').writeFile('/srv/web/a', 'kept')
  })

  test.each(['apply', 'remove', 'detach'] as const)(
    'is refused by %s with the old volume and a way out, and nothing has changed',
    async run => {
      const before = world.state()

      const failures = await world[run](CLASSES, moved)

      expect(failures).toEqual(
        failure(
          'default/web',
          'StorageClass gold is for pool gold: the class of a claim cannot be changed',
        ),
      )
      expect(failures[0]?.message).toMatch(
        /its volume is silver\/v-[a-z2-7]{20}, .* put the old class back/,
      )
      expect(world.state()).toBe(before)
    },
  )

  test('is refused after its guest was taken out as well', async () => {
    await world.detach(CLASSES, claim('web'))

    expect(await world.apply(CLASSES, moved)).toEqual(
      failure('default/web', 'put the old class back'),
    )

    expect(world.datasets()).toHaveLength(1)
  })
})

describe('a guest that was taken out of the file', () => {
  test.each(['apply', 'remove', 'detach'] as const)(
    'still has the volume: %s says so, and does nothing',
    async run => {
      await world.apply(CLASSES, claim('web'))
      const before = world.state()

      for (const edited of [claim('web', { guest: '' }), claim('web', { guest: 'm1/ldg1' })]) {
        expect(await world[run](CLASSES, edited)).toEqual(
          failure(
            'default/web',
            'is attached to m1/ldg2, which the claim does not name: put it back',
          ),
        )
      }

      expect(world.state()).toBe(before)
    },
  )

  test('is detached from a shared volume by a file that names it alone', async () => {
    const shared = (guests: string) =>
      claim('raw', { guest: guests, path: '/dev/raw', access: 'ReadWriteMany', mode: 'Block' })
    await world.apply(CLASSES, shared('m1/ldg1, m1/ldg2'))

    expect(await world.apply(CLASSES, shared('m1/ldg1'))).toEqual(
      failure('default/raw', 'apply --detach with a file that names m1/ldg2'),
    )
    expect(await world.detach(CLASSES, shared('m1/ldg2'))).toEqual([])

    expect(world.lines).toContain(
      'default/raw: stays attached to m1/ldg1, which the claim does not name',
    )
    expect(await world.apply(CLASSES, shared('m1/ldg1'))).toEqual([])
  })

  test('has nothing when the volume was detached before', async () => {
    await world.apply(CLASSES, claim('web'))
    await world.detach(CLASSES, claim('web'))

    expect(await world.detach(CLASSES, claim('web', { guest: '' }))).toEqual([])

    expect(world.lines).toContain('default/web: attached to no guest, nothing to detach')
  })
})

test.each([
  { access: 'ReadWriteOnce', mode: 'Filesystem' },
  { access: 'ReadWriteOnce', mode: 'Block' },
  { access: 'ReadWriteMany', mode: 'Block' },
])('a changed mount path is refused with the old one and a way out: $access, $mode', async over => {
  const old = claim('web', { ...over, path: '/srv/old' })
  await world.apply(CLASSES, old)
  const moved = claim('web', { ...over, path: '/srv/new' })

  const failures = await world.apply(CLASSES, moved)

  expect(failures).toEqual(failure('default/web', 'already published at /srv/old'))
  expect(failures[0]?.message).toContain('put the old one back and run apply --detach')
  expect(await world.remove(CLASSES, moved)).toEqual(
    failure('default/web', 'put the old one back and run apply --detach'),
  )
  expect(await world.detach(CLASSES, old)).toEqual([])
  expect(await world.apply(CLASSES, moved)).toEqual([])
  expect(await world.remove(CLASSES, moved)).toEqual([])
  expect(world.datasets()).toEqual([])
})

test('files with classes alone say that there is nothing to do', async () => {
  for (const run of ['apply', 'remove'] as const) expect(await world[run](CLASSES)).toEqual([])
  expect(await world.detach(CLASSES)).toEqual([])

  expect(world.lines).toEqual([
    ...Array(2).fill('no claim and no snapshot in the files: nothing to do'),
    'no claim in the files: nothing to detach',
  ])
})
