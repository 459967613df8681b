// One random history of claims and disks of guests, played from a seed: what users, the world, the
// API server and the process itself do. What must hold is in history-promises.ts.

import { DeviceError } from '../../../sim/devices.ts'
import { Random } from '../../simulation/scheduler.ts'
import type { Ground } from './grounds.ts'
import { Promises } from './history-promises.ts'
import { Users } from './history-users.ts'
import { Life } from './life.ts'
import { CLAIMS, DISKS } from './objects.ts'
import { type GuestDisksWorld, guestDisksWorld } from './world.ts'

/** Longer than any pause, with a look after it. */
const SETTLED_S = 420
/** What was lost is listed anew by then. */
const LISTED_AGAIN_S = 31 * 60

interface Deed {
  readonly title: string
  readonly act: () => unknown
}

export class History {
  readonly story: string[] = []
  readonly #random: Random
  readonly #ground: Ground
  readonly #world: GuestDisksWorld
  readonly #promises: Promises
  readonly #users: Users
  #serial = 0
  #life = new Life()

  private constructor(seed: number, ground: Ground, world: GuestDisksWorld) {
    this.#random = new Random(seed)
    this.#ground = ground
    this.#world = world
    this.#promises = new Promises(world, ground)
    this.#users = new Users({
      random: this.#random,
      ground,
      world,
      promises: this.#promises,
      story: this.story,
      pass: seconds => this.#pass(seconds),
    })
  }

  static async begin(seed: number, ground: Ground): Promise<History> {
    const pauses = new Random(seed)
    const random = () => pauses.below(1_000) / 1_000
    const world = await guestDisksWorld({ setting: ground.setting, random })
    return new History(seed, ground, world)
  }

  async play(steps: number): Promise<void> {
    for (const name of this.#names) if (this.#random.chance(70)) await this.#users.claim(name)
    for (let step = 0; step < steps; step += 1) {
      const { title, act } = this.#random.pick([...this.#deeds, ...this.#deedsOfMachine])
      await this.#tell(title, act)
      await this.#users.provision()
      if (this.#random.chance(30)) continue
      await this.#pass(this.#random.pick([0, 1, 2, 5, 10, 70]))
    }
    await this.#heal()
    await this.#promises.atRest()
    await this.#takeAway()
  }

  end(): Promise<void> {
    return this.#world.end()
  }

  async #tell(title: string, act: () => unknown): Promise<void> {
    this.story.push(title)
    await act()
    this.#promises.always()
  }

  async #pass(seconds: number): Promise<void> {
    this.story.push(`${seconds} s`)
    for (let second = 0; second < seconds; second += 1) {
      await this.#world.pass(1)
      this.#world.cluster.collectGarbage()
      this.#promises.always()
    }
  }

  readonly #deeds: readonly Deed[] = [
    ...twice({ title: 'a claim', act: () => this.#users.claim(this.#random.pick(this.#names)) }),
    ...twice({ title: 'a claim goes', act: () => this.#users.delete(CLAIMS) }),
    ...twice({ title: 'a claim has other annotations', act: () => this.#users.annotate() }),
    { title: 'a volume grows', act: () => this.#users.grow() },
    { title: 'the namespace goes', act: () => this.#users.endNamespace() },
    ...twice({ title: 'a disk', act: () => this.#users.give() }),
    ...twice({ title: 'a disk', act: () => this.#users.give() }),
    ...twice({ title: 'a disk goes', act: () => this.#users.delete(DISKS) }),
    ...twice({ title: 'a disk goes and comes back', act: () => this.#users.giveAgain() }),
    { title: 'a guest is said to be gone', act: () => this.#users.abandon() },
    ...twice({ title: 'a guest writes and reads', act: () => this.#write() }),
    { title: 'a guest boots', act: () => this.#reboot(this.#guest()) },
    { title: 'a machine loses power', act: () => this.#cutPower() },
    { title: 'a guest is shut down', act: () => this.#setGuest(this.#guest(), false) },
    ...twice({ title: 'a guest is started', act: () => this.#setGuest(this.#guest(), true) }),
    { title: 'a guest is silent', act: () => this.#silence(this.#guest(), true) },
    ...twice({ title: 'a guest answers', act: () => this.#silence(this.#guest(), false) }),
    { title: 'a host is down', act: () => (this.#host().down = true) },
    ...twice({ title: 'hosts are up', act: () => this.#hostsUp() }),
    { title: 'somebody unmounts', act: () => this.#unmountByHand() },
    { title: 'somebody removes a disk', act: () => this.#removeByHand() },
    { title: 'watches end', act: () => this.#cluster.endWatches() },
    { title: 'watches are cut', act: () => this.#cluster.endWatches('cut') },
    { title: 'the server forgets', act: () => this.#cluster.compact() },
    { title: 'an event is lost', act: () => this.#cluster.loseNextEvents(1) },
    { title: 'changes are held back', act: () => (this.#cluster.isHeldBack = true) },
    ...twice({ title: 'changes arrive', act: () => this.#cluster.letGo() }),
    { title: 'the server stops', act: () => this.#cluster.stop() },
    ...twice({ title: 'the server starts', act: () => this.#cluster.start() }),
    { title: 'requests fail', act: () => this.#cluster.faults.set('', 500) },
    { title: 'status writes fail', act: () => this.#cluster.faults.set('PATCH', 429) },
    ...twice({ title: 'requests succeed', act: () => this.#cluster.faults.clear() }),
    { title: 'others write, too', act: () => (this.#cluster.before = this.#interfere) },
    { title: 'others do not write', act: () => (this.#cluster.before = () => {}) },
    { title: 'the process begins anew', act: () => this.#restart(new Life()) },
    ...twice({ title: 'the process will die', act: () => this.#restart(this.#mortal()) }),
  ]

  get #names(): readonly string[] {
    return Object.keys(this.#ground.claims)
  }

  /** What only one kind of machine has. */
  get #deedsOfMachine(): readonly Deed[] {
    const { xenMachines } = this.#world.world
    if (xenMachines.size === 0) {
      return [
        { title: 'a service domain is down', act: () => this.#setDomain('down') },
        ...twice({ title: 'a service domain is up', act: () => this.#setDomain('up') }),
      ]
    }
    const hangs = (does: boolean) => () => {
      for (const machine of xenMachines.values()) machine.scriptHangs = does
    }
    return [
      { title: 'the hot-plug script hangs', act: hangs(true) },
      ...twice({ title: 'the hot-plug script works', act: hangs(false) }),
    ]
  }

  get #cluster() {
    return this.#world.cluster
  }

  #guest(): string {
    return this.#random.pick(this.#ground.guests)
  }

  #host() {
    return this.#world.world.host(this.#random.pick(this.#ground.hosts))
  }

  #reboot(id: string): void {
    const [machine = '', guest = ''] = id.split('/')
    this.#ground.machine(this.#world.world, machine).rebootGuest(guest)
  }

  #write(): void {
    for (const { mount, guest, volume } of this.#promises.mounted()) {
      const file = `${mount.path}/file`
      this.#promises.read(volume, guest, file)
      if (mount.readonly) continue
      this.#serial += 1
      try {
        guest.writeFile(file, `text ${this.#serial}`)
        this.#promises.noteText(volume, `text ${this.#serial}`)
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error
        this.#promises.noteText(volume, undefined)
      }
    }
  }

  #cutPower(): void {
    const name = this.#random.pick(this.#ground.machines)
    this.story.push(name)
    this.#ground.machine(this.#world.world, name).powerCycle()
    for (const guest of this.#ground.guests) {
      if (guest.startsWith(name)) this.#silence(guest, false)
    }
  }

  #setGuest(id: string, isOn: boolean): void {
    const [machine = '', guest = ''] = id.split('/')
    this.story.push(id)
    const state = isOn ? 'active' : this.#ground.off
    this.#ground.machine(this.#world.world, machine).setGuest(guest, { state })
    this.#silence(id, !isOn)
  }

  #silence(id: string, isSilent: boolean): void {
    const found = this.#world.world.guests.get(id)
    if (found !== undefined) found.host.down = isSilent
  }

  #hostsUp(): void {
    for (const name of this.#ground.hosts) this.#world.world.host(name).down = false
  }

  #setDomain(state: 'up' | 'down'): void {
    const name = this.#random.pick(this.#ground.machines)
    this.#world.world
      .machine(name)
      .setServiceDomain(this.#random.pick(['primary', 'alternate']), state)
  }

  async #unmountByHand(): Promise<void> {
    const all = this.#promises.mounted()
    if (all.length === 0) return
    const { guest, mount } = this.#random.pick(all)
    await guest.host.perform(['umount', mount.path], '')
  }

  async #removeByHand(): Promise<void> {
    const disks = this.#promises.attached()
    if (disks.length === 0) return
    const { host, words } = this.#ground.removal(this.#random.pick(disks))
    await this.#world.world.host(host).perform(words, '')
  }

  readonly #interfere = (asked: string): void => {
    const [method = '', at = ''] = asked.split(' ')
    const path = at.replace(/\/status$/, '')
    const object = this.#cluster.objects.get(path)
    if (method !== 'PATCH' || object === undefined || this.#random.chance(50)) return
    this.#serial += 1
    const labels = { serial: String(this.#serial) }
    this.#cluster.put(path, { ...object, metadata: { ...object.metadata, labels } })
  }

  #mortal(): Life {
    return new Life({
      at: 1 + this.#random.below(60),
      when: this.#random.pick(['before', 'after']),
    })
  }

  async #restart(life: Life): Promise<void> {
    this.#life = life
    await this.#world.restart(life)
  }

  async #heal(): Promise<void> {
    this.story.push('everything is healed')
    const { cluster, world } = this.#world
    cluster.start()
    cluster.faults.clear()
    cluster.letGo()
    cluster.before = () => {}
    cluster.loseNextEvents(0)
    for (const machine of world.machines.values()) {
      for (const domain of ['primary', 'alternate']) machine.setServiceDomain(domain, 'up')
    }
    for (const machine of world.xenMachines.values()) machine.scriptHangs = false
    this.#hostsUp()
    for (const guest of this.#ground.guests) this.#setGuest(guest, true)
    const isAnew = this.#life.isMortal || this.#random.chance(50)
    if (isAnew) await this.#restart(new Life())
    // As the status asks: the guests are not gone.
    for (const path of this.#users.paths(DISKS)) this.#users.change(path, {})
    await this.#promises.removeAbandoned()
    for (const seconds of isAnew ? [SETTLED_S, SETTLED_S] : [LISTED_AGAIN_S, SETTLED_S]) {
      cluster.endWatches()
      await this.#pass(seconds)
      await this.#users.provision()
    }
  }

  async #takeAway(): Promise<void> {
    this.story.push('everything is taken away')
    for (const path of this.#users.paths(CLAIMS)) this.#cluster.delete(path)
    if (this.#random.chance(50)) await this.#pass(70)
    for (const guest of this.#promises.guestsWithBootDisk()) this.#setGuest(guest, false)
    for (const path of this.#users.paths(DISKS)) this.#cluster.delete(path)
    await this.#pass(SETTLED_S)
    await this.#users.provision()
    await this.#promises.atEnd()
  }
}

function twice(deed: Deed): readonly Deed[] {
  return [deed, deed]
}
