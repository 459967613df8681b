// What is to be done next for one disk of a guest, from what was observed. Pure, no I/O. Whoever
// carries out a step looks again afterwards and asks again.

import { isAt, type SeenDisk, type Situation } from './situation.ts'

export type Step = 'attach' | 'mount' | 'grow'

export type Decision =
  /** `lost`: what was there before and is missing now; undefined for a disk that is new. */
  | { readonly kind: 'step'; readonly step: Step; readonly lost: string | undefined }
  | { readonly kind: 'whole' }
  | ({ readonly kind: 'wait' } & Waiting)

/** What has to happen first, without anything that this controller could do. */
export interface Waiting {
  readonly condition: 'Attached' | 'Mounted'
  /** Whether it is known that the condition is not met. */
  readonly isKnown: boolean
  readonly reason: string
  readonly message: string
}

export function decide(situation: Situation): Decision {
  const { attachment, wanted } = situation
  switch (attachment.kind) {
    case 'unknown':
      return unknown('Attached', { reason: 'NotObserved', message: attachment.why })
    case 'none':
      return step('attach')
    case 'seen':
      if (attachment.isAttached) return decideMount(situation, attachment)
      // A guest that boots from the disk needs it before it runs.
      if (attachment.guest === 'off' && wanted.path !== undefined) {
        return notYet('Attached', {
          reason: 'GuestOff',
          message:
            `guest ${wanted.guest} is off and its machine does not show the disk; it is given ` +
            'back when the guest runs again',
        })
      }
      return step('attach', `its machine did not show the disk in guest ${wanted.guest}`)
  }
}

function decideMount(situation: Situation, seen: SeenDisk): Decision {
  const { wanted, mount, isResizePending } = situation
  // Last of all: a disk with fewer paths still serves its guest.
  const repair = seen.missing === '' ? whole : step('attach', seen.missing)
  if (wanted.path === undefined) return repair
  const notUp = waitForGuest(seen, wanted.guest)
  if (notUp !== undefined) return notUp
  switch (mount.kind) {
    case 'unknown':
      return unknown('Mounted', { reason: 'GuestSilent', message: mount.why })
    case 'none':
      return step('mount')
    case 'seen':
      if (mount.failure !== undefined) return waitForPerson(mount.failure)
      if (!isAt(mount, wanted.path)) {
        return step('mount', `nothing of the volume was at ${wanted.path} in the guest`)
      }
      return isResizePending ? step('grow') : repair
  }
}

function waitForGuest({ guest, guestReason }: SeenDisk, name: string): Decision | undefined {
  switch (guest) {
    case 'off':
      return notYet('Mounted', {
        reason: 'GuestOff',
        message: `guest ${name} is off; the volume is mounted when it runs again`,
      })
    case 'no-os':
      return notYet('Mounted', {
        reason: 'GuestNotUp',
        message:
          `guest ${name} is started and has no operating system yet; the volume is mounted ` +
          'when it has booted',
      })
    case 'changing':
      return unknown('Mounted', {
        reason: 'GuestChanging',
        message: `guest ${name}: ${guestReason}`,
      })
    case 'running':
    case 'unclear':
    case 'unlisted':
    case 'unknown':
      return undefined
  }
}

/** `failure` says what has failed, and where. */
function waitForPerson(failure: string): Decision {
  return notYet('Mounted', {
    reason: 'FileSystemFailed',
    message:
      `${failure}; stop what uses it, then delete this GuestDisk and create it again: the volume ` +
      'is checked before it is mounted anew',
  })
}

const whole: Decision = { kind: 'whole' }

function step(name: Step, lost?: string): Decision {
  return { kind: 'step', step: name, lost }
}

function notYet(
  condition: Waiting['condition'],
  { reason, message }: Pick<Waiting, 'reason' | 'message'>,
): Decision {
  return { kind: 'wait', condition, isKnown: true, reason, message }
}

function unknown(
  condition: Waiting['condition'],
  { reason, message }: Pick<Waiting, 'reason' | 'message'>,
): Decision {
  return { kind: 'wait', condition, isKnown: false, reason, message }
}
