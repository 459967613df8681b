// Random histories on a simulated Xen machine: volumes come and go, guests are paused, destroyed,
// created and rebooted, dom0 loses power, the hot-plug script hangs, and commands are cut. The
// histories of Logical Domains (test/behaviour/histories) have service domains, groups of paths,
// units and saved configurations, which Xen has not. What must hold is the same.

import fc from 'fast-check'
import { xenWorld } from '../../../sim/preset.ts'
import type { SimXen } from '../../../sim/xen/sim-xen.ts'
import { isStorageError } from '../../../src/errors.ts'
import type { Attachment, Volume } from '../../../src/model/volumes.ts'
import { attachRequest, type Driver, install, volumeSpec } from '../../support/installation.ts'
import { stageRequest } from '../../support/node.ts'

const GUESTS = ['web', 'db'] as const
const NAMES = ['pvc-1', 'pvc-2', 'pvc-3'] as const
const HISTORIES = Number(process.env.HISTORIES ?? 150)
const SEED = Number(process.env.HISTORY_SEED ?? 20_261_121)
const TRIES = 40

const names = fc.constantFrom(...NAMES)
const guests = fc.constantFrom(...GUESTS)
const steps = fc.oneof(
  fc.record({ do: fc.constantFrom('create', 'delete', 'detach'), name: names }),
  fc.record({ do: fc.constantFrom('attach', 'use', 'give back'), name: names, guest: guests }),
  fc.record({
    do: fc.constantFrom('pause', 'unpause', 'destroy', 'create', 'reboot', 'go on'),
    guest: guests,
  }),
  fc.record({ do: fc.constantFrom('power fails', 'script hangs', 'script works', 'restart') }),
)
const faults = fc.option(
  fc.record({
    at: fc.nat(25),
    kind: fc.constantFrom('cut-before', 'cut-after', 'late', 'refuse'),
    afterCommands: fc.integer({ min: 1, max: 6 }),
  }),
  { freq: 2, nil: undefined },
)

type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never
type Fault = typeof faults extends fc.Arbitrary<infer T> ? T : never

/** What the orchestrator believes of one name. */
interface Claim {
  readonly volume: Volume
  /** The guests that the volume may be attached to, until a detachment succeeded. */
  readonly maybe: Set<string>
  /** That of the guest which has it for certain. */
  attachment: Attachment | undefined
  /** The text that was written and is mounted, or was synced by an unmount. */
  text: string | undefined
}

class History {
  readonly installation = install(() => xenWorld())
  driver: Driver = this.installation.driver()
  readonly claims = new Map<string, Claim>()
  /** Guests on their way through a reboot. */
  readonly reboots = new Map<string, ReturnType<SimXen['reboot']>>()
  readonly story: string[] = []
  done = 0

  get xen() {
    return this.installation.world.xen('x1')
  }

  arm(fault: Fault): void {
    const { rules } = this.installation.world.timeline
    rules.length = 0
    if (fault === undefined) return
    let seen = 0
    rules.push(() => {
      if (seen++ !== fault.at) return undefined
      const { kind, afterCommands } = fault
      return kind === 'late' ? { kind, afterCommands } : { kind }
    })
  }

