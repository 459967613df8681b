// One simulated history: callers without patience ask one or two controllers for changes of a few
// volumes, all at once, while commands are cut, come late or are refused, controllers are restarted
// and machines lose power. After every released command no volume may be in reach of two guests
// unless it is shared; at the end everything asked for comes to an end and leaves nothing behind.

import type { SimFault } from '../../sim/host.ts'
import { isStorageError, type StorageError } from '../../src/errors.ts'
import { formatVolumeId, parseGuestId, volumeLeaf } from '../../src/model/ids.ts'
import { MiB, type VolumeSpec } from '../../src/model/volumes.ts'
import { leafOfAttachmentName } from '../../src/storage/names.ts'
import {
  attachRequest,
  type Driver,
  install,
  type TestInstallation,
  volumeSpec,
} from '../support/installation.ts'
import { MARK_AT } from '../support/marks.ts'
import { type Owner, Random, ScheduledShell, Scheduler } from './scheduler.ts'

export interface Mode {
  readonly controllers: 1 | 2
  readonly faults: boolean
}

export interface Played {
  readonly releases: number
  readonly calls: number
  readonly answers: ReadonlyMap<string, number>
}

/** What a failed history says: how to play it again, and what was released up to there. */
class HistoryFailure extends Error {}

const GUESTS = ['m1/ldg1', 'm1/ldg2', 'm2/ldg1', 'm2/ldg2'] as const
const MARK = Buffer.from('these bytes must stay')
/** More than any history needs: whoever waits then waits for ever. */
const MOST_RELEASES = 20_000
const TRIES = 40
/** Steps in which a controller takes all volumes and their snapshots away, and some more. */
const LONGEST_TAKING_AWAY = 200
/**
 * What a wait ends with when its caller has no more time; the wire has a code of its own for it.
 */
const PASSED = new Error('the deadline passed')

interface Subject {
  readonly name: string
  readonly pool: 'silver' | 'gold'
  readonly leaf: string
  readonly id: string
  readonly isShared: boolean
  /** What it is a copy of: itself, or one of its snapshots. */
  readonly origin: Subject | undefined
  /** Somebody was told that it is there, with the bytes that must stay. */
  isMarked: boolean
  /** Somebody asked for its deletion: from then on its bytes may go. */
  isDoomed: boolean
}

interface Operation {
  readonly title: string
  work(driver: Driver, signal: AbortSignal): Promise<unknown>
  /** It was answered with OK. */
  done?(): void
}

interface Controller {
  readonly owner: Owner
  readonly driver: Driver
}

interface Call {
  readonly title: string
  readonly subject: Subject
  readonly owner: Owner
  isOver: boolean
}

export async function playHistory(seed: number, mode: Mode): Promise<Played> {
  const history = new History(seed, mode)
  try {
    await history.play()
  } catch (error) {
    const { story } = history.scheduler
    const replay =
      `npm run simulate -- --seed ${seed} --histories 1 --controllers ` +
      `${mode.controllers}${mode.faults ? ' --faults' : ''}`
    const lines = [
      String(error),
      `play it again: ${replay}`,
      `after ${story.length} releases, the last of which were:`,
      ...story.slice(-40),
    ]
    throw new HistoryFailure(lines.join('\n  '), { cause: error })
  }
  return {
    releases: history.scheduler.story.length,
    calls: history.calls.length,
    answers: history.answers,
  }
}

class History {
  readonly scheduler: Scheduler
  readonly calls: Call[] = []
  readonly answers = new Map<string, number>()
  readonly #random: Random
  readonly #mode: Mode
  readonly #installation: TestInstallation
  /** The volumes, and then what may be copied from them. */
  readonly #subjects: readonly Subject[]
  readonly #contested: Subject
  #controllers: Controller[]
  /** Per cent of the calls that are for the contested volume: where many meet, locks are tried. */
  readonly #focus: number
  /** Of the calls those that attach, or detach; the others copy, snapshot, delete and create. */
  readonly #attaching: number
  /** Bytes that somebody asked for. */
  readonly #largest = new Map<Subject, number>()
  /** Snapshots that somebody was told of. */
  readonly #snapshots = new Map<string, Subject>()
  #started = 0
  /** What a caller must never be told. */
  #failure: unknown

