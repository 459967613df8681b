// Brings one disk to what its object asks for: looks at what is there, makes one step, looks again.
// It keeps nothing in memory between two runs, so that a run may be cut anywhere and begun anew by
// another process. The status says what was seen, not what was done.

import type { GuestDiskObject } from '../kubernetes/cluster-objects.ts'
import { attachDisk } from '../steps/attach.ts'
import type { PublishContext, StepDisk } from '../steps/disk.ts'
import { growDisk, mountDisk } from '../steps/mount.ts'
import { type Decision, decide, type Step } from './decision.ts'
import { type Bound, judgeClaim, judgeGuest, type Refusal } from './entitlement.ts'
import { claimKeyOf, isHeld, type Parts } from './parts.ts'
import { observe, report } from './report.ts'
import { findRival, hasBegun } from './rivals.ts'
import type { Situation } from './situation.ts'
import type { Trouble } from './status.ts'
import { stepTools } from './tools.ts'
import { isAnswer, messageOf, reasonOf } from './words.ts'
import type { Outcome } from './work-queue.ts'

/** Attach, mount, grow, and once more what the first look did not show. */
const MOST_STEPS = 5

/** The disk is not being deleted. Whoever calls holds the claim. */
export async function bringAbout(
  disk: GuestDiskObject,
  parts: Parts,
  signal: AbortSignal,
): Promise<Outcome> {
  const bound = await judgeBound(disk, parts, signal)
  if (bound.kind === 'refused') {
    return report(disk, { parts, obstacles: { refusal: bound } }, signal)
  }
  const refusal = await judgeGiving(disk, bound, { parts, signal })
  if (refusal !== undefined) return report(disk, { parts, bound, obstacles: { refusal } }, signal)
  const held = await hold(disk, bound, { parts, signal })
  // The cache has the object as it was. Its change comes back as an event.
  if (held !== 'held') return held === 'changed' ? 'done' : 'again'
  return new Bringing(disk, bound, { parts, signal }).run()
}

export async function judgeBound(
  disk: GuestDiskObject,
  { view }: Parts,
  signal: AbortSignal,
): Promise<Bound | Refusal> {
  const claim = view.claim(claimKeyOf(disk))
  const volume = claim?.volumeName === undefined ? undefined : view.volume(claim.volumeName)
  const waitsForPod =
    claim !== undefined && claim.phase === 'Pending' && (await view.waitsForPod(claim, signal))
  return judgeClaim(disk, { claim, volume, waitsForPod })
}

async function judgeGiving(
  disk: GuestDiskObject,
  { claim }: Bound,
  { parts, signal }: Work,
): Promise<Refusal | undefined> {
  const { guest, claimName } = disk.spec
  const refusal = judgeGuest(disk, parts.grants.get(guest), parts.view.kubelets())
  if (refusal !== undefined) return refusal
  // What has it keeps it, until somebody deletes that, too.
  const { attachment } = observe(disk.status.volume, guest, parts)
  if (claim.meta.deleting && attachment.kind === 'none') {
    return {
      kind: 'refused',
      condition: 'Attached',
      reason: 'ClaimLeaving',
      message: `claim ${claim.key} is being deleted`,
    }
  }
  const rival = await findRival(disk, parts, signal)
  if (rival === undefined) return undefined
  return {
    kind: 'refused',
    condition: 'Attached',
    reason: 'GuestHasIt',
    message:
      `GuestDisk ${rival.key} gives claim ${claimName} to guest ${guest} already; delete one of ` +
      'the two',
  }
}

interface Work {
  readonly parts: Parts
  readonly signal: AbortSignal
}

/** Neither the disk nor its claim may go away before the volume is taken from the guest. */
async function hold(
  { meta }: GuestDiskObject,
  { claim }: Bound,
  { parts: { writes }, signal }: Work,
): Promise<'held' | 'changed' | 'conflict'> {
  if (!isHeld(meta)) {
    return (await writes.addFinalizer('disk', meta, signal)) === 'done' ? 'changed' : 'conflict'
  }
  if (isHeld(claim.meta) || claim.meta.deleting) return 'held'
  return (await writes.addFinalizer('claim', claim.meta, signal)) === 'done' ? 'held' : 'conflict'
}

class Bringing {
  #disk: GuestDiskObject
  readonly #bound: Bound
  readonly #parts: Parts
  readonly #signal: AbortSignal
  #context: PublishContext | undefined
  #hasGrown = false

  constructor(disk: GuestDiskObject, bound: Bound, { parts, signal }: Work) {
    this.#disk = disk
    this.#bound = bound
    this.#parts = parts
    this.#signal = signal
  }

