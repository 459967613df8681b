// What must be true after every step of a history, asked of the simulation; what the driver lists;
// and the end of a history, when everything is repeated until it succeeds, looked at, and taken
// away without a trace.

import { parseGuestId } from '../../../src/model/ids.ts'
import { attachmentName, leafOfAttachmentName } from '../../../src/storage/names.ts'
import { attachTo, detachFrom } from './attach-steps.ts'
import { checkStored, stageIn, unpublishIn, unstageIn } from './guest-steps.ts'
import { AttachmentBelief, type VolumeBelief } from './model.ts'
import { BrokenPromise, type Player, SUCCESS } from './player.ts'
import { GUESTS } from './steps.ts'
import { deleteSnapshot, deleteVolume, ensure, expandTo } from './volume-steps.ts'

/** More than any late effect lasts. */
const TRIES = 40

export function checkWorld(player: Player): void {
  const { model } = player
  checkHolders(player)
  for (const volume of model.usable()) {
    if (!player.hasDataset(volume)) throw new BrokenPromise(`volume ${volume.id} is lost`)
    if (volume.isBlock) checkStored(player, volume)
  }
  for (const snapshot of model.snapshots) {
    if (snapshot.exists !== 'yes' || snapshot.volume === undefined) continue
    const name = `${player.dataset(snapshot.volume)}@${snapshot.leaf}`
    if (player.zfs(snapshot.volume.pool).snapshot(name) === undefined) {
      throw new BrokenPromise(`snapshot ${snapshot.id()} is lost`)
    }
  }
}

/** No two guests reach one volume's bytes, unless they share it. */
function checkHolders(player: Player): void {
  const holders = new Map<string, string[]>()
  for (const guest of GUESTS) {
    const { machine, guest: name } = parseGuestId(guest)
    for (const disk of player.world.machine(machine).guestDisks(name).list()) {
      const leaf = leafOfAttachmentName(disk.name)
      if (leaf !== undefined) holders.set(leaf, [...(holders.get(leaf) ?? []), guest])
    }
  }
  for (const [leaf, guests] of holders) {
    const volume = player.model.volumes.find(candidate => candidate.leaf === leaf)
    if (volume === undefined) {
      throw new BrokenPromise(`${guests.join(' and ')} have a disk ${leaf} of no volume`)
    }
    const shared = [...volume.attachments.values()].some(({ sharing }) => sharing === 'shared')
    if (guests.length < 2 || shared) continue
    const reaching = guests.filter(
      guest => player.disk(volume, guest)?.activeServiceDomain() !== undefined,
    )
    if (reaching.length > 1) {
      throw new BrokenPromise(`volume ${volume.id} is reached by ${reaching.join(' and ')} at once`)
    }
  }
}

export async function list(player: Player): Promise<void> {
  const answer = await player.call('the list of volumes', SUCCESS, () =>
    player.driver.attachments.listPublished(),
  )
  if (answer.kind !== 'success') return
  const listed = new Map(answer.value.map(entry => [entry.volume.id, entry]))
  for (const volume of player.model.volumes) {
    const entry = listed.get(volume.id)
    listed.delete(volume.id)
    if (volume.exists === 'yes' && entry === undefined) {
      throw new BrokenPromise(`volume ${volume.id} is not in the list`)
    }
    if (volume.exists === 'no' && entry !== undefined) {
      throw new BrokenPromise(`volume ${volume.id} is in the list and was deleted`)
    }
    if (volume.exists === 'yes' && entry !== undefined) checkListed(player, volume, entry)
  }
  if (listed.size > 0) {
    throw new BrokenPromise(
      `the list has volumes that nobody made: ${[...listed.keys()].join(', ')}`,
    )
  }
}

