// Random histories of a cluster behind a watch: objects come, change and go while watches end, are
// cut, run late or lose events, the server is away or forgets, and requests fail. Whatever happens,
// the cache shows only states that were there, never goes back, and at the end it shows the truth.

import { GUEST_DISKS, type GuestDiskObject } from '../../../src/kubernetes/cluster-objects.ts'
import { readGuestDisk } from '../../../src/kubernetes/cluster-readers.ts'
import { Watched } from '../../../src/kubernetes/watched.ts'
import { silentLog } from '../../../src/log.ts'
import { Random } from '../../simulation/scheduler.ts'
import { Cluster } from '../../support/cluster-api/cluster.ts'
import { diskObject } from '../../support/cluster-objects.ts'
import { VirtualTime } from '../../support/virtual-clock.ts'

const HISTORIES = Number(process.env.WATCH_HISTORIES ?? 60)
const FIRST_SEED = Number(process.env.WATCH_SEED ?? 1)
const STEPS = 120
const NAMESPACES = ['shop', 'prod']
/** Longer than any pause between two tries, and a list on top of it. */
const SETTLED_MS = 35_000
const LIST_AGAIN_MS = 30 * 60_000

class History {
  readonly story: string[] = []
  readonly #random: Random
  readonly #time = new VirtualTime()
  readonly #cluster = new Cluster()
  readonly #disks: Watched<GuestDiskObject>
  /** What the listener was told last. */
  readonly #told = new Map<string, string>()
  readonly #faults: string[] = []
  #serial = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
    this.#disks = new Watched({
      api: this.#cluster.api,
      clock: this.#time.clock(),
      log: silentLog,
      path: GUEST_DISKS,
      read: readGuestDisk,
    })
    this.#disks.onChange(key => this.#hear(key))
  }

  async play(): Promise<readonly string[]> {
    for (let at = this.#random.below(600); at > 0; at--) this.#put()
    const stop = this.#disks.start()
    for (let step = 0; step < STEPS; step++) {
      const { title, act } = this.#random.pick(this.#deeds)
      this.story.push(title)
      act()
      if (this.#random.chance(40)) continue
      await this.#time.pass(this.#random.pick([0, 0, 10, 1_000, 7_000]))
    }
    await this.#settle()
    await stop()
    return this.#faults
  }

  readonly #deeds = [
    { title: 'an object comes or changes', act: () => this.#put() },
    { title: 'an object comes or changes', act: () => this.#put() },
    { title: 'an object goes', act: () => this.#delete() },
    { title: 'an object goes and comes again', act: () => this.#replace() },
    { title: 'a namespace ends', act: () => this.#cluster.deleteNamespace('prod') },
    {
      title: 'something else changes',
      act: () => this.#cluster.put('/api/v1/persistentvolumes/x', { serial: this.#serial++ }),
    },
    { title: 'watches end', act: () => this.#cluster.endWatches() },
    { title: 'watches are cut', act: () => this.#cluster.endWatches('cut') },
    { title: 'the server forgets', act: () => this.#cluster.compact() },
    { title: 'bookmarks are sent', act: () => this.#cluster.bookmarks() },
    { title: 'changes are held back', act: () => (this.#cluster.isHeldBack = true) },
    { title: 'changes arrive', act: () => this.#cluster.letGo() },
    { title: 'an event is lost', act: () => this.#cluster.loseNextEvents(1) },
    { title: 'the server stops', act: () => this.#cluster.stop() },
    { title: 'the server starts', act: () => this.#cluster.start() },
    { title: 'the server starts', act: () => this.#cluster.start() },
    {
      title: 'requests fail',
      act: () => this.#cluster.faults.set('GET', this.#random.pick([410, 429, 500])),
    },
    { title: 'requests succeed', act: () => this.#cluster.faults.clear() },
    { title: 'the next list changes while it is read', act: () => this.#changeWithinList() },
  ]

  #path(): string {
    const namespace = this.#random.pick(NAMESPACES)
    const name = `d${this.#random.below(600)}`
    return `/apis/ldom-csi.io/v1alpha1/namespaces/${namespace}/guestdisks/${name}`
  }

  #known(): string {
    const paths = [...this.#cluster.objects.keys()].filter(path => path.includes('guestdisks'))
    return paths.length > 0 ? this.#random.pick(paths) : this.#path()
  }

  #put(): void {
    this.#serial += 1
    const path = this.#random.chance(50) ? this.#known() : this.#path()
    this.#cluster.put(path, diskObject({ status: { volume: `v${this.#serial}` } }))
  }

  #delete(): void {
    this.#cluster.delete(this.#known())
  }

  #replace(): void {
    const path = this.#known()
    this.#cluster.delete(path)
    this.#cluster.put(path, diskObject({ status: { volume: 'made again' } }))
  }

  #changeWithinList(): void {
    this.#cluster.before = asked => {
      if (!asked.includes('continue')) return
      this.#cluster.before = () => {}
      this.#put()
      this.#delete()
      if (this.#random.chance(30)) this.#cluster.compact()
    }
  }

  #hear(key: string): void {
    const now = this.#versionOf(key)
    const before = this.#told.get(key)
    if (now === before) this.#faults.push(`${key} was told without a change`)
    if (before !== undefined && now !== undefined && Number(now) < Number(before)) {
      this.#faults.push(`${key} went back from ${before} to ${now}`)
    }
    if (!this.#disks.isComplete()) this.#faults.push(`${key} was told before the first list`)
    if (now === undefined) this.#told.delete(key)
    else this.#told.set(key, now)
  }

  #versionOf(key: string): string | undefined {
    return this.#disks.get(key)?.meta.resourceVersion
  }

  async #settle(): Promise<void> {
    this.#cluster.start()
    this.#cluster.faults.clear()
    this.#cluster.letGo()
    await this.#time.pass(SETTLED_MS)
    await this.#time.pass(LIST_AGAIN_MS)
    this.#cluster.endWatches()
    await this.#time.pass(SETTLED_MS)
    const truth = [...this.#cluster.objects.values()]
      .filter(({ kind }) => kind === 'GuestDisk')
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`)
    const shown = [...this.#disks.all()].map(({ key, meta }) => `${key} ${meta.resourceVersion}`)
    const told = [...this.#told].map(([key, version]) => `${key} ${version}`)
    for (const [what, seen] of [
      ['shows', shown],
      ['told of', told],
    ] as const) {
      const missing = truth.filter(each => !seen.includes(each))
      const wrong = seen.filter(each => !truth.includes(each))
      if (missing.length > 0) this.#faults.push(`at the end it never ${what} ${missing.join(', ')}`)
      if (wrong.length > 0) this.#faults.push(`at the end it still ${what} ${wrong.join(', ')}`)
    }
  }
}

test('whatever happens to lists and watches, no change is lost and none goes back', async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
    const history = new History(seed)
    const faults = await history.play()
    if (faults.length === 0) continue
    const again = `WATCH_SEED=${seed} WATCH_HISTORIES=1 npm test -- test/behaviour/kubernetes/watch-histories`
    throw new Error(
      [...faults.slice(0, 5), `play it again: ${again}`, ...history.story].join('\n  '),
    )
  }
})
