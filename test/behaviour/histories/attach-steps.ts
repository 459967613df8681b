// Steps of histories that attach and detach: what each may be answered, and what the orchestrator
// knows afterwards.

import { formatPublishContext } from '../../../src/csi/contexts.ts'
import { parseGuestId } from '../../../src/model/ids.ts'
import type { Attachment } from '../../../src/model/volumes.ts'
import { attachRequest } from '../../support/installation.ts'
import { AttachmentBelief, type VolumeBelief } from './model.ts'
import {
  BrokenPromise,
  choose,
  type Expectation,
  either,
  fail,
  type Player,
  platformOf,
  refusal,
  SUCCESS,
} from './player.ts'
import { GUESTS, type StepOf } from './steps.ts'

/** Answers the attachment that was asked for, if anything was. */
export async function attach(
  player: Player,
  step: Omit<StepOf<'attach'>, 'do'>,
): Promise<readonly [VolumeBelief, AttachmentBelief] | undefined> {
  const { model } = player
  const volume = choose(step.volume < 11 ? model.usable() : model.volumes, step.volume)
  if (volume === undefined) return
  if (volume.exists === 'unsure') return
  const guest = chooseGuest(volume, step.guest)
  const known = volume.attachments.get(guest)
  const sharing = step.shared && volume.isBlock ? 'shared' : 'exclusive'
  const attachment = known ?? new AttachmentBelief(guest, step.readonly ? 'ro' : 'rw', sharing)
  await attachTo(player, volume, attachment)
  return [volume, attachment]
}

// Mostly one that can reach the volume and knows its file system.
function chooseGuest(volume: VolumeBelief, number: number): string {
  const reachable = GUESTS.filter(guest => volume.pool === 'gold' || guest.startsWith('m1/'))
  const [content = ''] = volume.contents
  const fitting = reachable.filter(guest => fits(content, guest))
  return (
    choose(
      number === 11 ? GUESTS : number < 8 && fitting.length > 0 ? fitting : reachable,
      number,
    ) ?? fail('guest')
  )
}

function fits(content: string, guest: string): boolean {
  if (content.startsWith('ufs:')) return platformOf(guest) === 'solaris'
  return !content.startsWith('ext4:') || platformOf(guest) === 'linux'
}

export async function attachAgain(player: Player, step: StepOf<'attach again'>): Promise<void> {
  const [volume, attachment] = choose(player.model.attachments(), step.attachment) ?? []
  if (volume === undefined || attachment === undefined) return
  if (!step.otherwise) return attachTo(player, volume, attachment)
  const { guest, mode, sharing } = attachment
  const request = attachRequest(volume.id, guest, {
    mode: mode === 'rw' ? 'ro' : 'rw',
    sharing,
    format: formatOf(volume),
  })
  if (attachment.exists !== 'yes') return
  const expected = refusal('already-exists')
  await player.call(`other attachment of ${volume.id} to ${guest}`, expected, () =>
    player.driver.attachments.attach(request),
  )
}

function formatOf(volume: VolumeBelief) {
  return volume.spec?.format ?? ({ kind: 'block' } as const)
}

/** The attachment that the orchestrator wants, until it is answered. */
export async function attachTo(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
): Promise<void> {
  const { guest, mode, sharing } = attachment
  const expected = expectAttachment(player, volume, attachment)
  const request = attachRequest(volume.id, guest, { mode, sharing, format: formatOf(volume) })
  const answer = await player.call(`attachment of ${volume.id} to ${guest}`, expected, () =>
    player.driver.attachments.attach(request),
  )
  if (answer.kind !== 'success') {
    const untouched =
      answer.kind === 'refused' && ['in-use', 'already-exists', 'not-found'].includes(answer.error)
    const never = untouched || !player.poolOf(volume.pool).machines.has(parseGuestId(guest).machine)
    if (!volume.attachments.has(guest) && !never) volume.attachments.set(guest, attachment)
    return
  }
  checkAnswer(attachment, answer.value)
  attachment.exists = 'yes'
  attachment.answer = answer.value
  volume.attachments.set(guest, attachment)
  for (const other of [...volume.attachments.values()]) {
    // Nobody else can have it, whatever became of a request without an answer.
    if (other !== attachment && (sharing === 'exclusive' || other.sharing === 'exclusive')) {
      volume.attachments.delete(other.guest)
    }
  }
  const disk = player.disk(volume, guest)
  if (disk?.id !== answer.value.slot || disk.mode !== mode) {
    throw new BrokenPromise(
      `${guest} should have ${volume.id} as disk ${answer.value.slot} ${mode}, it has ` +
        `${disk?.id ?? 'none'} ${disk?.mode ?? ''}`,
    )
  }
}

