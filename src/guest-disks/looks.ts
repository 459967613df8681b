// What was seen last of every disk, by its machine and by its guest. One look at all of them costs
// one call to the controller and one look in each guest, however many disks there are. An older
// look never replaces a younger one.

import { types } from 'node:util'
import type { CallOptions, CsiClient } from '../csi/wire/client.ts'
import {
  GuestReadiness,
  type ListDisksResponse,
  PathState,
  type Disk as WireDisk,
} from '../csi/wire/types.gen.ts'
import { describeError } from '../errors.ts'
import type { SeenVolume } from '../guest/look.ts'
import type { DiskPath } from '../kubernetes/cluster-objects.ts'
import { Semaphore } from '../locks.ts'
import type { NodeCalls } from '../steps/disk.ts'
import type { Attachment, Mount, Readiness } from './situation.ts'

/** The login into one guest. */
export interface GuestAccess {
  readonly calls: NodeCalls
  look(signal?: AbortSignal): Promise<readonly SeenVolume[]>
}

export interface LooksOptions {
  readonly controller: Pick<CsiClient['disks'], 'ListDisks'>
  /** By `<machine>/<guest>`. */
  readonly guests: ReadonlyMap<string, GuestAccess>
}

/** A machine that takes longer has not answered; the controller says so itself, and earlier. */
const LIST_MS = 90_000
const GUESTS_AT_ONCE = 16

/** What a look has brought: an answer, or why there is none. */
type Answer<T> = { readonly value: T } | { readonly why: string }

interface Seen<T> {
  /** Looks that begin later have a higher number. */
  readonly number: number
  readonly answer: Answer<T>
}

interface Listing {
  /** By volume and guest. */
  readonly disks: ReadonlyMap<string, WireDisk>
  /** Guests that their machines show off. */
  readonly off: ReadonlySet<string>
  readonly silences: ListDisksResponse['silences']
}

const NOT_YET: Answer<never> = { why: 'nobody has looked yet' }

export class Looks {
  readonly #options: LooksOptions
  #begun = 0
  #all: Seen<Listing> = { number: 0, answer: NOT_YET }
  /** Of single volumes, younger than the look at all. */
  readonly #volumes = new Map<string, Seen<Listing>>()
  readonly #guests = new Map<string, Seen<readonly SeenVolume[]>>()
  readonly #firstLooks = new Map<string, Promise<void>>()
  readonly #places = new Semaphore('looks into guests', GUESTS_AT_ONCE)

  constructor(options: LooksOptions) {
    this.#options = options
  }

