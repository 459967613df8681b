// Steps of histories in a guest: what the node plugin may answer about an attached volume, what the
// guest writes, and what it must read.

import type { Attachment } from '../../../src/model/volumes.ts'
import { MARK_AT } from '../../support/marks.ts'
import type { AttachmentBelief, VolumeBelief } from './model.ts'
import {
  BrokenPromise,
  choose,
  type Expectation,
  either,
  fail,
  inGuest,
  type Player,
  platformOf,
  refusal,
  SUCCESS,
} from './player.ts'
import type { StepOf } from './steps.ts'

/** Far behind any label. */
const RAW_LENGTH = 16

/** Only what was attached with an answer can be staged: its context is in the answer. */
function attached(player: Player, number: number) {
  const [volume, attachment] =
    choose(
      player.model.attachments().filter(([, { exists }]) => exists === 'yes'),
      number,
    ) ?? []
  return volume && attachment?.answer
    ? { volume, attachment, answer: attachment.answer }
    : undefined
}

export async function stage(player: Player, number: number): Promise<void> {
  const chosen = attached(player, number)
  if (chosen !== undefined) await stageIn(player, chosen.volume, chosen.attachment, chosen.answer)
}

export async function stageIn(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
  answer: Attachment,
): Promise<void> {
  const { guest } = attachment
  const type = platformOf(guest) === 'solaris' ? 'ufs' : 'ext4'
  const call = await player.call(
    `staging of ${volume.id} in ${guest}`,
    expectStaging(player, volume, attachment, type),
    () =>
      player.plugin(guest).stage({
        volumeId: volume.id,
        slot: answer.slot,
        sizeBytes: answer.sizeBytes,
        format: volume.isBlock
          ? { kind: 'block' }
          : { kind: 'filesystem', type: '', mountOptions: [] },
        createdEmpty: volume.createdEmpty,
        written: answer.written,
        little: answer.little,
        mode: answer.mode,
        contentOf: answer.content?.of,
        bornSeconds: answer.content?.bornSeconds,
        stagingPath: volume.stagingPath(),
      }),
  )
  if (call.kind === 'success') {
    attachment.staged = 'yes'
    if (!volume.isBlock) checkStaged(player, volume, attachment, type)
  } else if (attachment.staged !== 'yes') {
    if (call.kind === 'unknown') attachment.staged = 'unsure'
    if (!volume.isBlock && volume.contents.has('blank')) {
      volume.contents = new Set([...volume.contents, `${type}:`])
    }
  }
}

function expectStaging(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
  type: string,
): Expectation {
  if (!player.isLive(volume, attachment)) return either('unavailable', 'failed-precondition')
  if (attachment.staged === 'yes') return SUCCESS
  // A label or a file system that finds no room is not finished; a raw disk may need a label too.
  if (player.isFull) return either('failed-precondition', 'unsupported')
  if (volume.isBlock) return SUCCESS
  const { answer } = attachment
  const formats = volume.createdEmpty && attachment.mode === 'rw' && answer?.written === false
  // The label of a call that was cut, or more than that.
  if (answer?.little === true && volume.contents.has('blank')) {
    return either('failed-precondition', 'unsupported')
  }
  const works = [...volume.contents].map(content =>
    content === 'blank' ? formats : content.startsWith(`${type}:`),
  )
  // A blank disk is formatted at the very size it was attached with; when a guest sees growth
  // depends on its system.
  if (volume.contents.has('blank') && formats && answer.sizeBytes !== volume.sizes.most) {
    return either('failed-precondition', 'unsupported')
  }
  // A Linux guest refuses a disk that it cannot write to while the file system has a log to replay,
  // which is not followed here.
  if (attachment.mode === 'ro' && type === 'ext4') {
    return either('failed-precondition', 'unsupported')
  }
  if (works.every(Boolean)) return SUCCESS
  return works.some(Boolean)
    ? either('failed-precondition', 'unsupported')
    : refusal('failed-precondition', 'unsupported')
}

/** The file system shows what was written, and was made once. */
function checkStaged(
  player: Player,
  volume: VolumeBelief,
  { guest, answer, mode }: AttachmentBelief,
  type: string,
): void {
  const shown = inGuest(() => player.world.guest(guest).readFile(`${volume.stagingPath()}/text`))
  if ('failure' in shown && shown.failure.code !== 'ENOENT') return
  const content = `${type}:${'value' in shown ? shown.value : ''}`
  const blank = volume.contents.has('blank') && content === `${type}:` && mode === 'rw'
  if (!volume.contents.has(content) && !blank) {
    throw new BrokenPromise(
      `${volume.id} shows ${content} in ${guest}, it should show ` +
        `${[...volume.contents].join(' or ')}`,
    )
  }
  const formats = player.world.guest(guest).formatCount(answer?.slot ?? -1)
  if (formats > 1) throw new BrokenPromise(`${volume.id} was formatted ${formats} times`)
  if (blank) player.model.wrote(volume, content)
  else player.model.narrow(volume, content)
}

