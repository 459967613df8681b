// Takes a disk away whose object is being deleted: unmounts in the guest, detaches from it, and
// lets the object and its claim go only then. What is not safe waits, and says for what.

import type { GuestDiskObject } from '../kubernetes/cluster-objects.ts'
import { ABANDON_ANNOTATION } from '../manifests/schema.ts'
import { pathOf } from '../model/guest-disks.ts'
import { detachDisk } from '../steps/attach.ts'
import { unmountDisk } from '../steps/mount.ts'
import { claimKeyOf, isHeld, type Parts } from './parts.ts'
import { judgeBound } from './reconciler.ts'
import { observe, report } from './report.ts'
import type { Attachment } from './situation.ts'
import type { Trouble } from './status.ts'
import { stepTools } from './tools.ts'
import { isAnswer, isSilence, messageOf, reasonOf } from './words.ts'
import type { Outcome } from './work-queue.ts'

export async function takeAway(
  disk: GuestDiskObject,
  parts: Parts,
  signal: AbortSignal,
): Promise<Outcome> {
  if (!isHeld(disk.meta)) return 'done'
  const { volume } = disk.status
  if (volume !== undefined) {
    const trouble = await new Removal(disk, volume, { parts, signal }).run()
    if (trouble !== undefined) {
      const found = await judgeBound(disk, parts, signal)
      const bound = found.kind === 'bound' ? found : undefined
      return report(disk, { parts, bound, obstacles: { trouble } }, signal)
    }
  }
  return letGo(disk, parts, signal)
}

/** The claim first: a claim without a disk that holds it is looked after, a disk is not. */
async function letGo(
  disk: GuestDiskObject,
  { view, writes }: Parts,
  signal: AbortSignal,
): Promise<Outcome> {
  const claim = view.claim(claimKeyOf(disk))
  const others = view
    .disksOfClaim(claimKeyOf(disk))
    .filter(({ meta }) => meta.uid !== disk.meta.uid && isHeld(meta))
  if (claim !== undefined && others.length === 0) {
    const written = await writes.removeFinalizer('claim', claim.meta, signal)
    if (written === 'conflict') return 'again'
  }
  return (await writes.removeFinalizer('disk', disk.meta, signal)) === 'conflict' ? 'again' : 'done'
}

class Removal {
  readonly #disk: GuestDiskObject
  readonly #volumeId: string
  readonly #parts: Parts
  readonly #signal: AbortSignal

  constructor(
    disk: GuestDiskObject,
    volumeId: string,
    { parts, signal }: { readonly parts: Parts; readonly signal: AbortSignal },
  ) {
    this.#disk = disk
    this.#volumeId = volumeId
    this.#parts = parts
    this.#signal = signal
  }

