// Volumes that are too small for their format.

import { MiB, type Volume } from '../../../src/model/volumes.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { filesystem, size } from './creation-scene.ts'

describe('too small for its format', () => {
  test('xfs is refused below 300 MiB, which mkfs.xfs would refuse in the guest', async () => {
    const { volumes, attachments } = install().driver()
    const asked = (mebibytes: number) =>
      volumeSpec({ format: filesystem('xfs'), size: size(mebibytes) })
    await expect(volumes.ensureVolume(asked(299))).rejects.toMatchObject({
      kind: 'out-of-range',
      message: expect.stringMatching(/300 MiB/),
    })
    await expect(volumes.ensureVolume({ ...asked(0), size: size(0, 200) })).rejects.toMatchObject({
      kind: 'out-of-range',
    })
    expect(await attachments.listPublished()).toEqual([])
    expect((await volumes.ensureVolume(asked(300))).sizeBytes).toBe(300 * MiB)
  })

  test.each([
    { pool: 'gold', parameters: {} },
    { pool: 'silver', parameters: { export: 'full' } },
  ] as const)(
    'a whole disk of pool $pool has room for the label of a Solaris guest',
    async ({ pool, parameters }) => {
      const { volumes, attachments } = install().driver()
      const asked = (format: Volume['format'], mebibytes: number) =>
        volumes.ensureVolume(
          volumeSpec({
            name: `${JSON.stringify(format)} ${mebibytes}`,
            pool,
            parameters,
            format,
            size: size(mebibytes),
          }),
        )
      for (const format of [filesystem('any'), filesystem('ufs'), { kind: 'block' }] as const) {
        await expect(asked(format, 8)).rejects.toMatchObject({
          kind: 'out-of-range',
          message: expect.stringMatching(/9 MiB/),
        })
        await asked(format, 9)
      }
      await asked(filesystem('ext4'), 2)
      expect(await attachments.listPublished()).toHaveLength(4)
    },
  )

  test('a slice needs no label of its own', async () => {
    const { volumes } = install().driver()
    expect(
      (
        await volumes.ensureVolume(
          volumeSpec({ pool: 'silver', format: filesystem('ufs'), size: size(2) }),
        )
      ).sizeBytes,
    ).toBe(2 * MiB)
  })

  test('a whole disk of 9 MiB is formatted and mounted by a Solaris guest', async () => {
    const installation = install()
    const { volumes, attachments } = installation.driver()
    const volume = await volumes.ensureVolume(volumeSpec({ pool: 'gold', size: size(9) }))
    const { slot, sizeBytes, written } = await attachments.attach(
      attachRequest(volume.id, 'm1/ldg1'),
    )
    const staged = installation.node('m1/ldg1').stage({
      ...{
        volumeId: volume.id,
        slot,
        sizeBytes,
        written,
        mode: 'rw',
        createdEmpty: true,
        stagingPath: '/var/staging',
      },
      format: { kind: 'filesystem', type: '', mountOptions: [], mkfsOptions: '' },
    })
    await expect(staged).resolves.toBeUndefined()
  })
})
