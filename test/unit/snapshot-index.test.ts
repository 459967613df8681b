// The snapshot index by itself: what it reads out of listings, and what it is told afterwards.

import type { CommandResult, Shell } from '../../src/shell/shell.ts'
import { SnapshotIndex } from '../../src/storage/snapshots/index-by-name.ts'
import { Zfs } from '../../src/zfs/zfs.ts'
import { install } from '../support/installation.ts'

const { pools } = install().driver()
const gold = pools.get('gold')!
const silver = pools.get('silver')!

const leaf = (kind: string, letter: string) => `${kind}-${letter.repeat(20)}`
const [A, B, C] = [leaf('v', 'a'), leaf('v', 'b'), leaf('v', 'c')]
const [S, G] = [leaf('s', 'a'), leaf('g', 'a')]

const printed = (names: readonly string[]): CommandResult => ({
  exitStatus: 0,
  stdout: `${names.join('\n')}\n`,
  stderr: '',
  durationMs: 0,
})

/** Each listing of the one pool answers with the next of `answers`; an Error is thrown. */
function indexOf(...answers: readonly (readonly string[] | Error)[]) {
  const waiting = [...answers]
  const shell: Shell = {
    run: async () => {
      const answer = waiting.shift() ?? new Error('listed once more')
      if (answer instanceof Error) throw answer
      return printed([gold.dataset, ...answer.map(name => `${gold.dataset}${name}`)])
    },
  }
  const index = new SnapshotIndex(new Map([['gold', { ...gold, zfs: new Zfs(shell) }]]))
  return { index, left: () => waiting.length }
}

test('a snapshot that the listing shows is known, one that it does not show is not', async () => {
  const { index } = indexOf([`/${A}`, `/${A}@${S}`])
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
  expect(await index.volumesOf(leaf('s', 'b'))).toEqual([])
})

test('the members of a group are known one by one, and each of several snapshots of a volume', async () => {
  const { index } = indexOf([`/${A}@${G}`, `/${A}@${S}`, `/${B}@${G}`])
  expect(await index.volumesOf(G)).toEqual([`gold/${A}`, `gold/${B}`])
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
})

test.each([
  { what: 'a snapshot that an administrator made', name: `/${A}@daily` },
  { what: 'a snapshot of what is no volume', name: `/a-${'a'.repeat(20)}@${S}` },
])('$what is none of ours, and does not hide those behind it', async ({ name }) => {
  const { index } = indexOf([name, `/${B}@${S}`])
  expect(await index.volumesOf(S)).toEqual([`gold/${B}`])
  expect(await index.volumesOf('daily')).toEqual([])
})

test('every pool is listed, and an id says which one it is in', async () => {
  const shellOf = (dataset: string, volume: string): Shell => ({
    run: async () => printed([dataset, `${dataset}/${volume}@${G}`]),
  })
  const both = [
    { ...gold, zfs: new Zfs(shellOf(gold.dataset, A)) },
    { ...silver, zfs: new Zfs(shellOf(silver.dataset, A)) },
  ]
  const index = new SnapshotIndex(new Map(both.map(pool => [pool.name, pool])))
  expect(await index.volumesOf(G)).toEqual([`gold/${A}`, `silver/${A}`])
})

test('the pools are listed once, however many ask, at one moment or later', async () => {
  const { index, left } = indexOf([`/${A}@${S}`], [])
  await Promise.all([index.volumesOf(S), index.volumesOf(S)])
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
  expect(left()).toBe(1)
})

test(
  'a listing that failed is not an empty one: whoever asked hears it, and the next one asks ' +
    'again',
  async () => {
    const { index } = indexOf(new Error('broken'), [`/${A}@${S}`])
    await expect(index.volumesOf(S)).rejects.toThrow('broken')
    expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
  },
)

test(
  'a snapshot that was made while the listing failed is in the next listing, and making it ' +
    'fails nobody',
  async () => {
    const { index } = indexOf(new Error('broken'), [`/${A}@${S}`])
    const asked = index.volumesOf(S).catch(() => 'heard')
    await index.add(S, `gold/${A}`)
    await index.remove(G, `gold/${A}`)
    expect(await asked).toBe('heard')
    expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
  },
)

test('what is made or deleted before anybody asked costs no listing', async () => {
  const { index, left } = indexOf([])
  await index.add(S, `gold/${A}`)
  await index.remove(S, `gold/${A}`)
  expect(left()).toBe(1)
})

test('what is made later is known, once for a volume however often it is told', async () => {
  const { index } = indexOf([])
  expect(await index.volumesOf(S)).toEqual([])
  await index.add(S, `gold/${A}`)
  await index.add(S, `gold/${A}`)
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
  await index.add(S, `gold/${B}`)
  await index.add(S, `gold/${B}`)
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`, `gold/${B}`])
  await index.add(S, `gold/${C}`)
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`, `gold/${B}`, `gold/${C}`])
})

test('what is deleted is forgotten for its volume only', async () => {
  const { index } = indexOf([`/${A}@${G}`, `/${A}@${S}`, `/${B}@${G}`])
  await index.volumesOf(G)
  await index.remove(S, `gold/${B}`)
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
  await index.remove(S, `gold/${A}`)
  expect(await index.volumesOf(S)).toEqual([])
  await index.remove(G, `gold/${A}`)
  expect(await index.volumesOf(G)).toEqual([`gold/${B}`])
  await index.remove(G, `gold/${A}`)
  expect(await index.volumesOf(G)).toEqual([`gold/${B}`])
  await index.remove(G, `gold/${B}`)
  expect(await index.volumesOf(G)).toEqual([])
})

test('whoever has no time left hears that, and the listing goes on for the others', async () => {
  const { index } = indexOf([`/${A}@${S}`])
  const late = index.volumesOf(S, AbortSignal.abort(new Error('too late')))
  await expect(late).rejects.toMatchObject({ kind: 'unavailable', cause: { message: 'too late' } })
  expect(await index.volumesOf(S)).toEqual([`gold/${A}`])
})
