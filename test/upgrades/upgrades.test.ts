import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  formatPublishContext,
  parsePublishContext,
  parseVolumeContext,
} from '../../src/csi/contexts.ts'
import { parseGuestId } from '../../src/model/ids.ts'
import { MiB, type VolumeSpec } from '../../src/model/volumes.ts'
import { attachRequest, type Driver, install, volumeSpec } from '../support/installation.ts'
import { type Entry, replay } from './replay.ts'

const RECORDING = readFileSync(join(import.meta.dirname, 'state-0.1.0.jsonl'), 'utf8')
const LARGER = { requiredBytes: 32 * MiB, limitBytes: 0 }

async function upgraded() {
  const installation = install()
  const entries = await replay(installation.world, RECORDING)
  const all = <K extends Entry['kind']>(kind: K) =>
    entries.filter((entry): entry is Extract<Entry, { kind: K }> => entry.kind === kind)
  const driver: Driver = installation.driver()
  const volume = (name: string) => all('volume').find(each => each.name === name) ?? missing(name)
  const attachment = (id: string, guest: string) =>
    all('attachment').findLast(each => each.volumeId === id && each.guest === guest) ?? missing(id)
  /** What an orchestrator sends to the node plugin for the volume. */
  const staged = (name: string, guest: string) => {
    const { id, context } = volume(name)
    const { stagingPath, targetPath = '' } =
      all('staged').find(each => each.volumeId === id && each.guest === guest) ?? missing(name)
    const { slot, sizeBytes, written, mode } = parsePublishContext(attachment(id, guest).context)
    const { createdEmpty, format } = parseVolumeContext(context)
    const kind =
      format === 'block'
        ? ({ kind: 'block' } as const)
        : ({ kind: 'filesystem', type: '', mountOptions: [] } as const)
    return {
      volumeId: id,
      slot,
      sizeBytes,
      written,
      mode,
      createdEmpty,
      format: kind,
      stagingPath,
      targetPath,
      readonly: false,
      exclusive: true,
    }
  }
  return { ...installation, driver, all, volume, attachment, staged }
}

function missing(what: string): never {
  throw new Error(`the recording has no ${what}`)
}

const block = { kind: 'block' } as const

const specOf: Readonly<Record<string, (id: (name: string) => string) => Partial<VolumeSpec>>> = {
  linux: () => ({}),
  solaris: () => ({ pool: 'gold' }),
  'raw-ldg1': () => ({ pool: 'gold', format: block }),
  'raw-ldg2': () => ({ pool: 'gold', format: block }),
  shared: () => ({ pool: 'gold', format: block }),
  archive: () => ({ pool: 'gold' }),
  blank: () => ({}),
  thin: () => ({ pool: 'gold', parameters: { reservation: 'thin' } }),
  restored: id => ({ size: LARGER, source: { kind: 'snapshot', id: id('cut') } }),
  copied: id => ({ pool: 'gold', source: { kind: 'volume', id: id('solaris') } }),
  survivor: id => ({ pool: 'gold', source: { kind: 'snapshot', id: id('last') } }),
}

