// Paths and mount options do stand in commands: as one word that begins at the root, or as one
// option of mount; never as anything else.

import { posix } from 'node:path'
import fc from 'fast-check'
import { hostileText, RUNS, TIMEOUT_MS } from './texts.ts'
import {
  type BadInputWorld,
  badInputWorld,
  CAPABILITY,
  CREATE,
  MOUNT,
  TARGET,
  told,
  WRITER,
} from './world.ts'

interface AtPath {
  readonly name: string
  readonly call: (path: string) => Promise<unknown>
}

const GUESTS = [
  { guest: 'm1/ldg1', platform: 'solaris', ownOptions: 2 },
  { guest: 'm1/ldg2', platform: 'linux', ownOptions: 1 },
]

describe.each(GUESTS)('in a $platform guest', ({ guest, ownOptions }) => {
  let at: BadInputWorld

  beforeAll(async () => {
    at = await badInputWorld(guest)
  }, TIMEOUT_MS)

  afterAll(() => at.end())

  const path = fc
    .tuple(fc.constantFrom('/', '/srv/', '/srv/a/'), hostileText)
    .map(([root, text]) => `${root}${text}`)
  // Where the guest's own system is mounted, see below.
  const nowhere = path.filter(text => posix.normalize(text) !== '/' && !text.includes('\n'))

  test.each<AtPath>([
    {
      name: 'NodeGetVolumeStats',
      call: volume_path => at.node.NodeGetVolumeStats({ volume_id: at.volumeId, volume_path }),
    },
    {
      name: 'NodeExpandVolume',
      call: volume_path => at.node.NodeExpandVolume({ volume_id: at.volumeId, volume_path }),
    },
  ])(
    '$name at any path: what is there, or not found',
    async ({ call }) => {
      const before = at.state()
      await fc.assert(
        fc.asyncProperty(nowhere, async text => {
          const from = at.commandsSoFar()
          await told(call(text))
          at.honest.check(at.world, from, text, 'be a path')
        }),
        { numRuns: RUNS },
      )
      expect(at.state()).toBe(before)
    },
    TIMEOUT_MS,
  )

  test(
    'a volume is published at any path that is served, and taken away from it again',
    async () => {
      const before = at.state()
      let served = 0
      let directories = 0
      const isPlain = (text: string) =>
        text.replace(/[/.]/g, '') !== '' &&
        !/[\r\u2028\u2029]/.test(text) &&
        !/(^|\/)\.\.(\/|$)/.test(text)
      await fc.assert(
        fc.asyncProperty(hostileText.filter(isPlain), async text => {
          // Of its own: what an earlier run leaves of directories is not this one's.
          const target_path = `/srv/${directories++}/${text.replace(/^\/+/, '')}`
          const from = at.commandsSoFar()
          const code = await told(at.node.NodePublishVolume({ ...at.request, target_path }))
          if (code === 'OK') {
            served += 1
            expect(await told(at.node.NodePublishVolume({ ...at.request, target_path }))).toBe('OK')
            expect(
              await told(
                at.node.NodeGetVolumeStats({ volume_id: at.volumeId, volume_path: target_path }),
              ),
            ).toBe('OK')
            expect(
              await told(at.node.NodeUnpublishVolume({ volume_id: at.volumeId, target_path })),
            ).toBe('OK')
          }
          at.honest.check(at.world, from, text, 'be a path')
          expect(at.state()).toBe(before)
        }),
        { numRuns: 3 * RUNS },
      )
      expect(served).toBeGreaterThan(RUNS / 2)
    },
    TIMEOUT_MS,
  )

  test.each([
    '/srv//slashes',
    '//srv/slashes',
    '/srv/./slashes',
    '/srv/slashes/',
    '/srv/slashes/.',
  ])('the path %s is the same as /srv/slashes', async target_path => {
    const before = at.state()
    const other = '/srv/slashes'
    await at.node.NodePublishVolume({ ...at.request, target_path })
    await at.node.NodePublishVolume({ ...at.request, target_path: other })
    await at.node.NodeGetVolumeStats({ volume_id: at.volumeId, volume_path: target_path })
    await at.node.NodeUnpublishVolume({ volume_id: at.volumeId, target_path: other })
    expect(at.state()).toBe(before)

    await at.node.NodePublishVolume({ ...at.request, target_path: other })
    await at.node.NodeUnpublishVolume({ volume_id: at.volumeId, target_path })
    expect(at.state()).toBe(before)
  })

  test.each(['/srv/return\r', '/srv/separator\u2028', '/srv/a/../dots', '/srv/dots/..'])(
    'the path %j, which could not be found again, is refused',
    async target_path => {
      const outcome = await told(at.node.NodePublishVolume({ ...at.request, target_path }))
      expect(outcome).toBe('INVALID_ARGUMENT')
    },
  )

  test('NodeGetVolumeStats at the path of a volume and a line end: nothing is there, or refused', async () => {
    expect(
      await told(
        at.node.NodeGetVolumeStats({ volume_id: at.volumeId, volume_path: `${TARGET}\n` }),
      ),
    ).not.toBe('OK')
  })

  test.each<AtPath>([
    {
      name: 'NodeGetVolumeStats',
      call: volume_path => at.node.NodeGetVolumeStats({ volume_id: at.volumeId, volume_path }),
    },
    {
      name: 'NodeExpandVolume',
      call: volume_path => at.node.NodeExpandVolume({ volume_id: at.volumeId, volume_path }),
    },
  ])('$name where something else than a volume is mounted: not found', async ({ call }) => {
    expect(await told(call('/'))).toBe('NOT_FOUND')
  })

  test(
    'a mount option is one word, or refused',
    async () => {
      const { volume } = await at.controller.CreateVolume({ ...CREATE, name: 'options' })
      const volume_id = volume?.volume_id ?? ''
      const { publish_context } = await at.controller.ControllerPublishVolume({
        volume_id,
        node_id: at.guest,
        volume_capability: CAPABILITY,
      })
      const staging_target_path = '/var/lib/ldom-csi/staging/options'
      await fc.assert(
        fc.asyncProperty(hostileText, async option => {
          const from = at.commandsSoFar()
          const volume_capability = {
            mount: { ...MOUNT, mount_flags: [option] },
            access_mode: WRITER,
          }
          const code = await told(
            at.node.NodeStageVolume({
              volume_id,
              staging_target_path,
              volume_capability,
              publish_context,
              volume_context: { source: 'empty', format: 'filesystem' },
            }),
          )
          const mounts = at.world.timeline.commands
            .slice(from)
            .filter(({ argv }) => argv[0]?.endsWith('/mount'))
          for (const { argv } of mounts) {
            expect(argv[argv.indexOf('-o') + 1]?.split(',')).toHaveLength(ownOptions + 1)
          }
          if (code === 'OK') await at.node.NodeUnstageVolume({ volume_id, staging_target_path })
        }),
        { numRuns: 2 * RUNS },
      )
      await at.controller.ControllerUnpublishVolume({ volume_id, node_id: at.guest })
      await at.controller.DeleteVolume({ volume_id })
    },
    TIMEOUT_MS,
  )
})
