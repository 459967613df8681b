// Bad days: one trouble, one call that meets it, and what must hold then. The call says what is
// wrong and what to do about it, it has changed nothing, and the same call succeeds when the
// trouble is over. What was changed is asked of the simulator, never of the driver.
//
// Days that storage has are played over both hypervisors. Not over Xen, which has none of these:
// service domains, logical units and fences (pool `gold`), saved configurations, guests that are
// off and listed, delayed reconfiguration, guests that refuse a removal. Days that only Xen has are
// in xen.test.ts, and disks that others made there in ../xen/strangers.test.ts.

import { demoWorld, xenWorld } from '../../../sim/preset.ts'
import { describeError, type ErrorKind, isStorageError } from '../../../src/errors.ts'
import type { Attachment, Volume, VolumeSpec } from '../../../src/model/volumes.ts'
import {
  attachRequest,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { MARK_AT } from '../../support/marks.ts'
import { fingerprint, type Left, leftovers } from './fingerprint.ts'

/** `xen` is the pool of a Xen machine; the others are those of the demonstration. */
export type PoolName = 'silver' | 'gold' | 'xen'

const LOGICAL_DOMAINS = { world: demoWorld, guest: 'm1/ldg1', other: 'm1/ldg2' }
const PLACES = {
  silver: LOGICAL_DOMAINS,
  gold: LOGICAL_DOMAINS,
  xen: {
    world: () => {
      const { pools, ...rest } = xenWorld()
      return { ...rest, pools: { xen: pools.silver } }
    },
    guest: 'x1/web',
    other: 'x1/db',
  },
}

export interface BadDay {
  readonly name: string
  readonly pool?: PoolName
  /** How the installation got to where the trouble meets it. */
  readonly before?: (day: Day) => Promise<unknown>
  readonly trouble: (day: Day) => unknown
  readonly act: (day: Day) => Promise<unknown>
  readonly kind: ErrorKind
  /** Words of the message: the object, and the way out. */
  readonly says: readonly string[]
  readonly leaves?: readonly Left[]
  readonly over: (day: Day) => unknown
}

export class Day {
  readonly installation: TestInstallation
  readonly pool: PoolName
  /** The guest of every call that names none, and another one of the same machine. */
  readonly guest: string
  readonly other: string
  driver: ReturnType<TestInstallation['driver']>
  #volume: Volume | undefined
  #attachment: Attachment | undefined

  constructor(pool: PoolName, installation?: TestInstallation) {
    const { world, guest, other } = PLACES[pool]
    this.installation = installation ?? install(world)
    this.pool = pool
    this.guest = guest
    this.other = other
    this.driver = this.installation.driver()
  }

  get world() {
    return this.installation.world
  }

  get volume(): Volume {
    return this.#volume ?? missing('volume')
  }

  get attachment(): Attachment {
    return this.#attachment ?? missing('attachment')
  }

  get place(): { readonly host: string; readonly zpool: string; readonly dataset: string } {
    const { host, dataset } = this.driver.pools.get(this.pool) ?? missing('pool')
    return {
      host: host.name,
      zpool: dataset.split('/')[0] ?? '',
      dataset: `${dataset}/${this.volume.leaf}`,
    }
  }

  zpool() {
    const { host, dataset } = this.driver.pools.get(this.pool) ?? missing('pool')
    return this.world.zfs(host.name).pool(dataset.split('/')[0] ?? '')
  }

  store() {
    return this.world.zfs(this.place.host).store(this.place.dataset)
  }

  /** Bytes that the driver knows nothing of. */
  mark(text: string): void {
    this.store().write(MARK_AT, Buffer.from(text))
  }

  marked(length: number): string {
    return this.store().read(MARK_AT, length).toString()
  }

  /** What a guest reads where the mark was written. */
  markIn(guest: string, length = 4): string | undefined {
    return this.guestDisks(guest)[0]?.read(MARK_AT, length).toString()
  }

  async create(change: Partial<VolumeSpec> = {}): Promise<Volume> {
    this.#volume = await this.driver.volumes.ensureVolume(
      volumeSpec({ pool: this.pool, ...change }),
    )
    return this.#volume
  }

  async attach(
    guest = this.guest,
    change: Parameters<typeof attachRequest>[2] = {},
  ): Promise<Attachment> {
    this.#attachment = await this.driver.attachments.attach(
      attachRequest(this.volume.id, guest, change),
    )
    return this.#attachment
  }

  async detach(guest = this.guest): Promise<void> {
    await this.driver.attachments.detach(this.volume.id, attachRequest('', guest).guest)
  }

  async delete(): Promise<void> {
    await this.driver.volumes.deleteVolume(this.volume.id)
  }

  /** What an administrator types in a control domain, a service domain or on the storage host. */
  async type(host: string, line: string): Promise<string> {
    const outcome = await this.world.host(host).perform(line.split(' '), '')
    if (outcome.kind !== 'exit' || outcome.answer.exitStatus !== 0) {
      throw new Error(`${line}: ${JSON.stringify(outcome)}`)
    }
    return outcome.answer.stdout
  }

  guestDisks(guest: string) {
    const [machine = '', name = ''] = guest.split('/')
    return this.world.guestDisks({ machine, name }).list()
  }

  guestsWithDisks(): readonly string[] {
    return [...this.world.guests.keys()].filter(guest => this.guestDisks(guest).length > 0)
  }

  /** Takes everything away, and makes sure that nothing of it is left in any layer. */
  async end(): Promise<void> {
    this.driver = this.installation.driver()
    for (const { volume } of await this.driver.attachments.listPublished()) {
      await this.driver.attachments.detach(volume.id, undefined)
      await this.driver.volumes.deleteVolume(volume.id)
    }
    expect(await this.driver.audit()).toEqual([])
    expect(leftovers(this.world)).toEqual([])
  }
}

export const created = (day: Day) => day.create()
export const attached = async (day: Day) => {
  await day.create()
  await day.attach()
}
export const device = (day: Day) => `/dev/zvol/rdsk/${day.place.dataset}`
export const m1 = (day: Day) => day.world.machine('m1')

/** Of a volume that does not exist yet: it is made to learn its name, and taken away again. */
export const known = async (day: Day) => {
  await day.create()
  await day.delete()
}

function missing(what: string): never {
  throw new Error(`no ${what} on this day`)
}

/** The call fails in this way, and nothing is changed but what it may leave. */
export async function expectRefusal(
  day: Day,
  act: () => Promise<unknown>,
  { kind, says, leaves }: Pick<BadDay, 'kind' | 'says' | 'leaves'>,
): Promise<void> {
  const before = fingerprint(day.world, leaves)
  const error = await act().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isStorageError(error)) {
    throw new Error('not refused with an error of the driver', { cause: error })
  }
  const message = describeError(error)
  expect({ kind: error.kind, message }).toEqual({ kind, message })
  for (const words of says) expect(message).toContain(words)
  expect(fingerprint(day.world, leaves)).toEqual(before)
}

async function runBadDay(row: BadDay): Promise<void> {
  const day = new Day(row.pool ?? 'silver')
  await row.before?.(day)
  await row.trouble(day)
  await expectRefusal(day, () => row.act(day), row)
  await row.over(day)
  await row.act(day)
  expect(await day.driver.audit()).toEqual([])
  await day.end()
}

export function testBadDays(rows: readonly BadDay[]): void {
  test.each(rows)('$name', runBadDay)
}
