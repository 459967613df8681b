// Whether a disk may be formatted, and formatting it: only if three witnesses and two readings
// agree that it is empty, this guest has not used it before, and nothing holds it. Everything that
// destroys data passes through here.

import { parseMkfsOptions } from '../model/mkfs-options.ts'
import type { Marks } from './marks.ts'
import type { Content, GuestDevice, Platform, UseTable } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { MountedRequest, WantedVolume, Witnesses } from './requests.ts'
import type { UseNotes } from './use-notes.ts'

export class Formatting {
  readonly #platform: Platform
  readonly #marks: Marks
  readonly #notes: UseNotes

  constructor(options: {
    readonly platform: Platform
    readonly marks: Marks
    readonly notes: UseNotes
  }) {
    this.#platform = options.platform
    this.#marks = options.marks
    this.#notes = options.notes
  }

  /** Makes the file system on a disk whose content was read, and reads that it is there. */
  async formatBlank(
    device: GuestDevice,
    plan: {
      readonly content: Content
      readonly uses: UseTable
      readonly request: MountedRequest
      readonly type: string
    },
    signal?: AbortSignal,
  ): Promise<void> {
    const options = parseMkfsOptions(plan.request.format.mkfsOptions ?? '', plan.type)
    const { mountOptions } = plan.request.format
    const refusal = reasonNotToFormat(plan.content, device, { ...plan.request, mountOptions })
    if (refusal !== undefined) throw new Refusal('failed-precondition', refusal)
    if (await this.#notes.isUsed(plan.request, signal)) {
      throw new Refusal(
        'failed-precondition',
        `${describeContent(device, plan.content)}, but this guest has used the ` +
          `volume before, as it noted at ${this.#notes.pathOf(plan.request)}: its file system ` +
          'was lost, and it is not formatted; look at the disk by hand, restore a snapshot, or ' +
          'remove that note if nothing was on it',
      )
    }
    await this.#refuseHeld(device, plan.uses, signal)
    if (plan.content.kind === 'unlabelled') await this.#label(device, plan.request.volumeId, signal)
    await this.#platform.fileSystems.format(
      device,
      { type: plan.type, options, volumeId: plan.request.volumeId },
      signal,
    )
    const made = await this.#platform.contents.read(device, signal)
    if (made.kind !== 'filesystem' || made.type !== plan.type) {
      throw new Refusal(
        'internal',
        `${describeContent(device, made)} after it was formatted with ${plan.type}`,
      )
    }
  }

  async #label(device: GuestDevice, volumeId: string, signal?: AbortSignal): Promise<void> {
    await this.#platform.contents.label(device, volumeId, signal)
    // Only now can the slice be read: the second reading that the label had kept away.
    const content = await this.#platform.contents.read(device, signal)
    if (content.kind !== 'blank') {
      throw new Refusal(
        'failed-precondition',
        `${describeContent(device, content)} after it was labelled; look at it by hand`,
      )
    }
  }

  async #refuseHeld(device: GuestDevice, uses: UseTable, signal?: AbortSignal): Promise<void> {
    const mounted = uses.of(device).map(use => use.path)
    const holders = [...mounted, ...(await this.#platform.disks.listHolders(device, signal))]
    if (holders.length > 0) {
      throw new Refusal(
        'busy',
        `${device.blockPath} is not written to while it is held by ${holders.join(', ')}`,
      )
    }
  }

  /**
   * A raw volume is its user's own, and nothing of it is looked at but this: a whole disk without a
   * label cannot be opened at all on some guests, so one that could be formatted is given its
   * label. Any other stays as it is.
   */
  async prepareRaw(
    device: GuestDevice,
    request: WantedVolume & Witnesses,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#marks.refuseStranger(device, request, signal)
    const refusal = reasonNotToFormat({ kind: 'unlabelled' }, device, {
      ...request,
      mountOptions: [],
    })
    if (refusal !== undefined) return
    if (!(await this.#platform.contents.isUnlabelled(device, signal))) return
    if (await this.#notes.isUsed(request, signal)) return
    await this.#refuseHeld(device, await this.#platform.mounts.readUses(signal), signal)
    await this.#platform.contents.label(device, request.volumeId, signal)
    await this.#notes.noteUsed(request, signal)
  }
}

/**
 * Formatting destroys; so every witness must agree, and the message says which one did not and what
 * a person can do.
 */
export function reasonNotToFormat(
  content: Content,
  device: GuestDevice,
  request: Witnesses & { readonly mountOptions: readonly string[] },
): string | undefined {
  const state = describeContent(device, content)
  if (content.kind !== 'blank' && content.kind !== 'unlabelled') {
    return `${state}: the driver neither mounts nor overwrites that; look at it by hand`
  }
  if (!request.createdEmpty) {
    return (
      `${state}, but the volume was made from another one: it must hold data, so it is not ` +
      'formatted'
    )
  }
  if (request.written) {
    return (
      `${state}, but the storage side counts bytes on it: it is not formatted; make the ` +
      'file system by hand if it is empty'
    )
  }
  if (request.mode === 'ro') {
    return (
      `${state}, and it is attached read-only: attach it writable once, so that it gets a ` +
      'file system'
    )
  }
  if (request.mountOptions.includes('ro')) {
    return `${state}, and mounted read-only: mount it writable once, so that it gets a file system`
  }
  if (device.sizeBytes !== request.sizeBytes && device.sizeBytes !== request.grownTo) {
    return (
      `${state}, but has ${device.sizeBytes} bytes and not ` +
      `${request.grownTo ?? request.sizeBytes}: it may be another disk, so it is not formatted; ` +
      'where the volume has grown since it was attached, detach and attach it (in Kubernetes: ' +
      'delete the pods that use it)'
    )
  }
  return undefined
}

function describeContent(device: GuestDevice, content: Content): string {
  switch (content.kind) {
    case 'blank':
      return `${device.blockPath} is blank`
    case 'unlabelled':
      return `${device.blockPath} has no label`
    case 'filesystem':
      return `${device.blockPath} holds a file system ${content.type}`
    case 'other':
      return `${device.blockPath} holds ${content.description}`
  }
}
