// Keeps the disks of guests as their objects say: works on an object when it, its claim or its
// volume has changed, and on all of them after each look. What fails comes back by itself.

import { types } from 'node:util'
import { type Clock, repeat } from '../clock.ts'
import { describeError } from '../errors.ts'
import type { ClaimObject, GuestDiskObject, VolumeObject } from '../kubernetes/cluster-objects.ts'
import type { Watched } from '../kubernetes/watched.ts'
import { KeyedLock } from '../locks.ts'
import type { Log } from '../log.ts'
import { pathOf } from '../model/guest-disks.ts'
import { tendClaim } from './claim-disks.ts'
import { claimKeyOf, type Parts } from './parts.ts'
import { bringAbout } from './reconciler.ts'
import { takeAway } from './removal.ts'
import { observe } from './report.ts'
import { outlineOf } from './situation.ts'
import type { CachedView } from './view.ts'
import { type Outcome, WorkQueue } from './work-queue.ts'

export interface ControllerOptions {
  readonly parts: Parts
  readonly view: CachedView
  readonly disks: Watched<GuestDiskObject>
  readonly claims: Watched<ClaimObject>
  readonly volumes: Watched<VolumeObject>
  /** Guests in which a kubelet runs. */
  readonly readKubelets: (signal: AbortSignal) => Promise<ReadonlySet<string>>
  readonly clock: Clock
  readonly log: Log
  readonly lookEveryMs?: number
  /** From 0 up to, and without, 1: for the lengths of pauses. */
  readonly random?: () => number
}

/** One call to the driver, and one look into each guest. */
const LOOK_EVERY_MS = 60_000
/** At work at once. A machine makes one change at a time, and a guest a few. */
const LIMIT = 32
const LIMIT_OF_MACHINE = 4

type Key = { readonly kind: 'disk' | 'claim'; readonly key: string }

const DISK = 'disk '
const CLAIM = 'claim '
const LOOK = 'look '

export class GuestDisksController {
  readonly #options: ControllerOptions
  readonly #queue: WorkQueue
  readonly #lock = new KeyedLock()
  /** What of an object or a look decides, as seen last: a change of anything else is none. */
  readonly #seen = new Map<string, string>()
  #hasLooked = false
  #looking: Promise<void> = Promise.resolve()