function checkListed(
  player: Player,
  volume: VolumeBelief,
  {
    volume: { sizeBytes, name },
    publishedTo,
  }: Awaited<ReturnType<Player['driver']['attachments']['listPublished']>>[number],
): void {
  const { least, most } = volume.sizes
  if (name !== volume.name || sizeBytes < least || sizeBytes > most) {
    throw new BrokenPromise(
      `volume ${volume.id} is listed as ${JSON.stringify(name)} of ${sizeBytes} bytes, not ` +
        `${least} to ${most}`,
    )
  }
  const guests = publishedTo.map(({ machine, guest }) => `${machine}/${guest}`)
  for (const guest of guests) {
    if (!volume.attachments.has(guest)) {
      throw new BrokenPromise(`volume ${volume.id} is listed as published to ${guest}`)
    }
  }
  for (const attachment of volume.attachments.values()) {
    if (attachment.exists !== 'yes' || player.isDisturbed) continue
    const has = player.disk(volume, attachment.guest) !== undefined
    if (has !== guests.includes(attachment.guest)) {
      throw new BrokenPromise(
        `volume ${volume.id}: ${attachment.guest} ${has ? 'has' : 'lacks'} its disk, the list ` +
          `says ${guests.join() || 'nobody'}`,
      )
    }
  }
}

export async function listSnapshots(player: Player): Promise<void> {
  const answer = await player.call('the list of snapshots', SUCCESS, () =>
    player.driver.snapshots.listSnapshots({}),
  )
  if (answer.kind !== 'success') return
  for (const snapshot of player.model.snapshots) {
    const entries = answer.value.filter(({ name }) => name === snapshot.name)
    if (snapshot.exists === 'no' && entries.length > 0) {
      throw new BrokenPromise(`snapshot ${snapshot.name} is listed and was deleted`)
    }
    if (
      snapshot.exists === 'yes' &&
      JSON.stringify(entries) !== JSON.stringify([snapshot.answer])
    ) {
      throw new BrokenPromise(`snapshot ${snapshot.id()} is listed as ${JSON.stringify(entries)}`)
    }
  }
}

/** As an orchestrator does: the same until it is answered. */
async function insist(
  what: string,
  work: () => Promise<unknown>,
  isDone: () => boolean,
): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await work()
    if (isDone()) return
  }
  throw new BrokenPromise(`${what} does not come to an end`)
}

/**
 * All troubles are over. What was asked for is repeated until it is there; then the contents are
 * looked at and everything goes.
 */
export async function finish(player: Player): Promise<void> {
  const { model } = player
  player.heal()
  player.twice = false
  player.restartDriver()
  for (const guest of GUESTS) player.restartPlugin(guest)
  await completeRequests(player)
  await player.settle()
  await list(player)
  await listSnapshots(player)
  checkWorld(player)
  for (const [volume, attachment] of model.attachments()) await lookAt(player, volume, attachment)
  for (const [volume, attachment] of model.attachments()) await release(player, volume, attachment)
  for (const volume of model.usable()) await lookAtDetached(player, volume)
  for (const volume of model.volumes) {
    await insist(
      `deletion of ${volume.id}`,
      () => deleteVolume(player, volume),
      () => volume.exists === 'no',
    )
  }
  for (const snapshot of model.snapshots) {
    await insist(
      `deletion of snapshot ${snapshot.name}`,
      () => deleteSnapshot(player, snapshot),
      () => snapshot.exists === 'no',
    )
  }
  await player.driver.reaper.sweep()
  await checkEmpty(player)
}

// First what stands in the way: growth that was begun, disks that a saved configuration or a silent
// machine left behind.
async function completeRequests(player: Player): Promise<void> {
  const { model } = player
  for (const volume of model.volumes) {
    for (const guest of GUESTS) await removeLeftovers(player, volume, guest)
  }
  for (const volume of model.usable()) {
    const complete = async () => {
      await attachUnanswered(player, volume)
      if (!volume.sizeIsCertain) await expandTo(player, volume, volume.sizes.most)
    }
    await insist(`growth of ${volume.id}`, complete, () => volume.sizeIsCertain)
  }
  for (const volume of model.volumes) {
    const { spec, exists } = volume
    // Some give up what was not answered, some do not.
    if (spec !== undefined && (exists === 'yes' || player.texts % 2 === 0)) {
      await ensure(player, volume, spec)
    }
  }
}