  constructor(seed: number, mode: Mode) {
    this.#random = new Random(seed)
    this.#mode = mode
    this.scheduler = new Scheduler(this.#random)
    this.#focus = this.#random.pick([0, 50, 90])
    this.#attaching = this.#random.pick([75, 75, 20])
    this.#installation = install(undefined, {}, this.scheduler)
    const local = subject('local', 'silver')
    const lun = subject('lun', 'gold')
    const copy = subject('lun-copy', 'gold', { origin: lun })
    const copies = [
      subject('local-copy', 'silver', { origin: local }),
      copy,
      subject('lun-copy-copy', 'gold', { origin: copy }),
    ]
    this.#contested = lun
    this.#subjects = [local, lun, subject('shared', 'gold', { isShared: true }), ...copies]
    this.#controllers = Array.from({ length: mode.controllers }, () => this.#start())
  }

  async play(): Promise<void> {
    const owner: Owner = { name: 'before', isAlive: true }
    const { volumes } = this.#driver(owner)
    const made = this.#subjects.filter(({ origin }) => origin === undefined)
    await this.#await(Promise.all(made.map(each => volumes.ensureVolume(specOf(each)))))
    for (const each of made) {
      this.#store(each)?.write(MARK_AT, MARK)
      each.isMarked = true
    }
    if (this.#mode.faults) this.#installation.world.timeline.rules.push(() => this.#fault())
    const wanted = 8 + this.#random.below(12)
    while (
      this.calls.length < wanted ||
      this.calls.some(({ isOver, owner: by }) => !isOver && by.isAlive)
    ) {
      if (this.calls.length < wanted && this.#random.chance(20)) this.#call()
      else if (this.#mode.faults && this.#random.chance(1)) this.#happen()
      else await this.#step()
    }
    await this.#finish()
  }

  #start(): Controller {
    this.#started += 1
    const owner: Owner = { name: `controller ${this.#started}`, isAlive: true }
    return { owner, driver: this.#driver(owner) }
  }

  #driver(owner: Owner): Driver {
    const { scheduler } = this
    return this.#installation.driver(host => new ScheduledShell(host, { scheduler, owner }))
  }

  #store({ pool, leaf }: Subject) {
    const [host, parent] = pool === 'silver' ? ['m1-primary', 'mtank'] : ['storage1', 'tank']
    const zfs = this.#installation.world.zfs(host)
    const name = `${parent}/kubernetes/${leaf}`
    return zfs.dataset(name) && zfs.store(name)
  }

  async #step(): Promise<void> {
    if (this.scheduler.story.length > MOST_RELEASES) {
      throw new Error('the history does not come to an end')
    }
    const went = await this.scheduler.step()
    if (this.#failure !== undefined) throw this.#failure
    const waiting = this.calls.filter(({ isOver, owner }) => !isOver && owner.isAlive)
    if (!went && waiting.length > 0) {
      throw new Error(`wait for ever: ${waiting.map(({ title }) => title).join('; ')}`)
    }
    this.#check()
  }

  /** No two guests reach the bytes of a volume that is not shared, and the bytes stay. */
  #check(): void {
    const reaching = new Map<string, string[]>()
    for (const guest of GUESTS) {
      const { machine, guest: name } = parseGuestId(guest)
      for (const disk of this.#installation.world.machine(machine).guestDisks(name).list()) {
        const leaf = leafOfAttachmentName(disk.name)
        if (leaf === undefined || disk.activeServiceDomain() === undefined) continue
        reaching.set(leaf, [...(reaching.get(leaf) ?? []), guest])
      }
    }
    for (const each of this.#subjects) {
      const { id, leaf, isShared } = each
      const guests = reaching.get(leaf) ?? []
      if (!isShared && guests.length > 1) {
        throw new Error(`volume ${id} is in reach of ${guests.join(' and ')}`)
      }
      if (each.isDoomed || !each.isMarked) continue
      const store = this.#store(each)
      if (store === undefined) throw new Error(`volume ${id} is lost`)
      if (!store.read(MARK_AT, MARK.length).equals(MARK)) {
        throw new Error(`volume ${id} has other bytes`)
      }
    }
  }

  #fault(): SimFault | undefined {
    if (!this.#random.chance(3)) return undefined
    switch (this.#random.below(4)) {
      case 0:
        return { kind: 'cut-before' }
      case 1:
        return { kind: 'cut-after' }
      case 2:
        return { kind: 'refuse' }
      default:
        return { kind: 'late', afterCommands: 1 + this.#random.below(30) }
    }
  }

  /** One more caller, who may have less patience than the work takes. */
  #call(): void {
    const { owner, driver } = this.#random.pick(this.#controllers)
    const there = this.#subjects.filter(
      ({ origin, isMarked, isDoomed }) => origin === undefined || isMarked || isDoomed,
    )
    const each = this.#random.chance(this.#focus) ? this.#contested : this.#random.pick(there)
    const guest = this.#random.pick(
      GUESTS.filter(id => each.pool === 'gold' || id.startsWith('m1/')),
    )
    const deadline = new AbortController()
    const { title, work, done } = this.#operation(each, guest)
    const call: Call = { title: `${owner.name}: ${title}`, subject: each, owner, isOver: false }
    this.calls.push(call)
    this.scheduler.story.push(`call ${call.title}`)
    let leave = () => false
    if (this.#random.chance(40)) {
      const release = () => deadline.abort(PASSED)
      leave = this.scheduler.park({
        title: `deadline of ${call.title}`,
        owner,
        isTime: this.#random.chance(50),
        release,
      })
    }
    const over = (answer: string) => {
      call.isOver = true
      leave()
      this.scheduler.story.push(`answer ${call.title}: ${answer}`)
      const kind = answer.replace(/:.*/s, '')
      this.answers.set(kind, (this.answers.get(kind) ?? 0) + 1)
    }
    work(driver, deadline.signal).then(
      () => {
        done?.()
        over('OK')
      },
      error => over(this.#acceptable(error)),
    )
  }