  /** `wanted`: the guests in which disks are mounted. `looked`: all of a guest has been seen. */
  async lookAtAll(
    wanted: ReadonlySet<string>,
    looked: (guest: string) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const seen = await this.#ask('', signal)
    if (signal?.aborted) return
    this.#all = seen
    for (const [volumeId, { number }] of this.#volumes) {
      if (number < seen.number) this.#volumes.delete(volumeId)
    }
    // What was seen there long ago must not meet the next disk in it.
    for (const [guest, { number }] of this.#guests) {
      if (!wanted.has(guest) && number < seen.number) this.#guests.delete(guest)
    }
    await Promise.all(
      [...wanted].map(async guest => {
        if (!this.#isOff(guest)) await this.lookInto(guest, signal)
        looked(guest)
      }),
    )
  }

  async lookAt(volumeId: string, signal?: AbortSignal): Promise<void> {
    const seen = await this.#ask(volumeId, signal)
    const before = this.#volumes.get(volumeId) ?? this.#all
    if (seen.number > before.number) this.#volumes.set(volumeId, seen)
  }

  /** A guest without a login is left alone. */
  async lookInto(guest: string, signal?: AbortSignal): Promise<void> {
    const access = this.#options.guests.get(guest)
    if (access === undefined) return
    const seen = await this.#places.take(signal, () => this.#try(() => access.look(signal)))
    if (seen.number > (this.#guests.get(guest)?.number ?? 0)) this.#guests.set(guest, seen)
  }

  /** Whether the driver has answered, and saw nothing of the machine of this guest. */
  isSilent(guest: string): boolean {
    const { answer } = this.#all
    if ('why' in answer) return false
    const [machine] = guest.split('/')
    return ![...answer.value.disks.values()].some(
      each => each.node_id.split('/')[0] === machine && each.guest !== GuestReadiness.UNKNOWN,
    )
  }

  /** Looks only if nobody has looked yet. Disks of a guest that begin together share the look. */
  async lookFirstInto(guest: string, signal?: AbortSignal): Promise<void> {
    if (this.#guests.has(guest)) return
    const begun = this.#firstLooks.get(guest)
    if (begun !== undefined) return begun
    const look = this.lookInto(guest, signal).finally(() => this.#firstLooks.delete(guest))
    this.#firstLooks.set(guest, look)
    return look
  }

  attachment(volumeId: string, guest: string): Attachment {
    const { answer } = this.#volumes.get(volumeId) ?? this.#all
    if ('why' in answer) return { kind: 'unknown', why: answer.why }
    const { disks, silences } = answer.value
    const [pool = ''] = volumeId.split('/')
    const [machine = ''] = guest.split('/')
    const silence = (name: string, of: 'pool' | 'machine') =>
      silences.find(each => each[of] === name)?.reason
    const poolSilence = silence(pool, 'pool')
    if (poolSilence !== undefined) {
      return { kind: 'unknown', why: `pool ${pool} does not answer: ${poolSilence}` }
    }
    const disk = disks.get(diskKey(volumeId, guest))
    if (disk === undefined) return { kind: 'none' }
    const machineSilence = silence(machine, 'machine')
    return machineSilence === undefined
      ? seenDisk(disk)
      : { kind: 'unknown', why: `machine ${machine} does not answer: ${machineSilence}` }
  }

  mount(volumeId: string, guest: string): Mount {
    const answer = this.#guests.get(guest)?.answer ?? NOT_YET
    if ('why' in answer) return { kind: 'unknown', why: `guest ${guest}: ${answer.why}` }
    const seen = answer.value.find(each => each.volumeId === volumeId)
    if (seen === undefined) return { kind: 'none' }
    const { device, staged, targets, failure } = seen
    const paths = targets.filter(({ state }) => state === 'there').map(({ path }) => path)
    return { kind: 'seen', device, isStaged: staged === 'there', paths, failure }
  }

  #isOff(guest: string): boolean {
    const { answer } = this.#all
    return 'value' in answer && answer.value.off.has(guest)
  }

  #ask(volume_id: string, signal?: AbortSignal): Promise<Seen<Listing>> {
    const options: CallOptions = { timeoutMs: LIST_MS, signal }
    return this.#try(async () =>
      indexed(await this.#options.controller.ListDisks({ volume_id }, options)),
    )
  }

  async #try<T>(look: () => Promise<T>): Promise<Seen<T>> {
    this.#begun += 1
    const number = this.#begun
    try {
      return { number, answer: { value: await look() } }
    } catch (error) {
      if (!types.isNativeError(error)) throw error
      return { number, answer: { why: describeError(error) } }
    }
  }
}

/** Neither of the two has a space. */
function diskKey(volumeId: string, guest: string): string {
  return `${volumeId} ${guest}`
}

function indexed({ disks, silences }: ListDisksResponse): Listing {
  return {
    disks: new Map(disks.map(disk => [diskKey(disk.volume_id, disk.node_id), disk])),
    off: new Set(
      disks.flatMap(({ guest, node_id }) => (guest === GuestReadiness.OFF ? node_id : [])),
    ),
    silences,
  }
}

const READINESS: ReadonlyMap<GuestReadiness, Readiness> = new Map([
  [GuestReadiness.RUNNING, 'running'],
  [GuestReadiness.OFF, 'off'],
  [GuestReadiness.NO_OS, 'no-os'],
  [GuestReadiness.CHANGING, 'changing'],
  [GuestReadiness.UNCLEAR, 'unclear'],
  [GuestReadiness.UNLISTED, 'unlisted'],
])

const PATHS: ReadonlyMap<PathState, DiskPath['state']> = new Map([
  [PathState.ACTIVE, 'active'],
  [PathState.STANDBY, 'standby'],
  [PathState.DOWN, 'down'],
])

function seenDisk({ guest, guest_reason, attached, vdisk, missing, paths }: WireDisk): Attachment {
  return {
    kind: 'seen',
    guest: READINESS.get(guest) ?? 'unknown',
    guestReason: guest_reason,
    isAttached: attached,
    vdisk,
    missing,
    paths: paths.map(({ service_domain, service, state }) => ({
      serviceDomain: service_domain,
      service,
      state: PATHS.get(state) ?? 'unknown',
    })),
  }
}
