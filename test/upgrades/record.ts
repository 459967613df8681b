// Records what a version of the driver leaves on an installation: every command that changed
// something, in order, and the answers that an orchestrator keeps. A later version is held against
// the recording of an earlier one, so a recording is never made anew: node test/upgrades/record.ts
// > test/upgrades/state-<version>.jsonl

import { SimShell } from '../../sim/sim-shell.ts'
import { formatPublishContext, formatVolumeContext } from '../../src/csi/contexts.ts'
import type { Attachment, Volume } from '../../src/model/volumes.ts'
import { MiB } from '../../src/model/volumes.ts'
import { attachRequest, install, volumeSpec } from '../support/installation.ts'
import { publishRequest, stageRequest } from '../support/node.ts'
import type { Entry } from './replay.ts'

const entries: Entry[] = []
const run = SimShell.prototype.run
SimShell.prototype.run = async function (this: SimShell, command, options) {
  const result = await run.call(this, command, options)
  if (options.effect === 'write') {
    const { input } = options
    const { host } = this
    entries.push({
      kind: 'command',
      host,
      argv: command,
      ...(input ? { input } : {}),
      status: result.exitStatus,
    })
  }
  return result
}
const { world, driver, node } = install()

const { volumes, attachments, snapshots, groups, audit } = driver()
const block = { kind: 'block' } as const

async function create(
  name: string,
  change: Parameters<typeof volumeSpec>[0] = {},
): Promise<Volume> {
  const volume = await volumes.ensureVolume(volumeSpec({ name, ...change }))
  const { id, sizeBytes } = volume
  entries.push({ kind: 'volume', name, id, sizeBytes, context: formatVolumeContext(volume) })
  return volume
}

async function attach(
  volume: Volume,
  guest: string,
  change: Parameters<typeof attachRequest>[2] = {},
): Promise<Attachment> {
  const attachment = await attachments.attach(attachRequest(volume.id, guest, change))
  const { mode, sharing } = attachment
  entries.push({
    kind: 'attachment',
    volumeId: volume.id,
    guest,
    mode,
    sharing,
    context: formatPublishContext(attachment),
  })
  return attachment
}

async function use(
  volume: Volume,
  attachment: Attachment,
  guest: string,
  isPublished = true,
): Promise<void> {
  const path = volume.name
  const stagingPath = `/var/lib/ldom-csi/staging/${path}`
  await node(guest).stage(stageRequest(volume, attachment, { stagingPath }))
  const targetPath = `/srv/${path}`
  if (isPublished) {
    await node(guest).publish({
      ...publishRequest(volume, attachment, { targetPath }),
      stagingPath,
    })
  }
  entries.push({
    kind: 'staged',
    volumeId: volume.id,
    guest,
    stagingPath,
    targetPath: isPublished ? targetPath : undefined,
  })
}

function write(guest: string, path: string, text: string): void {
  world.guest(guest).writeFile(path, text)
  entries.push({ kind: 'file', guest, path, text })
}

const linux = await create('linux')
await use(linux, await attach(linux, 'm1/ldg2'), 'm1/ldg2')
write('m1/ldg2', '/srv/linux/note', 'kept on Linux')

const solaris = await create('solaris', { pool: 'gold' })
await use(solaris, await attach(solaris, 'm1/ldg1'), 'm1/ldg1')
write('m1/ldg1', '/srv/solaris/note', 'kept on Solaris')

for (const guest of ['m1/ldg1', 'm1/ldg2']) {
  const raw = await create(`raw-${guest.slice(3)}`, { pool: 'gold', format: block })
  await use(raw, await attach(raw, guest, { format: block }), guest)
}

const shared = await create('shared', { pool: 'gold', format: block })
await attach(shared, 'm1/ldg1', { sharing: 'shared', format: block })
await attach(shared, 'm2/ldg1', { sharing: 'shared', format: block })

const archive = await create('archive', { pool: 'gold' })
await use(archive, await attach(archive, 'm2/ldg1'), 'm2/ldg1', false)
write('m2/ldg1', '/var/lib/ldom-csi/staging/archive/note', 'archived')
await node('m2/ldg1').unstage({
  volumeId: archive.id,
  stagingPath: '/var/lib/ldom-csi/staging/archive',
})
await attachments.detach(archive.id, undefined)
await attach(archive, 'm2/ldg1', { mode: 'ro' })

await create('blank')
await create('thin', { pool: 'gold', parameters: { reservation: 'thin' } })

const cut = await snapshots.createSnapshot({ name: 'cut', volumeId: linux.id })
entries.push({
  kind: 'snapshot',
  name: 'cut',
  volumeId: linux.id,
  id: cut.id,
  sizeBytes: cut.sizeBytes,
})
const larger = { requiredBytes: 32 * MiB, limitBytes: 0 }
await create('restored', { size: larger, source: { kind: 'snapshot', id: cut.id } })
await create('copied', { pool: 'gold', source: { kind: 'volume', id: solaris.id } })
await groups.createGroup({ name: 'both', volumeIds: [solaris.id, archive.id] })

const gone = await volumes.ensureVolume(volumeSpec({ name: 'gone', pool: 'gold' }))
const last = await snapshots.createSnapshot({ name: 'last', volumeId: gone.id })
entries.push({
  kind: 'snapshot',
  name: 'last',
  volumeId: gone.id,
  id: last.id,
  sizeBytes: last.sizeBytes,
})
await create('survivor', { pool: 'gold', source: { kind: 'snapshot', id: last.id } })
await volumes.deleteVolume(gone.id)

const found = await audit()
if (found.length > 0) throw new Error(`the recorded state is not sound: ${JSON.stringify(found)}`)
for (const entry of entries) console.log(JSON.stringify(entry))