  #operation(each: Subject, guest: string): Operation {
    const { id } = each
    if (this.#random.chance(this.#attaching)) {
      return this.#random.chance(55) ? this.#attachment(each, guest) : this.#detachment(each, guest)
    }
    const number = this.#random.below(100)
    if (number < 28) {
      const requiredBytes = 16 * MiB + this.#random.below(4) * MiB
      const size = { requiredBytes, limitBytes: 0 }
      this.#largest.set(each, Math.max(requiredBytes, this.#largest.get(each) ?? 0))
      return {
        title: `expand ${id}`,
        work: (driver, signal) => driver.changes.expandVolume(id, size, signal),
      }
    }
    if (number < 76) return this.#random.chance(50) ? this.#copyOf(each) : this.#snapshotOf(each)
    if (number < 88) {
      each.isDoomed = true
      return {
        title: `delete ${id}`,
        work: (driver, signal) => driver.volumes.deleteVolume(id, signal),
      }
    }
    return {
      title: `create ${id}`,
      work: (driver, signal) => driver.volumes.ensureVolume(specOf(each), signal),
    }
  }

  #attachment({ id, isShared }: Subject, guest: string): Operation {
    const request = attachRequest(id, guest, {
      sharing: isShared ? 'shared' : 'exclusive',
      format: { kind: 'block' },
    })
    return {
      title: `attach ${id} to ${guest}`,
      work: (driver, signal) => driver.attachments.attach(request, signal),
    }
  }

  #detachment({ id }: Subject, guest: string): Operation {
    return {
      title: `detach ${id} from ${guest}`,
      work: (driver, signal) => driver.attachments.detach(id, parseGuestId(guest), signal),
    }
  }

  #copyOf(origin: Subject): Operation {
    const copy = this.#subjects.find(each => each.origin === origin)
    if (copy === undefined) return this.#snapshotOf(origin)
    const snapshots = this.#snapshotsOf(origin)
    const source =
      snapshots.length > 0 && this.#random.chance(50)
        ? { kind: 'snapshot' as const, id: this.#random.pick(snapshots) }
        : { kind: 'volume' as const, id: origin.id }
    return {
      title: `copy ${source.id} to ${copy.id}`,
      work: (driver, signal) => driver.volumes.ensureVolume({ ...specOf(copy), source }, signal),
      done: () => {
        // A volume that was deleted may have been made anew meanwhile, without the bytes.
        copy.isMarked ||= !origin.isDoomed
      },
    }
  }

  #snapshotOf(each: Subject): Operation {
    const taken = this.#snapshotsOf(each)
    if (taken.length > 0 && this.#random.chance(50)) {
      const id = this.#random.pick(taken)
      return {
        title: `delete snapshot ${id}`,
        work: (driver, signal) => driver.snapshots.deleteSnapshot(id, signal),
        done: () => void this.#snapshots.delete(id),
      }
    }
    const name = `snap-${this.#random.below(3)}-${each.name}`
    return {
      title: `snapshot ${name}`,
      work: async (driver, signal) => {
        const { id } = await driver.snapshots.createSnapshot({ name, volumeId: each.id }, signal)
        this.#snapshots.set(id, each)
      },
    }
  }

  #snapshotsOf(each: Subject): readonly string[] {
    return [...this.#snapshots].filter(([, of]) => of === each).map(([id]) => id)
  }

  /** What a caller may be told; anything else is a defect. */
  #acceptable(error: unknown): string {
    if (error === PASSED) return 'deadline'
    if (!isStorageError(error) || error.kind === 'internal') this.#failure ??= error
    return isStorageError(error) ? `${error.kind}: ${error.message}` : String(error)
  }

  /** What happens to the installation and to the controllers. */
  #happen(): void {
    const { world } = this.#installation
    if (this.#random.chance(70)) {
      const at = this.#random.below(this.#controllers.length)
      const ended = this.#controllers[at]
      if (ended === undefined) return
      ended.owner.isAlive = false
      this.scheduler.story.push(`${ended.owner.name} ends`)
      this.#controllers[at] = this.#start()
      return
    }
    const name = this.#random.pick(['m1', 'm2'])
    const host = world.host(`${name}-primary`)
    if (this.#random.chance(50)) {
      this.scheduler.story.push(`${name} saves its configuration`)
      void host.programs.get('ldm')?.(['add-spconfig', `saved-${this.scheduler.story.length}`], {
        input: '',
        host,
      })
    } else {
      this.scheduler.story.push(`${name} loses power`)
      world.machine(name).powerCycle()
    }
  }

  async #await<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const settled = work.finally(() => {
      isOver = true
    })
    settled.catch(() => {})
    while (!isOver) {
      if (this.scheduler.story.length > 2 * MOST_RELEASES) {
        throw new Error('does not come to an end')
      }
      if (!(await this.scheduler.step()) && !isOver) throw new Error('waits for ever')
      this.#check()
    }
    return settled
  }

  /** A controller that has just started takes everything away, and nothing is left. */
  async #finish(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const { world } = this.#installation
    world.timeline.rules.length = 0
    await world.timeline.settle()
    for (const { owner } of this.#controllers) owner.isAlive = false
    const driver = this.#driver({ name: 'at the end', isAlive: true })
    for (const each of this.#subjects) {
      for (const guest of GUESTS) {
        await this.#insist(() => driver.attachments.detach(each.id, parseGuestId(guest)))
      }
      await this.#insist(() => driver.attachments.detach(each.id, undefined))
    }
    // What was begun is asked for again until it is done, or given up.
    for (const each of this.#subjects) {
      const size = { requiredBytes: this.#largest.get(each) ?? 0, limitBytes: 0 }
      each.isDoomed ||= !each.isMarked
      if (!each.isDoomed) await this.#insist(() => driver.changes.expandVolume(each.id, size))
    }
    const left = await this.#await(driver.audit())
    const unexplained = left.filter(
      ({ object }) => !this.#subjects.some(({ isDoomed, id }) => isDoomed && object.includes(id)),
    )
    if (unexplained.length > 0) throw new Error(`audit finds ${JSON.stringify(unexplained)}`)
    this.#check()
    for (const each of this.#subjects) each.isDoomed = true
    await this.#beginToTakeAway()
    // A caller who was told that one is gone does not delete it once more before asking for its
    // name again.
    const wanted = this.#subjects.filter(
      ({ origin }) => origin !== undefined || this.#random.chance(50),
    )
    for (const { id } of await this.#await(driver.snapshots.listSnapshots({}))) {
      await this.#insist(() => driver.snapshots.deleteSnapshot(id))
    }
    for (const { id } of wanted) await this.#insist(() => driver.volumes.deleteVolume(id))
    // Nothing needs them any more, and so their names are free.
    for (const each of this.#subjects) {
      await this.#insist(() => driver.volumes.ensureVolume(specOf(each)))
      await this.#insist(() => driver.volumes.deleteVolume(each.id))
    }
    await this.#await(driver.reaper.sweep())
    const datasets = [...world.zfsHosts.values()].flatMap(zfs =>
      zfs.datasets().map(({ name }) => name),
    )
    const remaining = datasets.filter(name => /\/[va]-/.test(name))
    if (remaining.length > 0) throw new Error(`left behind: ${remaining.join(', ')}`)
  }

  /** A controller that ends somewhere in the middle of taking everything away. */
  async #beginToTakeAway(): Promise<void> {
    const owner: Owner = { name: 'before the end', isAlive: true }
    const { volumes, snapshots } = this.#driver(owner)
    const takeAway = async () => {
      for (const { id } of this.#subjects) await volumes.deleteVolume(id)
      for (const { id } of await snapshots.listSnapshots({})) await snapshots.deleteSnapshot(id)
    }
    takeAway().catch(error => this.#acceptable(error))
    for (
      let steps = this.#random.below(LONGEST_TAKING_AWAY);
      steps > 0 && (await this.scheduler.step());
      steps--
    ) {
      this.#check()
    }
    owner.isAlive = false
  }

  /** As an orchestrator does: the same until it is answered. */
  async #insist(work: () => Promise<unknown>): Promise<void> {
    let last: StorageError | undefined
    for (let attempt = 0; attempt < TRIES; attempt++) {
      try {
        await this.#await(work())
        return
      } catch (error) {
        if (!isStorageError(error)) throw error
        last = error
      }
    }
    throw new Error(`is refused again and again: ${last?.message ?? ''}`, { cause: last })
  }
}

function subject(name: string, pool: 'silver' | 'gold', change: Partial<Subject> = {}): Subject {
  const leaf = volumeLeaf('test', pool, name)
  const id = formatVolumeId(pool, leaf)
  return {
    name,
    pool,
    leaf,
    id,
    isShared: false,
    origin: undefined,
    isMarked: false,
    isDoomed: false,
    ...change,
  }
}

function specOf({ name, pool }: Subject): VolumeSpec {
  return volumeSpec({ name, pool, format: { kind: 'block' } })
}