  /** Undefined: the guest does not have the disk any more, or somebody answers for that. */
  async run(): Promise<Trouble | undefined> {
    const { guest } = this.#disk.spec
    await this.#parts.looks.lookAt(this.#volumeId, this.#signal)
    const { attachment } = observe(this.#volumeId, guest, this.#parts)
    if (this.#isAbandoned()) return this.#abandon(attachment)
    if (this.#parts.view.kubelets().has(guest)) {
      return leaving(
        'GuestRunsKubelet',
        `guest ${guest} has become a node of this cluster, and its disk may be a pod's; ` +
          this.#abandonHint(),
      )
    }
    switch (attachment.kind) {
      case 'unknown':
        return leaving(
          'NotObserved',
          `${attachment.why}; it is tried again. ${this.#abandonHint()}`,
        )
      case 'none':
        // What an earlier removal left is completed.
        return this.#detach({ onlyWhileOff: false })
      case 'seen':
        if (attachment.guest === 'off') return this.#detach({ onlyWhileOff: true })
        return (await this.#unmount()) ?? this.#detach({ onlyWhileOff: false })
    }
  }

  /** Undefined: unmounted, or nothing to unmount. */
  async #unmount(): Promise<Trouble | undefined> {
    const { spec, key } = this.#disk
    const { guest } = spec
    const path = pathOf(spec)
    if (path === undefined) return undefined
    if (!this.#parts.calls.has(guest)) {
      return leaving(
        'NoLogin',
        `the configuration has no login for guest ${guest}, which has to unmount the volume; add ` +
          'the guest with ssh to the configuration (guestDisks.config.guests), or stop it',
      )
    }
    const disk = { name: key, volumeId: this.#volumeId, guest, path }
    try {
      await unmountDisk(disk, stepTools(this.#parts, guest, this.#signal))
      // What is unmounted must not be seen as mounted by the next disk of this volume.
      await this.#parts.looks.lookInto(guest, this.#signal)
      return undefined
    } catch (error) {
      this.#throwOther(error)
      const said = messageOf(error)
      if (!isSilence(error)) return leaving(reasonOf(error), said)
      const refused = await this.#detach({ onlyWhileOff: true })
      if (refused === undefined) return undefined
      return leaving(
        'GuestSilent',
        `guest ${guest} cannot be asked to unmount (${said}), and is not detached without that: ` +
          `${refused.message}; make it answer, or stop it. ${this.#abandonHint()}`,
      )
    }
  }

  async #detach(condition: { readonly onlyWhileOff: boolean }): Promise<Trouble | undefined> {
    const { spec, key } = this.#disk
    const disk = { name: key, volumeId: this.#volumeId, guest: spec.guest }
    try {
      await detachDisk(disk, stepTools(this.#parts, spec.guest, this.#signal), condition)
      return undefined
    } catch (error) {
      this.#throwOther(error)
      return leaving(reasonOf(error), messageOf(error))
    }
  }

  #isAbandoned(): boolean {
    const { meta, spec } = this.#disk
    return meta.annotations[ABANDON_ANNOTATION]?.trim() === `${spec.guest} is gone`
  }

  /**
   * The operator says that the guest is gone. The driver's record of the guest is removed if the
   * machine allows that, and else stays: no other guest gets the volume to write before.
   */
  async #abandon(attachment: Attachment): Promise<Trouble | undefined> {
    const { guest } = this.#disk.spec
    if (attachment.kind === 'seen' && !['unlisted', 'unknown'].includes(attachment.guest)) {
      const off = attachment.guest === 'off'
      if (off) return this.#detach({ onlyWhileOff: true })
      return leaving(
        'GuestNotGone',
        `the annotation ${ABANDON_ANNOTATION} says that guest ${guest} is gone, and its machine ` +
          'shows that it is not; stop the guest, or remove the annotation',
      )
    }
    if (attachment.kind === 'unknown' && !(await this.#isSilent())) {
      return leaving('NotObserved', `${attachment.why}; guest ${guest} may still run`)
    }
    const refused = await this.#detach({ onlyWhileOff: false })
    this.#parts.teller.onDisk(this.#disk, {
      type: 'Warning',
      reason: 'Abandoned',
      message:
        refused === undefined
          ? `guest ${guest} was given up; volume ${this.#volumeId} is free`
          : `guest ${guest} was given up; the driver keeps volume ${this.#volumeId} for it, so ` +
            'that nobody else writes to it. Once its machine answers, create this GuestDisk ' +
            `anew and delete it, which detaches the volume: ${refused.message}`,
    })
    return undefined
  }

  /** A pool that is silent says nothing of the guest. Neither its machine nor it may answer. */
  async #isSilent(): Promise<boolean> {
    const { guest } = this.#disk.spec
    const { looks } = this.#parts
    await looks.lookInto(guest, this.#signal)
    return looks.isSilent(guest) && looks.mount(this.#volumeId, guest).kind === 'unknown'
  }

  #abandonHint(): string {
    const { namespace, name } = this.#disk.meta
    return (
      'If the guest will never come back: kubectl annotate guestdisk ' +
      `--namespace ${namespace} ${name} ${ABANDON_ANNOTATION}="${this.#disk.spec.guest} is gone"`
    )
  }

  #throwOther(error: unknown): void {
    if (this.#signal.aborted || !isAnswer(error)) throw error
  }
}

function leaving(reason: string, message: string): Trouble {
  return { condition: 'Ready', reason, message }
}
