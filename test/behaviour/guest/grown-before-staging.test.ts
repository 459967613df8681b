// A volume that grows after a guest got its disk and before the guest has formatted it.

import { formatPublishContext, parsePublishContext } from '../../../src/csi/contexts.ts'
import type { GuestFormat } from '../../../src/guest/requests.ts'
import { formatGuestId } from '../../../src/model/ids.ts'
import { type Attachment, MiB, type Volume } from '../../../src/model/volumes.ts'
import {
  attachRequest,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'

const LARGER = 128 * MiB
const FILES: GuestFormat = { kind: 'filesystem', type: '', mountOptions: [], mkfsOptions: '' }
const STAGING = '/var/staging/pvc-1'

/** As the node plugin is told it: through the text of the context. */
function stage(
  installation: TestInstallation,
  volume: Volume,
  attachment: Attachment,
  format = FILES,
) {
  const context = parsePublishContext(formatPublishContext(attachment))
  const request = {
    ...context,
    volumeId: volume.id,
    createdEmpty: true,
    stagingPath: STAGING,
    format,
  }
  return installation.node(formatGuestId(attachment.guest)).stage(request)
}

async function grown(
  pool: string,
  guest: string,
  format: Volume['format'] = { kind: 'filesystem', type: 'any' },
) {
  const installation = install()
  const { volumes, attachments, changes } = installation.driver()
  const volume = await volumes.ensureVolume(volumeSpec({ pool, format }))
  const publish = () => attachments.attach(attachRequest(volume.id, guest, { format }))
  const before = await publish()
  await changes.expandVolume(volume.id, { requiredBytes: LARGER, limitBytes: 0 })
  return { installation, attachments, volume, before, publish }
}

describe.each([
  { pool: 'silver', guest: 'm1/ldg1' },
  { pool: 'gold', guest: 'm1/ldg1' },
])('in pool $pool, with the Solaris guest $guest, which sees the growth', ({ pool, guest }) => {
  test('it is formatted when it is published again, with its whole size', async () => {
    const { installation, volume, publish } = await grown(pool, guest)
    await stage(installation, volume, await publish())
    const { bytes } = await installation
      .node(guest)
      .statistics({ volumeId: volume.id, path: STAGING })
    expect(bytes.total).toBeGreaterThan(100 * MiB)
  })

  test('what was told before the growth formats nothing and says the way out, which is one', async () => {
    const { installation, attachments, volume, before, publish } = await grown(pool, guest)
    await expect(stage(installation, volume, before)).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringMatching(/has grown since it was attached, detach and attach it/),
    })
    await attachments.detach(volume.id, undefined)
    await stage(installation, volume, await publish())
  })
})

test('a raw whole disk of a Solaris guest gets its label, without which it cannot be opened', async () => {
  const { installation, volume, publish } = await grown('gold', 'm1/ldg1', { kind: 'block' })
  const attachment = await publish()
  const host = installation.world.guests.get('m1/ldg1')?.host
  const readLabel = async () =>
    host?.perform(['/usr/sbin/prtvtoc', `/dev/rdsk/c0d${attachment.slot}s2`], '')
  // Without a label prtvtoc shows the table that the disk driver makes up, or none.
  const unlabelled = await readLabel()
  await stage(installation, volume, attachment, { kind: 'block' })
  expect(await readLabel()).not.toEqual(unlabelled)
  expect(await readLabel()).toMatchObject({ answer: { exitStatus: 0 } })
})

test('a Linux guest, which does not see the growth, formats what it has, also published again', async () => {
  const { installation, volume, publish } = await grown('silver', 'm1/ldg2')
  await stage(installation, volume, await publish())
  const { bytes } = await installation
    .node('m1/ldg2')
    .statistics({ volumeId: volume.id, path: STAGING })
  expect(bytes.total).toBeLessThanOrEqual(16 * MiB)
})

test('a disk that has neither size is not formatted', async () => {
  const { installation, volume, publish } = await grown('silver', 'm1/ldg1')
  const attachment = await publish()
  await expect(
    stage(installation, volume, { ...attachment, grownTo: LARGER - MiB }),
  ).rejects.toMatchObject({ kind: 'failed-precondition' })
})

test('a volume that has not grown is told with one size', async () => {
  const { volumes, attachments } = install().driver()
  const volume = await volumes.ensureVolume(volumeSpec())
  expect(
    Object.keys(formatPublishContext(await attachments.attach(attachRequest(volume.id)))),
  ).not.toContain('grownTo')
})
