// Requests that need several volumes at once, in every order of asking: each is answered, whatever
// the others hold.

import { install, volumeSpec } from '../../support/installation.ts'

const any = { requiredBytes: 0, limitBytes: 0 }

/** What is left of the promises when nothing goes on any more. */
async function outcomes(works: readonly Promise<unknown>[]): Promise<readonly string[]> {
  const ends = works.map(() => 'waits for ever')
  works.forEach((work, at) => {
    work.then(
      () => {
        ends[at] = 'done'
      },
      (error: { kind?: string }) => {
        ends[at] = error.kind ?? String(error)
      },
    )
  })
  for (let turn = 0; turn < 2_000 && ends.includes('waits for ever'); turn++) {
    await new Promise(resolve => setImmediate(resolve))
  }
  return ends
}

/**
 * A volume and a clone of it, whose ids are in that order or in the other: requests sort by them.
 */
async function originAndClone(first: 'origin' | 'clone') {
  const driver = install().driver()
  for (let at = 0; ; at++) {
    const origin = await driver.volumes.ensureVolume(
      volumeSpec({ pool: 'gold', name: `origin-${at}` }),
    )
    const source = { kind: 'volume', id: origin.id } as const
    const clone = await driver.volumes.ensureVolume(
      volumeSpec({ pool: 'gold', name: `clone-${at}`, source, size: any }),
    )
    if (origin.id < clone.id === (first === 'origin')) return { driver, origin, clone, source }
  }
}

describe.each(['origin', 'clone'] as const)('the id of the %s is the smaller one', first => {
  test('a clone is deleted while a group snapshot of it and its origin is cut', async () => {
    const { driver, origin, clone } = await originAndClone(first)
    const works = [
      driver.volumes.deleteVolume(clone.id),
      driver.groups.createGroup({ name: 'group', volumeIds: [origin.id, clone.id] }),
      driver.volumes.deleteVolume(origin.id),
    ]
    expect(await outcomes(works)).toEqual(['done', 'not-found', 'done'])
    expect(await driver.audit()).toEqual([])
  })

  test('a clone is asked for again while a group snapshot of both is cut', async () => {
    const { driver, origin, clone, source } = await originAndClone(first)
    const works = [
      driver.changes.modifyVolume(origin.id, { compression: 'on' }),
      driver.volumes.ensureVolume(
        volumeSpec({ pool: 'gold', name: clone.name, source, size: any }),
      ),
      driver.groups.createGroup({ name: 'group', volumeIds: [clone.id, origin.id] }),
      driver.volumes.ensureVolume(
        volumeSpec({ pool: 'gold', name: clone.name, source, size: any }),
      ),
    ]
    expect(await outcomes(works)).toEqual(['done', 'done', 'done', 'done'])
  })
})

test('two volumes, each asked for again as made from the other', async () => {
  const { volumes } = install().driver()
  const a = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'a' }))
  const b = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'b' }))
  const works = [
    volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'a' })),
    volumes.ensureVolume(
      volumeSpec({ pool: 'gold', name: 'b', source: { kind: 'volume', id: a.id }, size: any }),
    ),
    volumes.ensureVolume(
      volumeSpec({ pool: 'gold', name: 'a', source: { kind: 'volume', id: b.id }, size: any }),
    ),
  ]
  expect(await outcomes(works)).toEqual(['done', 'already-exists', 'already-exists'])
})

test('a group snapshot is deleted while a snapshot of a member and the member itself are', async () => {
  const { volumes, groups, snapshots, audit } = install().driver()
  const a = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'a' }))
  const b = await volumes.ensureVolume(volumeSpec({ pool: 'gold', name: 'b' }))
  const group = await groups.createGroup({ name: 'group', volumeIds: [a.id, b.id] })
  const memberIds = group.snapshots.map(({ id }) => id)
  const works = [
    snapshots.createSnapshot({ name: 'one', volumeId: b.id }),
    volumes.deleteVolume(a.id),
    groups.deleteGroup(group.id, memberIds),
    groups.deleteGroup(group.id, memberIds.slice(0, 1)),
    volumes.deleteVolume(b.id),
  ]
  expect(await outcomes(works)).toEqual(['done', 'done', 'done', 'done', 'done'])
  expect(await audit()).toEqual([])
})