export async function unstage(player: Player, number: number): Promise<void> {
  const [volume, attachment] =
    choose(
      player.model.attachments().filter(([, { staged }]) => staged !== 'no'),
      number,
    ) ?? []
  if (volume !== undefined && attachment !== undefined) await unstageIn(player, volume, attachment)
}

export async function unstageIn(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
): Promise<void> {
  const { guest, published } = attachment
  const live = player.isLive(volume, attachment)
  const expected =
    published === 'no' ? SUCCESS : published === 'yes' && live ? refusal('busy') : either('busy')
  const answer = await player.call(
    `unstaging of ${volume.id} in ${guest}`,
    attachment.staged === 'yes' ? expected : either('busy'),
    () => player.plugin(guest).unstage({ volumeId: volume.id, stagingPath: volume.stagingPath() }),
  )
  if (answer.kind === 'success') attachment.staged = 'no'
  if (answer.kind === 'unknown') attachment.staged = 'unsure'
}

export async function publish(player: Player, step: StepOf<'publish'>): Promise<void> {
  const staged = player.model.staged().filter(([, { exists }]) => exists === 'yes')
  const [volume, attachment] = choose(staged, step.attachment) ?? []
  const chosen =
    volume && attachment?.answer
      ? { volume, attachment, answer: attachment.answer }
      : attached(player, step.attachment)
  if (chosen !== undefined) {
    await publishIn(player, chosen.volume, chosen.attachment, {
      answer: chosen.answer,
      readonly: step.readonly,
    })
  }
}

export async function publishIn(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
  request: { readonly answer: Attachment; readonly readonly: boolean },
): Promise<void> {
  const { answer } = request
  const { guest } = attachment
  const readonly = request.readonly || attachment.mode === 'ro'
  const call = await player.call(
    `publishing of ${volume.id} in ${guest}`,
    expectPublishing(player, volume, attachment, readonly),
    () =>
      player.plugin(guest).publish({
        volumeId: volume.id,
        slot: answer.slot,
        sizeBytes: answer.sizeBytes,
        format: volume.isBlock
          ? { kind: 'block' }
          : { kind: 'filesystem', type: '', mountOptions: [] },
        stagingPath: volume.stagingPath(),
        targetPath: volume.targetPath(),
        readonly,
        mode: attachment.mode,
        exclusive: false,
      }),
  )
  if (call.kind === 'refused' || attachment.published === 'yes') return
  attachment.published = call.kind === 'success' ? 'yes' : 'unsure'
  attachment.publishedReadonly = readonly
}

function expectPublishing(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
  readonly: boolean,
): Expectation {
  if (!player.isLive(volume, attachment)) {
    return either('unavailable', 'failed-precondition', 'already-exists')
  }
  // What is published of a raw volume can be written for as long as it is attached so.
  if (volume.isBlock && readonly && attachment.mode === 'rw') {
    return refusal('failed-precondition', 'already-exists')
  }
  const certain = attachment.staged !== 'unsure' && attachment.published !== 'unsure'
  if (!certain) return either('failed-precondition', 'already-exists')
  if (attachment.staged === 'no') return refusal('failed-precondition', 'already-exists')
  // A Solaris guest publishes a raw device by a link, which cannot be read-only.
  const same = attachment.published === 'no' || attachment.publishedReadonly === readonly
  const isLink = volume.isBlock && platformOf(attachment.guest) === 'solaris'
  return same || isLink ? SUCCESS : refusal('already-exists')
}

export async function unpublish(player: Player, number: number): Promise<void> {
  const [volume, attachment] =
    choose(
      player.model.attachments().filter(([, { published }]) => published !== 'no'),
      number,
    ) ?? []
  if (volume !== undefined && attachment !== undefined) {
    await unpublishIn(player, volume, attachment)
  }
}

export async function unpublishIn(
  player: Player,
  volume: VolumeBelief,
  attachment: AttachmentBelief,
): Promise<void> {
  const { guest } = attachment
  const answer = await player.call(`unpublishing of ${volume.id} in ${guest}`, SUCCESS, () =>
    player.plugin(guest).unpublish({ volumeId: volume.id, targetPath: volume.targetPath() }),
  )
  if (answer.kind === 'success') attachment.published = 'no'
  if (answer.kind === 'unknown') attachment.published = 'unsure'
}