function expectAttachment(
  player: Player,
  volume: VolumeBelief,
  { guest, sharing }: AttachmentBelief,
): Expectation {
  if (volume.exists === 'no') return refusal('not-found')
  if (!player.poolOf(volume.pool).machines.has(parseGuestId(guest).machine)) {
    return refusal('failed-precondition')
  }
  const others = [...volume.attachments.values()].filter(other => other.guest !== guest)
  const mine = volume.attachments.get(guest)
  const excludes = others.filter(other => sharing === 'exclusive' || other.sharing === 'exclusive')
  if (excludes.some(({ exists }) => exists === 'yes')) {
    // Once both cannot be: the simulation is asked which. A request of mine without an answer was
    // refused, then.
    return refusal('in-use', 'already-exists')
  }
  const leftovers = player.hasLeftovers(volume)
  const unsure = mine?.exists === 'unsure' || excludes.length > 0 || !volume.sizeIsCertain
  if (leftovers) return either('failed-precondition', 'in-use', 'busy')
  return unsure ? either('in-use', 'already-exists', 'failed-precondition') : SUCCESS
}

export async function detach(player: Player, number: number, faultless: boolean): Promise<void> {
  const [volume, attachment] = choose(player.model.attachments(), number) ?? []
  if (volume === undefined || attachment === undefined) return
  // Nobody detaches what is in use, but to see a Solaris guest refuse: a Linux guest would not
  // object, behind a fence nobody can, and of a raw device nothing is open that could.
  const unused = attachment.staged === 'no' && attachment.published === 'no'
  if (
    !unused &&
    (volume.isBlock || platformOf(attachment.guest) === 'linux' || !faultless || player.isDisturbed)
  ) {
    return
  }
  await detachFrom(player, volume, attachment)
}

export async function detachFrom(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
): Promise<void> {
  const { guest, staged } = attachment
  const mounted = !volume.isBlock && staged === 'yes' && player.isLive(volume, attachment)
  const expected = mounted ? refusal('busy') : staged === 'no' ? SUCCESS : either('busy')
  const answer = await player.call(`detachment of ${volume.id} from ${guest}`, expected, () =>
    player.driver.attachments.detach(volume.id, parseGuestId(guest)),
  )
  if (answer.kind === 'success') volume.attachments.delete(guest)
  if (answer.kind === 'unknown') attachment.exists = 'unsure'
}

export async function detachFromAll(player: Player, number: number): Promise<void> {
  const volume = choose(player.model.usable(), number)
  const attachments = [...(volume?.attachments.values() ?? [])]
  if (
    volume === undefined ||
    attachments.some(({ staged, published }) => staged !== 'no' || published !== 'no')
  ) {
    return
  }
  const answer = await player.call(`detachment of ${volume.id}`, SUCCESS, () =>
    player.driver.attachments.detach(volume.id, undefined),
  )
  // A request without an answer may have left something behind without a record: only its own
  // repetition takes that away.
  if (answer.kind === 'success') {
    for (const { guest, exists } of attachments) {
      if (exists === 'yes') volume.attachments.delete(guest)
    }
  }
  if (answer.kind === 'unknown') for (const attachment of attachments) attachment.exists = 'unsure'
}

// The same as before, but that something may have been written to the volume meanwhile.
function checkAnswer({ answer: before, exists }: AttachmentBelief, now: Attachment): void {
  if (before === undefined || exists !== 'yes') return
  // What is read of the volume as it is now may change in one direction each.
  const told = ({ grownTo: _, little: __, ...value }: Attachment) =>
    JSON.stringify(formatPublishContext(value))
  const sizeNow = ({ grownTo, sizeBytes }: Attachment) => grownTo ?? sizeBytes
  const writtenNow = ({ written, little }: Attachment) => (written ? (little ? 1 : 2) : 0)
  const isOnward = writtenNow(now) >= writtenNow(before) && sizeNow(now) >= sizeNow(before)
  if (told({ ...now, written: before.written }) === told(before) && isOnward) return
  throw new BrokenPromise(
    `attachment of ${now.volumeId} is answered as ${told(now)}, before as ${told(before)}`,
  )
}