describe('what version 0.1.0 left', () => {
  test('is sound to this version', async () => {
    const { driver } = await upgraded()
    expect(await driver.audit()).toEqual([])
  })

  test(
    'each volume is found again by the request that made it, with the same answer, and ' +
      'changes nothing',
    async () => {
      const { driver, world, all, volume } = await upgraded()
      const id = (name: string) =>
        (all('snapshot').find(each => each.name === name) ?? volume(name)).id
      expect(all('volume').map(({ name }) => name)).toEqual(Object.keys(specOf))
      const before = world.zfsHosts.values().map(zfs => zfs.datasets().map(({ name }) => name))
      for (const { name, id: volumeId, sizeBytes } of all('volume')) {
        const again = await driver.volumes.ensureVolume(volumeSpec({ name, ...specOf[name]?.(id) }))
        expect(again).toMatchObject({ id: volumeId, sizeBytes })
      }
      expect(world.zfsHosts.values().map(zfs => zfs.datasets().map(({ name }) => name))).toEqual(
        before,
      )
    },
  )

  test('each attachment is answered as before', async () => {
    const { driver, all, volume, attachment } = await upgraded()
    const live = all('attachment').filter(each => each === attachment(each.volumeId, each.guest))
    expect(live).toHaveLength(7)
    for (const { volumeId, guest, mode, sharing, context } of live) {
      const name = all('volume').find(each => each.id === volumeId)?.name ?? ''
      const format =
        parseVolumeContext(volume(name).context).format === 'block'
          ? block
          : ({ kind: 'filesystem', type: 'any' } as const)
      const again = await driver.attachments.attach(
        attachRequest(volumeId, guest, { mode, sharing, format }),
      )
      // Whether something was written is what is true now.
      expect(formatPublishContext(again)).toMatchObject({
        vdisk: context.vdisk,
        sizeBytes: context.sizeBytes,
        mode,
      })
    }
  })

  test(
    'a file system that is mounted stays, is staged and published again with success, and ' +
      'goes when it is asked to',
    async () => {
      const { node, world, staged, driver } = await upgraded()
      for (const [name, guest, text] of [
        ['linux', 'm1/ldg2', 'kept on Linux'],
        ['solaris', 'm1/ldg1', 'kept on Solaris'],
      ] as const) {
        const request = staged(name, guest)
        const { volumeId, stagingPath, targetPath, slot } = request
        await node(guest).stage(request)
        await node(guest).publish(request)
        expect(world.guest(guest).readFile(`${targetPath}/note`)).toBe(text)
        await node(guest).unpublish({ volumeId, targetPath })
        await node(guest).unstage({ volumeId, stagingPath })
        expect(
          world
            .guest(guest)
            .mounts()
            .filter(mount => mount.path.endsWith(`/${name}`)),
        ).toEqual([])
        await driver.attachments.detach(volumeId, parseGuestId(guest))
        expect(
          world
            .machine('m1')
            .guestDisks(guest.slice(3))
            .list()
            .map(disk => disk.id),
        ).not.toContain(slot)
      }
    },
  )

  test('after the guest has lost its mounts the data is mounted again, and nothing is formatted', async () => {
    const { node, world, staged, driver, volume } = await upgraded()
    for (const [name, guest, text] of [
      ['linux', 'm1/ldg2', 'kept on Linux'],
      ['solaris', 'm1/ldg1', 'kept on Solaris'],
    ] as const) {
      const { volumeId, stagingPath, targetPath } = staged(name, guest)
      await node(guest).unpublish({ volumeId, targetPath })
      await node(guest).unstage({ volumeId, stagingPath })
      await driver.attachments.detach(volumeId, undefined)
      const again = await driver.attachments.attach(attachRequest(volume(name).id, guest))
      const formatted = world.guest(guest).formatCount(again.slot)
      const request = {
        ...staged(name, guest),
        ...parsePublishContext(formatPublishContext(again)),
      }
      await node(guest).stage(request)
      expect(world.guest(guest).readFile(`${stagingPath}/note`)).toBe(text)
      expect(world.guest(guest).formatCount(again.slot)).toBe(formatted)
    }
  })

  test(
    'a raw volume that is staged and published is so to this version, and goes when it is ' +
      'asked to',
    async () => {
      const { node, staged, driver } = await upgraded()
      for (const guest of ['m1/ldg1', 'm1/ldg2']) {
        const request = staged(`raw-${guest.slice(3)}`, guest)
        await node(guest).stage(request)
        await node(guest).publish(request)
        await node(guest).unpublish(request)
        await node(guest).unstage(request)
        await driver.attachments.detach(request.volumeId, parseGuestId(guest))
      }
    },
  )

  test('a volume that is attached is refused to another guest, also a shared one exclusively', async () => {
    const { driver, volume } = await upgraded()
    await expect(
      driver.attachments.attach(attachRequest(volume('linux').id, 'm1/ldg1')),
    ).rejects.toMatchObject({ kind: 'in-use' })
    await expect(
      driver.attachments.attach(attachRequest(volume('solaris').id, 'm2/ldg1')),
    ).rejects.toMatchObject({ kind: 'in-use' })
    const exclusive = attachRequest(volume('shared').id, 'm2/ldg2', { format: block })
    await expect(driver.attachments.attach(exclusive)).rejects.toMatchObject({ kind: 'in-use' })
  })

  test('a shared volume is given to a further guest, and taken from one after the other', async () => {
    const { driver, volume, world } = await upgraded()
    const { id } = volume('shared')
    await driver.attachments.attach(
      attachRequest(id, 'm2/ldg2', { sharing: 'shared', format: block }),
    )
    for (const guest of ['m1/ldg1', 'm2/ldg1', 'm2/ldg2']) {
      await driver.attachments.detach(id, parseGuestId(guest))
    }
    await driver.volumes.deleteVolume(id)
    expect(
      world
        .zfs('storage1')
        .datasets()
        .filter(({ name }) => name.includes(id.slice(5))),
    ).toEqual([])
    expect(await driver.audit()).toEqual([])
  })

  test(
    'volumes grow, snapshots are answered again and restored, and after the last deletion ' +
      'the pools are empty',
    async () => {
      const { driver, node, volume, all, world } = await upgraded()
      const grown = await driver.changes.expandVolume(volume('solaris').id, LARGER)
      expect(grown.sizeBytes).toBe(32 * MiB)
      const [cut] = all('snapshot')
      const again = await driver.snapshots.createSnapshot({
        name: 'cut',
        volumeId: cut?.volumeId ?? '',
      })
      expect(again).toMatchObject({ id: cut?.id, sizeBytes: cut?.sizeBytes })
      await driver.volumes.ensureVolume(
        volumeSpec({ name: 'later', source: { kind: 'snapshot', id: again.id } }),
      )

      for (const { guest, volumeId, stagingPath, targetPath = '' } of all('staged')) {
        if (targetPath === '') continue // unstaged before it was recorded
        await node(guest).unpublish({ volumeId, targetPath })
        await node(guest).unstage({ volumeId, stagingPath })
      }
      const listed = await driver.snapshots.listSnapshots({})
      const [group] = Map.groupBy(
        listed.filter(({ groupId }) => groupId !== undefined),
        ({ groupId }) => groupId ?? '',
      )
      if (group === undefined) throw new Error('the group has gone')
      await driver.groups.deleteGroup(
        group[0],
        group[1].map(({ id }) => id),
      )
      for (const snapshot of listed.filter(({ groupId }) => groupId === undefined)) {
        await driver.snapshots.deleteSnapshot(snapshot.id)
      }
      for (const { volume: each } of await driver.attachments.listPublished()) {
        await driver.attachments.detach(each.id, undefined)
        await driver.volumes.deleteVolume(each.id)
      }
      const left = [...world.zfsHosts.values()]
        .flatMap(zfs => zfs.datasets().map(({ name }) => name))
        .filter(name => /\/[va]-/.test(name))
      expect(left).toEqual([])
      expect(await driver.audit()).toEqual([])
    },
  )
})
