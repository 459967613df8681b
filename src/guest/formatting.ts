// Decides whether a disk may be formatted, and formats it. Formatting needs three witnesses and two
// readings that agree that the disk is empty. This guest must not have used the volume before, and
// nothing may hold the disk. Everything that destroys data passes through here.

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

  /** Creates the file system on a disk whose content the caller has read, then reads it back. */
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
    const ownMark = this.#platform.contents.markOf(plan.request.volumeId)
    const witnesses = { ...plan.request, mountOptions, ownMark }
    const refusal = reasonNotToFormat(plan.content, device, witnesses)
    if (refusal !== undefined) throw new Refusal('failed-precondition', refusal)
    if (await this.#notes.isUsed(plan.request, signal)) {
      throw new Refusal(
        'failed-precondition',
        `${describeContent(device, plan.content)}, but this guest has used the ` +
          `volume before (recorded at ${this.#notes.pathOf(plan.request)}): its file system ` +
          'was lost, so the driver does not format it; look at the disk by hand, restore a ' +
          'snapshot, or remove that record if the volume was empty',
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
    // The slice can be read only now that the disk has a label. This is the second reading.
    const content = await this.#platform.contents.read(device, signal)
    if (content.kind !== 'blank') {
      throw new Refusal(
        'failed-precondition',
        `${describeContent(device, content)} after it was labelled; look at the disk by hand`,
      )
    }
  }

  async #refuseHeld(device: GuestDevice, uses: UseTable, signal?: AbortSignal): Promise<void> {
    const mounted = uses.of(device).map(use => use.path)
    const holders = [...mounted, ...(await this.#platform.disks.listHolders(device, signal))]
    if (holders.length > 0) {
      throw new Refusal(
        'busy',
        `${device.blockPath} is in use by ${holders.join(', ')}; stop that before the driver ` +
          'writes to the disk',
      )
    }
  }

  /**
   * The content of a raw volume is its user's own business; the driver looks at one thing only.
   * Some guests cannot open a whole disk without a label, so the driver labels one that it could
   * format. It leaves any other disk unchanged.
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
 * Formatting destroys data, so every witness must agree. The message says which one did not and
 * what a person can do.
 */
export function reasonNotToFormat(
  content: Content,
  device: GuestDevice,
  request: Witnesses & { readonly mountOptions: readonly string[]; readonly ownMark?: string },
): string | undefined {
  const state = describeContent(device, content)
  if (content.kind !== 'blank' && content.kind !== 'unlabelled') {
    return `${state}: the driver neither mounts nor overwrites it; look at the disk by hand`
  }
  if (!request.createdEmpty) {
    return (
      `${state}, but the volume was created from another one and must hold data, so the driver ` +
      'does not format it'
    )
  }
  // A call that was cut between label and file system is completed by the next one. The name comes
  // after the label, and not every release can write one.
  const isLabelled = content.kind === 'blank' && content.labelled === true
  const isOwn = content.mark === undefined || content.mark === request.ownMark
  if (request.written && !(request.little === true && isLabelled && isOwn)) {
    return (
      `${state}, but the storage host counts data on it, so the driver does not format it; ` +
      'create the file system by hand if the volume is empty'
    )
  }
  if (request.mode === 'ro') {
    return (
      `${state}, but it is attached read-only; attach it writable once, so that it gets a ` +
      'file system'
    )
  }
  if (request.mountOptions.includes('ro')) {
    return (
      `${state}, but a read-only mount is asked for; mount it writable once, so that it gets ` +
      'a file system'
    )
  }
  if (device.sizeBytes !== request.sizeBytes && device.sizeBytes !== request.grownTo) {
    return (
      `${state}, but has ${device.sizeBytes} bytes and not ` +
      `${request.grownTo ?? request.sizeBytes}: it may be another disk, so the driver does not ` +
      'format it; if the volume has grown since it was attached, detach and attach it (in ' +
      'Kubernetes: delete the pods that use it)'
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