  async run(): Promise<Outcome> {
    if (!(await this.#begin())) return 'again'
    await this.#lookOnce()
    const lost: string[] = []
    let decision = this.#decide()
    let trouble: Trouble | undefined
    for (let steps = 0; decision.kind === 'step' && trouble === undefined; steps += 1) {
      const { step, lost: what } = decision
      trouble = steps < MOST_STEPS ? await this.#carryOut(step) : unsettled(step, what)
      if (trouble === undefined && what !== undefined) lost.push(what)
      if (trouble === undefined) decision = this.#decide()
    }
    const waiting = decision.kind === 'wait' ? decision : undefined
    const [parts, bound] = [this.#parts, this.#bound]
    return report(this.#disk, { parts, bound, obstacles: { waiting, trouble }, lost }, this.#signal)
  }

  /**
   * The status names the volume before anything is done for it, so that a removal knows what to
   * take away whatever becomes of the claim. False: the object is not what the cache had.
   */
  async #begin(): Promise<boolean> {
    if (hasBegun(this.#disk)) return true
    const { writes } = this.#parts
    const { meta, status } = this.#disk
    const volume = this.#bound.volume.handle
    const written = await writes.patchStatus(this.#disk, { ...status, volume }, this.#signal)
    if (written !== 'done') return false
    const now = await writes.readDisk(meta, this.#signal)
    if (now === undefined || now.meta.uid !== meta.uid || now.meta.deleting) return false
    this.#disk = now
    return true
  }

  #decide(): Decision {
    const { disk, claim, volume } = this.#bound
    const { attachment, mount } = observe(disk.volumeId, disk.guest, this.#parts)
    const situation: Situation = {
      wanted: disk,
      attachment,
      mount,
      // A claim can arrive before its volume, which then still has the size of before.
      isResizePending:
        claim.isResizePending &&
        !this.#hasGrown &&
        (volume.capacityBytes ?? 0) > (claim.capacityBytes ?? 0),
    }
    return decide(situation)
  }

  /** A guest that was no disk's so far. */
  async #lookOnce(): Promise<void> {
    const { guest, path } = this.#bound.disk
    const { looks } = this.#parts
    if (path !== undefined) await looks.lookFirstInto(guest, this.#signal)
  }

  async #carryOut(step: Step): Promise<Trouble | undefined> {
    try {
      await this.#make(step)
      return undefined
    } catch (error) {
      if (this.#signal.aborted || !isAnswer(error)) throw error
      const condition = step === 'grow' ? 'Ready' : step === 'attach' ? 'Attached' : 'Mounted'
      return { condition, reason: reasonOf(error), message: messageOf(error) }
    }
  }

  async #make(step: Step): Promise<void> {
    const { disk, claim, volume } = this.#bound
    const { looks, writes } = this.#parts
    const tools = stepTools(this.#parts, disk.guest, this.#signal)
    switch (step) {
      case 'attach':
        this.#context = await attachDisk(disk, tools)
        await looks.lookAt(disk.volumeId, this.#signal)
        return
      case 'mount': {
        const context = this.#context ?? (await attachDisk(disk, tools))
        this.#context = context
        await mountDisk(disk, async () => context, tools)
        await looks.lookInto(disk.guest, this.#signal)
        return
      }
      case 'grow': {
        const bytes = volume.capacityBytes ?? 0
        await growDisk(disk, bytes, tools)
        // The claim says it once for all guests that share the volume.
        for (const other of this.#sharers()) {
          await growDisk(other, bytes, stepTools(this.#parts, other.guest, this.#signal))
        }
        // Whoever changed the claim meanwhile is told by its event, and this is done again.
        await writes.finishResize(claim, bytes, this.#signal)
        this.#hasGrown = true
      }
    }
  }

  /** A guest that is off, or has it not yet, will see the new size by itself. */
  #sharers(): readonly StepDisk[] {
    const { claim, volume, disk } = this.#bound
    const { view } = this.#parts
    return view.disksOfClaim(claim.key).flatMap(other => {
      const found = judgeClaim(other, { claim, volume, waitsForPod: false })
      if (found.kind === 'refused' || found.disk.guest === disk.guest) return []
      const { attachment, mount } = observe(other.status.volume, found.disk.guest, this.#parts)
      const isOff =
        attachment.kind === 'none' || ('guest' in attachment && attachment.guest === 'off')
      return isOff || mount.kind === 'none' ? [] : found.disk
    })
  }
}

function unsettled(step: Step, what: string | undefined): Trouble {
  const said = what ?? 'the disk is not as it should be'
  return {
    condition: step === 'mount' ? 'Mounted' : 'Attached',
    reason: 'NotSettled',
    message: `${said}, although every step was done; it is tried again`,
  }
}