  constructor(options: ControllerOptions) {
    this.#options = options
    const { clock, random = Math.random } = options
    this.#queue = new WorkQueue({
      clock,
      random,
      limit: LIMIT,
      limitOfGroup: LIMIT_OF_MACHINE,
      groupOf: key => this.#machineOf(key),
      work: (key, signal) => this.#work(key, signal),
    })
  }

  /** Returns how all of it ends: what is at work is cut, and can be begun anew. */
  start(): () => Promise<void> {
    const { disks, claims, volumes, clock, lookEveryMs = LOOK_EVERY_MS } = this.#options
    disks.onChange(key => this.#onDisk(key))
    claims.onChange(key => this.#onClaim(key))
    volumes.onChange(name => this.#onVolume(name))
    const stops = [disks.start(), claims.start(), volumes.start()]
    stops.push(
      repeat({ clock, everyMs: lookEveryMs }, signal => {
        this.#looking = this.#look(signal)
        return this.#looking
      }),
    )
    return async () => {
      await Promise.all([this.#queue.stop(), ...stops.map(stop => stop())])
    }
  }

  /** Resolves when nothing is at work. */
  async idle(): Promise<void> {
    await this.#looking
    await this.#queue.idle()
  }

  get #isComplete(): boolean {
    const { disks, claims, volumes } = this.#options
    return disks.isComplete() && claims.isComplete() && volumes.isComplete()
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { parts, view, disks, readKubelets, log } = this.#options
    try {
      view.noteKubelets(await readKubelets(signal))
      const byGuest = Map.groupBy(disks.all(), ({ spec }) => spec.guest)
      const remind = (guest: string) => {
        for (const disk of byGuest.get(guest) ?? []) this.#remind(disk)
      }
      const wanted = guestsOf(disks.all())
      // A guest that is slow holds up no disk of another.
      await parts.looks.lookAtAll(wanted, remind, signal)
      this.#hasLooked = true
      for (const guest of byGuest.keys()) if (!wanted.has(guest)) remind(guest)
    } catch (error) {
      if (signal.aborted) return
      if (!types.isNativeError(error)) throw error
      log.warn({ error: describeError(error) }, 'disks of guests could not be looked at')
    }
  }

  /** What a look shows anew does not wait for the end of a pause, which may be minutes. */
  #remind({ key, status, spec }: GuestDiskObject): void {
    const outline = outlineOf(observe(status.volume, spec.guest, this.#options.parts))
    if (this.#isNew(`${LOOK}${key}`, outline)) this.#queue.add(`${DISK}${key}`)
    else this.#queue.remind(`${DISK}${key}`)
  }

  #onDisk(key: string): void {
    const { view } = this.#options
    const before = view.claimOfDisk(key)
    view.noteDisk(key)
    const disk = view.disk(key)
    if (disk === undefined) this.#seen.delete(`${LOOK}${key}`)
    // Its status is what this controller writes itself.
    if (!this.#isNew(`${DISK}${key}`, disk && [disk.meta.uid, disk.spec, handled(disk)])) return
    if (disk !== undefined) this.#queue.add(`${DISK}${key}`)
    const claim = before ?? (disk && claimKeyOf(disk))
    if (claim === undefined) return
    this.#queue.add(`${CLAIM}${claim}`)
    // A rival may have waited for it.
    for (const other of view.disksOfClaim(claim)) this.#queue.add(`${DISK}${other.key}`)
  }

  #onClaim(key: string): void {
    const { view } = this.#options
    const claim = view.claim(key)
    if (!this.#isNew(`${CLAIM}${key}`, claim && decisiveOf(claim))) return
    this.#queue.add(`${CLAIM}${key}`)
    for (const disk of view.disksOfClaim(key)) this.#queue.add(`${DISK}${disk.key}`)
  }

  #onVolume(name: string): void {
    const { view } = this.#options
    const { claimRef } = view.volume(name) ?? {}
    if (claimRef === undefined) return
    const disks = view.disksOfClaim(`${claimRef.namespace}/${claimRef.name}`)
    for (const disk of disks) this.#queue.add(`${DISK}${disk.key}`)
  }

  #isNew(key: string, value: unknown): boolean {
    const text = value === undefined ? undefined : JSON.stringify(value)
    if (this.#seen.get(key) === text) return false
    if (text === undefined) this.#seen.delete(key)
    else this.#seen.set(key, text)
    return true
  }

  #machineOf(key: string): string {
    const { key: name, kind } = parseKey(key)
    const disk = kind === 'disk' ? this.#options.view.disk(name) : undefined
    return disk?.spec.guest.split('/')[0] ?? ''
  }

  async #work(key: string, signal: AbortSignal): Promise<Outcome> {
    try {
      // Before the first lists and the first look, nothing is known to be absent.
      if (!this.#isComplete || !this.#hasLooked) return { laterMs: 1_000 }
      return await this.#workOn(parseKey(key), signal)
    } catch (error) {
      if (signal.aborted) return 'done'
      const fields = { object: key, error: describeError(error) }
      this.#options.log.warn(fields, 'a disk of a guest could not be worked on')
      return 'again'
    }
  }

  #workOn({ kind, key }: Key, signal: AbortSignal): Promise<Outcome> {
    const { parts, view } = this.#options
    const disk = kind === 'disk' ? view.disk(key) : undefined
    const claimKey = kind === 'claim' ? key : disk && claimKeyOf(disk)
    if (claimKey === undefined) return Promise.resolve('done')
    return this.#lock.hold(claimKey, signal, async () => {
      if (kind === 'claim') {
        const claim = view.claim(key)
        return claim === undefined ? 'done' : tendClaim(claim, parts, signal)
      }
      // As the cache has it by now: it may have waited for the claim.
      const now = view.disk(key)
      if (now === undefined) return 'done'
      return now.meta.deleting ? takeAway(now, parts, signal) : bringAbout(now, parts, signal)
    })
  }
}

function parseKey(key: string): Key {
  return key.startsWith(DISK)
    ? { kind: 'disk', key: key.slice(DISK.length) }
    : { kind: 'claim', key: key.slice(CLAIM.length) }
}

function guestsOf(disks: Iterable<GuestDiskObject>): ReadonlySet<string> {
  const guests = new Set<string>()
  for (const { spec } of disks) {
    if (pathOf(spec) !== undefined) guests.add(spec.guest)
  }
  return guests
}

function decisiveOf(claim: ClaimObject): unknown {
  const { meta, phase, volumeName, isResizePending } = claim
  return [meta.uid, handled(claim), phase, volumeName, isResizePending]
}

function handled({ meta }: { readonly meta: GuestDiskObject['meta'] }): unknown {
  return [meta.deleting, meta.annotations, meta.finalizers]
}