export async function expandInGuest(player: Player, number: number): Promise<void> {
  const [volume, attachment] = choose(player.model.staged(), number) ?? []
  if (volume === undefined || attachment === undefined) return
  const { guest } = attachment
  const request = { volumeId: volume.id, path: volume.stagingPath(), sizeBytes: volume.sizes.least }
  // A Linux guest sees a new size when it gets the disk again.
  const works = player.isLive(volume, attachment) && platformOf(guest) === 'solaris'
  await player.call(
    `growth of ${volume.id} in ${guest}`,
    works ? SUCCESS : either('unavailable'),
    () => player.plugin(guest).expand(request),
  )
}

export async function measure(player: Player, number: number): Promise<void> {
  const [volume, attachment] = choose(player.model.staged(), number) ?? []
  if (volume === undefined || attachment === undefined) return
  const { guest } = attachment
  const expected = player.isLive(volume, attachment) ? SUCCESS : either('unavailable', 'not-found')
  const request = { volumeId: volume.id, path: volume.stagingPath() }
  const answer = await player.call(`measurement of ${volume.id} in ${guest}`, expected, () =>
    player.plugin(guest).statistics(request),
  )
  if (answer.kind === 'success' && answer.value.bytes.total <= 0) {
    throw new BrokenPromise(`${volume.id} measures nothing in ${guest}`)
  }
}

export function write(player: Player, number: number): void {
  const [volume, attachment] = choose(player.model.staged(), number) ?? []
  if (volume !== undefined && attachment?.answer !== undefined) writeIn(player, volume, attachment)
}

export function writeIn(player: Player, volume: VolumeBelief, attachment: AttachmentBelief): void {
  const text = `text ${player.texts++}`.padEnd(RAW_LENGTH, '.')
  player.story.push(`write ${volume.id} in ${attachment.guest}`)
  const { guest, published, publishedReadonly, mode } = attachment
  const path =
    published === 'yes' && !publishedReadonly ? volume.targetPath() : volume.stagingPath()
  const live = player.isLive(volume, attachment)
  const done = inGuest(() =>
    volume.isBlock
      ? (player.disk(volume, guest) ?? fail('disk')).write(MARK_AT, Buffer.from(text))
      : player.world.guest(guest).writeFile(`${path}/text`, text),
  )
  if ('failure' in done) {
    const expected = mode === 'ro' || !live || player.isTroubled
    if (!expected) {
      throw new BrokenPromise(
        `${volume.id} could not be written in ${guest}: ${done.failure.code} ` +
          `${done.failure.message}`,
      )
    }
    return
  }
  if (mode === 'ro') {
    throw new BrokenPromise(`${volume.id} is attached to ${guest} read-only and was written`)
  }
  player.tally.count(player.tally.successes, 'write')
  const type = platformOf(guest) === 'solaris' ? 'ufs' : 'ext4'
  player.model.wrote(volume, `${volume.isBlock ? 'raw' : type}:${text}`)
}

export function read(player: Player, number: number): void {
  const [volume, attachment] = choose(player.model.staged(), number) ?? []
  if (volume === undefined || attachment === undefined) return
  player.story.push(`read ${volume.id} in ${attachment.guest}`)
  if (volume.isBlock) {
    const disk = player.disk(volume, attachment.guest)
    const bytes = inGuest(() => disk?.read(MARK_AT, RAW_LENGTH))
    if ('value' in bytes && bytes.value !== undefined) checkRaw(player, volume, bytes.value)
    return
  }
  if (player.isLive(volume, attachment)) {
    checkStaged(
      player,
      volume,
      attachment,
      platformOf(attachment.guest) === 'solaris' ? 'ufs' : 'ext4',
    )
  }
}

function checkRaw(player: Player, volume: VolumeBelief, bytes: Buffer): void {
  const content = bytes.every(byte => byte === 0) ? 'blank' : `raw:${bytes.toString()}`
  if (!volume.contents.has(content)) {
    throw new BrokenPromise(
      `${volume.id} holds ${content}, it should hold ${[...volume.contents].join(' or ')}`,
    )
  }
  player.model.narrow(volume, content)
}

/** A raw volume as it lies in the pool. */
export function checkStored(player: Player, volume: VolumeBelief): void {
  const bytes = player.zfs(volume.pool).store(player.dataset(volume)).read(MARK_AT, RAW_LENGTH)
  checkRaw(player, volume, bytes)
}
