// Which events stand on a disk and on its claim: what a person has to know. The driver itself tells
// a claim of lost paths and of refused attachments.

import {
  type ClaimObject,
  GUEST_DISK_VERSION,
  type GuestDiskObject,
  type GuestDiskStatus,
} from '../kubernetes/cluster-objects.ts'
import type { Events } from '../kubernetes/events.ts'
import { namesOfDown } from './situation.ts'
import type { Obstacles } from './status.ts'

export interface Report {
  /** With the status that it had before. */
  readonly disk: GuestDiskObject
  readonly status: GuestDiskStatus
  readonly claim: ClaimObject | undefined
  readonly obstacles: Obstacles
  readonly lost: readonly string[]
}

interface Words {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export class Teller {
  readonly #events: Pick<Events, 'tell'>

  constructor(events: Pick<Events, 'tell'>) {
    this.#events = events
  }

  tell(report: Report): void {
    const { disk, claim, obstacles } = report
    for (const words of pathChanges(report)) this.onDisk(disk, words)
    const ready = becameReady(report)
    if (ready !== undefined) {
      this.onDisk(disk, ready)
      if (ready.reason === 'Restored') this.onClaim(claim, ready)
    }
    const obstacle = obstacles.trouble ?? obstacles.refusal
    if (obstacle === undefined || isKnown(disk.status, obstacle)) return
    const words: Words = { type: 'Warning', reason: obstacle.reason, message: obstacle.message }
    this.onDisk(disk, words)
    if (obstacle.condition === 'Mounted') this.onClaim(claim, words)
  }

  onDisk({ meta: { namespace, name, uid } }: GuestDiskObject, words: Words): void {
    const object = { apiVersion: GUEST_DISK_VERSION, kind: 'GuestDisk', namespace, name, uid }
    this.#events.tell({ object, ...words })
  }

  onClaim(claim: ClaimObject | undefined, words: Words): void {
    if (claim === undefined) return
    const { namespace, name, uid } = claim.meta
    const object = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid }
    this.#events.tell({ object, ...words })
  }
}

const truthOf = (status: GuestDiskStatus, type: string) =>
  status.conditions.find(each => each.type === type)?.status

function becameReady({ disk, status, lost }: Report): Words | undefined {
  const ready = status.conditions.find(({ type }) => type === 'Ready')
  if (ready?.status !== 'True') return undefined
  if (lost.length > 0) {
    const message = `${ready.message}: brought back, because ${lost.join(', and ')}`
    return { type: 'Normal', reason: 'Restored', message }
  }
  const isNew = truthOf(disk.status, 'Ready') !== 'True'
  return isNew ? { type: 'Normal', reason: 'Mounted', message: ready.message } : undefined
}

function pathChanges({ disk, status }: Report): readonly Words[] {
  const before = namesOfDown(disk.status.paths)
  const now = namesOfDown(status.paths)
  if (disk.status.paths.length === 0 || status.paths.length === 0) return []
  return [
    ...now
      .filter(path => !before.includes(path))
      .map(path => ({
        type: 'Warning' as const,
        reason: 'PathLost',
        message: `not served by ${path} any more; ${status.pathsWorking} paths work`,
      })),
    ...before
      .filter(path => !now.includes(path))
      .map(path => ({
        type: 'Normal' as const,
        reason: 'PathBack',
        message: `served by ${path} again; ${status.pathsWorking} paths work`,
      })),
  ]
}

/** The status said so already when this run began. */
function isKnown({ conditions }: GuestDiskStatus, { message }: { readonly message: string }) {
  return conditions.some(each => each.message.includes(message))
}
