// Bad days: one trouble, one call that meets it, and what must hold then. The call says what is
// wrong and what to do about it, it has changed nothing, and the same call succeeds when the
// trouble is over. What was changed is asked of the simulator, never of the driver.

import { createHash } from 'node:crypto'
import { worldState } from '../../../sim/world-state.ts'
import { describeError, type ErrorKind, isStorageError } from '../../../src/errors.ts'
import type { Attachment, Volume, VolumeSpec } from '../../../src/model/volumes.ts'
import {
  attachRequest,
  install,
  type TestInstallation,
  volumeSpec,
} from '../../support/installation.ts'
import { MARK_AT } from '../../support/marks.ts'

type PoolName = 'silver' | 'gold'

/**
 * What a call that failed may leave for its repetition to find: the record comes first, and the
 * disk of the guest last.
 */
export type Left = 'volume' | 'record' | 'unit' | 'view' | 'export'

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

const SAMPLED_BYTES = 64 * 1024

export class Day {
  readonly installation: TestInstallation
  readonly pool: PoolName
  driver: ReturnType<TestInstallation['driver']>
  #volume: Volume | undefined
  #attachment: Attachment | undefined

  constructor(pool: PoolName, installation: TestInstallation = install()) {
    this.installation = installation
    this.pool = pool
    this.driver = installation.driver()
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
    guest = 'm1/ldg1',
    change: Parameters<typeof attachRequest>[2] = {},
  ): Promise<Attachment> {
    this.#attachment = await this.driver.attachments.attach(
      attachRequest(this.volume.id, guest, change),
    )
    return this.#attachment
  }

  async detach(guest = 'm1/ldg1'): Promise<void> {
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
    return this.world.machine(machine).guestDisks(name).list()
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
    expect(leftovers(this)).toEqual([])
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

function leftovers({ world }: Day): readonly string[] {
  const { storage, targets, machines } = worldState(world)
  return [
    ...Object.values(storage).flatMap(datasets =>
      datasets.map(({ name }) => name).filter(name => /\/(a-)?v-/.test(name)),
    ),
    ...Object.values(targets).flatMap(({ units, views }) => [
      ...units.map(unit => unit.guid),
      ...views.map(view => view.guid),
    ]),
    ...Object.values(machines).flatMap(({ domains }) =>
      domains.flatMap(({ vds, vdisks }) =>
        [...vds.flatMap(({ volumes }) => volumes), ...vdisks].map(({ name }) => name),
      ),
    ),
  ]
}

/** Everything that a call could have changed, but for what it may leave. */
function fingerprint({ world }: Day, leaves: readonly Left[] = []): object {
  const { storage, targets, machines, guests } = worldState(world)
  const may = (left: Left) => leaves.includes(left)
  const isLeft = (name: string) =>
    (may('record') && /\/a-v-/.test(name)) || (may('volume') && /\/v-/.test(name))
  return {
    storage: Object.entries(storage).map(([host, datasets]) => [
      host,
      datasets
        .filter(({ name }) => !isLeft(name))
        .map(({ holders: _, ...dataset }) => ({ ...dataset, bytes: sample(world, host, dataset) })),
    ]),
    targets: Object.entries(targets).map(([host, { units, views }]) => [
      host,
      {
        units: may('unit')
          ? []
          : units.map(({ guid, dataFile, sizeBytes, status }) => ({
              guid,
              dataFile,
              sizeBytes,
              status,
            })),
        views: may('view') ? [] : [...views],
      },
    ]),
    machines: Object.entries(machines).map(([name, { domains }]) => [
      name,
      domains.map(({ vds, vdisks, ...domain }) => ({
        name: domain.name,
        vdisks,
        exports: may('export') ? [] : vds,
      })),
    ]),
    guests: Object.entries(guests).map(([name, { mounts }]) => [name, mounts]),
  }
}

function sample(
  world: Day['world'],
  host: string,
  { name, kind }: { readonly name: string; readonly kind: string },
): string | undefined {
  if (kind !== 'volume') return undefined
  // Also of a pool that is not imported: its bytes must not change either.
  const store = world
    .zfs(host)
    .datasets()
    .find(dataset => dataset.name === name)?.volume?.store
  if (store === undefined) return undefined
  const hash = createHash('sha256').update(store.read(0, SAMPLED_BYTES))
  if (store.sizeBytes > MARK_AT + SAMPLED_BYTES) hash.update(store.read(MARK_AT, SAMPLED_BYTES))
  return hash.digest('hex')
}

/** The call fails in this way, and nothing is changed but what it may leave. */
export async function expectRefusal(
  day: Day,
  act: () => Promise<unknown>,
  { kind, says, leaves }: Pick<BadDay, 'kind' | 'says' | 'leaves'>,
): Promise<void> {
  const before = fingerprint(day, leaves)
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
  expect(fingerprint(day, leaves)).toEqual(before)
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
