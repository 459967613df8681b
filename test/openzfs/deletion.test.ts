// Whatever depends on whatever, on the real pool: every deletion succeeds for the caller, in any
// order and several at once; copies keep their bytes; after the last deletion the pool is empty.

import fc from 'fast-check'
import type { Installation } from '../../src/bin/compose/installation.ts'
import { audit } from '../../src/storage/audit/audit.ts'
import { births, grow, type Member, remove } from '../support/family.ts'
import { OpenZfsInstallation } from './installation.ts'
import { RawZfs } from './raw-zfs.ts'

const AT_BLOCK = 8

let installation: OpenZfsInstallation
let driver: Installation
let zfs: RawZfs

beforeAll(async () => {
  installation = await OpenZfsInstallation.onShared('deletion')
  zfs = new RawZfs(installation.machine, installation.dataset)
  driver = await installation.driver()
})

afterAll(() => installation?.end())

async function write(id: string, text: string): Promise<void> {
  const device = await zfs.device(id)
  const copy = `dd of=${device} bs=512 seek=${AT_BLOCK} conv=sync,fsync 2>/dev/null`
  await zfs.machine.succeed(`${copy}; udevadm settle`, text)
}

async function read(id: string): Promise<string> {
  const device = await zfs.device(id)
  const copy = `dd if=${device} bs=512 skip=${AT_BLOCK} count=1 2>/dev/null | tr -d '\\000'`
  return zfs.machine.succeed(`${copy}; udevadm settle`)
}

async function expectBytes(members: readonly Member[]): Promise<void> {
  const volumes = members.filter(({ kind }) => kind === 'volume')
  const found: string[] = []
  for (const { id } of volumes) found.push(await read(id))
  expect(found).toEqual(volumes.map(({ bytes }) => bytes))
}

async function expectEmpty(): Promise<void> {
  expect(await zfs.names()).toEqual([])
  expect(await audit(driver.pools)).toEqual([])
}

test('one after the other in any order', async () => {
  await fc.assert(
    fc.asyncProperty(births(8), fc.infiniteStream(fc.nat()), async (plan, order) => {
      let left = await grow(plan, { driver, pool: 'silver', write })
      while (left.length > 0) {
        const next = left[(order.next().value ?? 0) % left.length]
        if (next === undefined) throw new Error('nothing is left')
        left = left.filter(member => member !== next)
        await remove(driver, next)
        await expectBytes(left)
      }
      await expectEmpty()
    }),
    { numRuns: 4, endOnFailure: true },
  )
})

test('all at once', async () => {
  await fc.assert(
    fc.asyncProperty(births(8), async plan => {
      const members = await grow(plan, { driver, pool: 'silver', write })
      await Promise.all(members.toReversed().map(member => remove(driver, member)))
      await expectEmpty()
    }),
    { numRuns: 4, endOnFailure: true },
  )
})