  /** Whether it succeeded. Only what a caller may be told is an answer; the rest is a defect. */
  async call(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      this.story.push(`${what}: done`)
      this.done += 1
      return true
    } catch (error) {
      this.story.push(`${what}: ${String(error)}`)
      if (
        isStorageError(error, 'unavailable', 'in-use', 'failed-precondition', 'not-found', 'busy')
      ) {
        return false
      }
      throw error
    }
  }

  async step(step: Step): Promise<void> {
    if ('guest' in step && 'name' in step) await this.#ofDisk(step)
    else if ('name' in step) await this.#ofVolume(step)
    else if ('guest' in step) this.#ofGuest(step)
    else this.#ofMachine(step.do)
  }

  async #ofVolume({ do: what, name }: { do: string; name: string }): Promise<void> {
    const claim = this.claims.get(name)
    const { volumes } = this.driver
    if (what === 'create' && claim === undefined) {
      await this.call(`create ${name}`, async () => {
        const volume = await volumes.ensureVolume(volumeSpec({ name }))
        this.claims.set(name, { volume, maybe: new Set(), attachment: undefined, text: undefined })
      })
    }
    if (claim === undefined) return
    if (what === 'delete' && claim.maybe.size === 0) {
      const isDone = await this.call(`delete ${name}`, () => volumes.deleteVolume(claim.volume.id))
      if (isDone) this.claims.delete(name)
    }
    if (what === 'detach' && !this.#isMounted(claim)) await this.#detach(name, claim)
  }

  async #detach(name: string, claim: Claim): Promise<void> {
    for (const guest of claim.maybe) {
      // Taken for one that is off, it comes back with its disk: reboot.test.ts.
      if (this.reboots.has(guest) && this.xen.domain(guest) === undefined) continue
      const isDone = await this.call(`detach ${name} from ${guest}`, () =>
        this.driver.attachments.detach(claim.volume.id, { machine: 'x1', guest }),
      )
      if (!isDone) continue
      claim.maybe.delete(guest)
      if (claim.attachment?.guest.guest === guest) claim.attachment = undefined
    }
  }

  async #ofDisk({ do: what, name, guest }: { do: string; name: string; guest: string }) {
    const claim = this.claims.get(name)
    if (claim === undefined) return
    if (what === 'attach') await this.#attach(claim, guest)
    if (what === 'use') await this.#use(claim)
    if (what === 'give back') await this.#giveBack(claim)
  }

  /** An orchestrator gives an exclusive volume to one guest; another one must be refused. */
  async #attach(claim: Claim, guest: string): Promise<void> {
    const has = claim.attachment
    claim.maybe.add(guest)
    const isDone = await this.call(`attach ${claim.volume.id} to ${guest}`, async () => {
      const request = attachRequest(claim.volume.id, `x1/${guest}`)
      claim.attachment = await this.driver.attachments.attach(request)
    })
    if (!isDone || has === undefined) return
    expect(claim.attachment).toMatchObject({ guest: has.guest, slot: has.slot })
  }

  #path({ volume }: Claim): string {
    return `/var/lib/staging/${volume.leaf}`
  }

  #isMounted(claim: Claim): boolean {
    const { world } = this.installation
    const isAt = ({ path }: { readonly path: string }) => path === this.#path(claim)
    return GUESTS.some(guest => world.guest(`x1/${guest}`).mounts().some(isAt))
  }

  /** Mounts the volume, reads what must be there, and writes something new. */
  async #use(claim: Claim): Promise<void> {
    const { volume, attachment } = claim
    if (attachment === undefined) return
    const { guest } = attachment.guest
    const stagingPath = this.#path(claim)
    const isDone = await this.call(`use ${volume.id} in ${guest}`, () =>
      this.installation
        .node(`x1/${guest}`)
        .stage(stageRequest(volume, attachment, { stagingPath })),
    )
    if (!isDone) return
    const inside = this.installation.world.guest(`x1/${guest}`)
    if (claim.text !== undefined) expect(inside.readFile(`${stagingPath}/file`)).toBe(claim.text)
    claim.text = `text ${this.story.length}`
    inside.writeFile(`${stagingPath}/file`, claim.text)
    expect(inside.formatCount(attachment.slot)).toBe(1)
  }

  async #giveBack(claim: Claim): Promise<void> {
    const { volume } = claim
    const request = { volumeId: volume.id, stagingPath: this.#path(claim) }
    for (const guest of claim.maybe) {
      await this.call(`give back ${volume.id} in ${guest}`, () =>
        this.installation.node(`x1/${guest}`).unstage(request),
      )
    }
  }

  #ofGuest({ do: what, guest }: { do: string; guest: string }): void {
    const { xen } = this
    const domain = xen.domain(guest)
    this.story.push(`${what} ${guest}`)
    if (what === 'go on') this.#goOn(guest)
    if (what === 'create' && domain === undefined && !this.reboots.has(guest)) xen.create(guest)
    if (domain === undefined) return
    if (what === 'pause') xen.pause(domain)
    if (what === 'unpause') xen.unpause(domain)
    if (what === 'destroy') xen.destroy(guest)
    if (what === 'reboot' && !this.reboots.has(guest)) {
      this.reboots.set(guest, xen.reboot(guest))
      this.#goOn(guest)
    }
  }

  /** The next state of a reboot. */
  #goOn(guest: string): boolean {
    const next = this.reboots.get(guest)?.next()
    if (next?.done) this.reboots.delete(guest)
    if (next !== undefined) this.story.push(`${guest} reboots: ${next.value ?? 'over'}`)
    return next?.done === false
  }

  #ofMachine(what: string): void {
    this.story.push(what)
    if (what === 'power fails') {
      this.reboots.clear()
      this.xen.powerCycle()
    }
    if (what === 'script hangs') this.xen.scriptHangs = true
    if (what === 'script works') this.xen.scriptHangs = false
    if (what === 'restart') this.driver = this.installation.driver()
  }

  /** No device is ever written by two guests, nor is one twice in a guest. */
  check(): void {
    const open = this.xen.domains.flatMap(({ vbds }) =>
      [...vbds.values()].filter(({ close }) => close !== undefined).map(({ target }) => target),
    )
    expect(open.toSorted()).toEqual([...new Set(open)].sort())
  }

  /** Everything works again, and every volume is given back and deleted. */
  async finish(): Promise<void> {
    const { world } = this.installation
    this.arm(undefined)
    await world.timeline.settle()
    this.xen.scriptHangs = false
    for (const guest of GUESTS) {
      while (this.#goOn(guest));
      const domain = this.xen.domain(guest)
      if (domain === undefined) this.xen.create(guest)
      else this.xen.unpause(domain)
    }
    this.driver = this.installation.driver()
    for (const [name, claim] of this.claims) {
      for (let left = TRIES; claim.maybe.size > 0 && left > 0; left -= 1) {
        if (this.#isMounted(claim)) await this.#giveBack(claim)
        await this.#detach(name, claim)
      }
      expect([...claim.maybe]).toEqual([])
      await this.driver.volumes.deleteVolume(claim.volume.id)
    }
    for (const name of NAMES) {
      const { id } = await this.driver.volumes.ensureVolume(volumeSpec({ name }))
      await this.driver.volumes.deleteVolume(id)
    }
    expect(await this.driver.audit()).toEqual([])
    expect(this.xen.domains.flatMap(({ vbds }) => [...vbds.values()])).toEqual([])
  }
}

async function play(played: History, history: readonly { step: Step; fault: Fault }[]) {
  for (const { step, fault } of history) {
    played.arm(fault)
    await played.step(step)
    played.check()
  }
  await played.finish()
}

test('no volume is written by two guests, formatted twice or lost, whatever happens', async () => {
  let done = 0
  let story: readonly string[] = []
  const turns = fc.array(fc.record({ step: steps, fault: faults }), { minLength: 5, maxLength: 40 })
  const property = fc.asyncProperty(turns, async history => {
    const played = new History()
    try {
      await play(played, history)
    } catch (error) {
      // The last to fail is the smallest.
      story = played.story
      throw error
    }
    done += played.done
  })

  const details = await fc.check(property, { numRuns: HISTORIES, seed: SEED })
  if (details.failed) {
    throw new Error(
      `seed ${details.seed}, path ${details.counterexamplePath}\n${story.join('\n')}\n` +
        String(details.errorInstance),
      { cause: details.errorInstance },
    )
  }
  expect(done).toBeGreaterThan(HISTORIES)
}, 600_000)