async function attachUnanswered(player: Player, volume: VolumeBelief): Promise<void> {
  for (const attachment of [...volume.attachments.values()]) {
    const unused = attachment.staged === 'no' && attachment.published === 'no'
    if (attachment.exists === 'unsure' && unused) await attachTo(player, volume, attachment)
  }
}

async function removeLeftovers(player: Player, volume: VolumeBelief, guest: string): Promise<void> {
  const id = parseGuestId(guest)
  if (
    volume.attachments.has(guest) ||
    !player.namesOnMachines(volume).includes(attachmentName(volume.leaf, id))
  ) {
    return
  }
  const what = `removal of what ${guest} has of ${volume.id}`
  let isGone = false
  const removal = async () => {
    isGone =
      (await player.call(what, SUCCESS, () => player.driver.attachments.detach(volume.id, id)))
        .kind === 'success'
  }
  await insist(what, removal, () => isGone)
}

async function lookAt(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
): Promise<void> {
  if (attachment.exists !== 'yes' || volume.exists !== 'yes') return
  await attachTo(player, volume, attachment)
  if (attachment.answer !== undefined) await stageIn(player, volume, attachment, attachment.answer)
}

async function release(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
): Promise<void> {
  const { guest } = attachment
  await insist(
    `unpublishing of ${volume.id}`,
    () => unpublishIn(player, volume, attachment),
    () => attachment.published === 'no',
  )
  await insist(
    `unstaging of ${volume.id}`,
    () => unstageIn(player, volume, attachment),
    () => attachment.staged === 'no',
  )
  await insist(
    `detachment of ${volume.id}`,
    () => detachFrom(player, volume, attachment),
    () => !volume.attachments.has(guest),
  )
}

/** Nothing is certain of a volume's bytes until a guest has read them. */
async function lookAtDetached(player: Player, volume: VolumeBelief): Promise<void> {
  const [content = ''] = volume.contents
  if (volume.isBlock || content === 'blank') return
  const guest = content.startsWith('ufs:') ? 'm1/ldg1' : 'm1/ldg2'
  const attachment = new AttachmentBelief(guest, 'rw', 'exclusive')
  await attachTo(player, volume, attachment)
  if (attachment.answer === undefined) {
    throw new BrokenPromise(`${volume.id} could not be attached to be looked at`)
  }
  await stageIn(player, volume, attachment, attachment.answer)
  await release(player, volume, attachment)
}

async function checkEmpty(player: Player): Promise<void> {
  const { world } = player
  const findings = await player.driver.audit()
  if (findings.length > 0) throw new BrokenPromise(`audit: ${JSON.stringify(findings)}`)
  const datasets = [...world.zfsHosts.values()].flatMap(zfs =>
    zfs
      .datasets()
      .flatMap(({ name, snapshots }) => [
        ...(/\/[va]-/.test(name) ? [name] : []),
        ...snapshots.map(snapshot => snapshot.name),
      ]),
  )
  if (datasets.length > 0) throw new BrokenPromise(`left in the pools: ${datasets.join(', ')}`)
  const units = [...world.comstarHosts.values()].flatMap(comstar => [
    ...comstar.units(),
    ...comstar.views(),
  ])
  if (units.length > 0) throw new BrokenPromise(`left on the target: ${JSON.stringify(units)}`)
  for (const [name, machine] of world.machines) {
    for (const { vds, vdisks, name: domain } of machine.state().domains) {
      const left = [...vds.flatMap(({ volumes }) => volumes), ...vdisks]
      if (left.length > 0) {
        throw new BrokenPromise(`left on machine ${name} in ${domain}: ${JSON.stringify(left)}`)
      }
    }
  }
  for (const guest of GUESTS) {
    const mounts = world.guest(guest).mounts()
    if (mounts.length > 0) {
      throw new BrokenPromise(`left in guest ${guest}: ${JSON.stringify(mounts)}`)
    }
  }
}
