// What is not told apart by who asks first: requests for one volume in a guest, changes of unknown
// fate on a host, deleted volumes that wait. In every order that fast-check's scheduler finds, with
// deadlines that pass between any two commands.

import { AsyncLocalStorage } from 'node:async_hooks'
import fc from 'fast-check'
import { SimShell } from '../../../sim/sim-shell.ts'
import { ALL_CHANGES } from '../../../src/bin/compose/changes.ts'
import { isStorageError } from '../../../src/errors.ts'
import { GuestVolumes } from '../../../src/guest/guest-volumes.ts'
import { LinuxPlatform } from '../../../src/guest/linux/linux.ts'
import { createHost } from '../../../src/shell/late-effects.ts'
import { type Command, type Shell, ShellError } from '../../../src/shell/shell.ts'
import { attachRequest, install, volumeSpec } from '../../support/installation.ts'
import { A_KEY, always, each, microtasks, runOut, type Visit } from '../../support/interleavings.ts'
import { publishRequest, stageRequest } from '../../support/node.ts'

/**
 * The shell, with a moment before and after each command that the scheduler chooses; `look` sees
 * both.
 */
function scheduled(
  scheduler: fc.Scheduler,
  shell: Shell,
  look: (command: Command) => () => void = () => () => {},
): Shell {
  return {
    run: async (command, options) => {
      const end = look(command)
      try {
        await scheduler.schedule(Promise.resolve(), `${command[0]} begins`)
        return await shell.run(command, options)
      } finally {
        await scheduler.schedule(Promise.resolve(), `${command[0]} ends`)
        end()
      }
    },
  }
}

test('a guest works at one request of a volume at a time, and refuses one only while another is ' +
  'at work', async () => {
  await always({ keys: A_KEY, numRuns: 40 }, async (scheduler, all) => {
    const installation = install()
    const { volumes, attachments } = installation.driver()
    const faults: string[] = []
    const asked = new AsyncLocalStorage<{ readonly name: string; readonly key: string }>()
    /** Who is at work on a volume: from the first command on, until the request has its answer. */
    const working = new Map<string, string>()
    const open = new Map<string, number>([
      ['a', 0],
      ['b', 0],
    ])
    const guest = installation.world.guests.get('m1/ldg2')
    if (guest === undefined) throw new Error('no guest')
    const shell = scheduled(scheduler, new SimShell(guest.host), () => {
      const { name, key } = asked.getStore() ?? { name: 'nobody', key: '' }
      const other = working.get(key)
      if (other !== undefined && other !== name) {
        faults.push(`${name} runs a command beside ${other}`)
      }
      working.set(key, name)
      return () => {}
    })
    const host = createHost({
      changes: ALL_CHANGES,
      name: 'm1/ldg2',
      shell,
      clock: installation.clock,
    })
    const node = new GuestVolumes({
      platform: new LinuxPlatform({ shell: host.shell }),
      host,
      clock: installation.clock,
    })
    const made = new Map<string, ReturnType<typeof requestsOf>>()
    for (const key of ['a', 'b']) {
      const volume = await volumes.ensureVolume(volumeSpec({ name: key }))
      made.set(
        key,
        requestsOf(node, key, volume, await attachments.attach(attachRequest(volume.id))),
      )
    }
    const { ends } = await each(scheduler, all, async (name, visit, signal) => {
      const [key = ''] = visit.keys
      const act = made.get(key)?.[(visit.steps + visit.turns[2]) % 4]
      const wasOpen = open.get(key) ?? 0
      open.set(key, wasOpen + 1)
      try {
        await asked.run({ name, key }, async () => act?.(signal))
      } catch (error) {
        // What the sequence of these requests does not allow, and what the deadline cut, is not the
        // matter here.
        if (!isStorageError(error) && !(error instanceof ShellError)) throw error
        if (/another request for it is in progress/.test(error.message) && wasOpen === 0) {
          faults.push(`${name} was refused for nobody`)
        }
      } finally {
        if (working.get(key) === name) working.delete(key)
        open.set(key, (open.get(key) ?? 0) - 1)
      }
    })
    expect(faults).toEqual([])
    expect(ends.filter(end => end !== 'answered')).toEqual([])
  })
}, 120_000)

function requestsOf(
  node: GuestVolumes,
  key: string,
  volume: Parameters<typeof stageRequest>[0],
  attachment: Parameters<typeof stageRequest>[1],
) {
  const stagingPath = `/var/lib/ldom-csi/staging/${key}`
  const targetPath = `/srv/${key}`
  const { id: volumeId } = volume
  return [
    (signal: AbortSignal) =>
      node.stage({ ...stageRequest(volume, attachment), stagingPath }, signal),
    (signal: AbortSignal) =>
      node.publish({ ...publishRequest(volume, attachment), stagingPath, targetPath }, signal),
    (signal: AbortSignal) => node.unpublish({ volumeId, targetPath }, signal),
    (signal: AbortSignal) => node.unstage({ volumeId, stagingPath }, signal),
  ] as const
}

test(
  'a host lets nobody at an object while a change of it that was lost before may still be at ' +
    'work',
  async () => {
    await always({ keys: A_KEY, numRuns: 300 }, async (scheduler, all) => {
      const faults: string[] = []
      const atWork = new Map<string, string>()
      const shell: Shell = {
        run: async ([program, ...words]) => {
          if (program === '/usr/bin/ps') {
            await scheduler.schedule(Promise.resolve(), 'the process list is asked for')
            const stdout = ['COMMAND', ...atWork.keys()].join('\n')
            await scheduler.schedule(Promise.resolve(), 'the process list comes')
            return { exitStatus: 0, stdout, stderr: '', durationMs: 0 }
          }
          const line = [program, ...words].join(' ')
          atWork.set(line, words.at(-1) ?? '')
          void scheduler
            .schedule(Promise.resolve(), `${line} ends at last`)
            .then(() => atWork.delete(line))
          throw new ShellError('unknown', 'connection lost')
        },
      }
      const host = createHost({ changes: ALL_CHANGES, name: 'storage1', shell })
      const objects = new Map([
        ['a', 'v-aaaaaaaaaaaaaaaaaaaa'],
        ['b', 'v-bbbbbbbbbbbbbbbbbbbb'],
      ])
      let count = 0
      const { ends } = await each(scheduler, all, async (name, visit, signal) => {
        const object = objects.get(visit.keys[0] ?? '') ?? ''
        for (let step = 0; step <= visit.steps; step++) {
          const before = [...atWork.keys()].filter(line => line.endsWith(object))
          const isFree = await host.settled([object], signal).then(
            () => true,
            error => {
              if (!isStorageError(error, 'unavailable')) throw error
              return false
            },
          )
          const still = before.filter(line => atWork.has(line))
          if (isFree && still.length > 0) {
            faults.push(`${name} was let at ${object} while there was ${still}`)
          }
          await microtasks(visit.turns[2])
          const command = [
            '/usr/sbin/zfs',
            'set',
            `volsize=${++count}`,
            `tank/kubernetes/${object}`,
          ] as const
          if (isFree) await host.shell.run(command, { effect: 'write' }).catch(() => {})
        }
      })
      expect(faults).toEqual([])
      expect(ends.filter(end => !/^(answered|gave up)$/.test(end))).toEqual([])
      // Nothing is remembered for ever.
      const free = Promise.all([...objects.values()].map(object => host.settled([object])))
      await runOut(scheduler)
      await free
    })
  },
)

test('deleted volumes go with their last snapshot without a round, whoever gives up and ' +
  'whatever listing fails', async () => {
  await always(
    { keys: fc.constantFrom(['a'], ['b'], ['c']), numRuns: 25 },
    async (scheduler, all) => {
      const installation = install()
      const before = installation.driver()
      const found = new Map<string, { readonly volumeId: string; readonly snapshotId: string }>()
      for (const key of ['a', 'b', 'c']) {
        const volume = await before.volumes.ensureVolume(volumeSpec({ name: key }))
        const snapshot = await before.snapshots.createSnapshot({ name: key, volumeId: volume.id })
        found.set(key, { volumeId: volume.id, snapshotId: snapshot.id })
      }
      // One waits since before the start, so that only the listing tells of it.
      await before.volumes.deleteVolume(found.get('a')?.volumeId ?? '')
      const { rules } = installation.world.timeline
      if (all[0]?.fails) {
        rules.push(argv => {
          if (!argv.join(' ').includes(' ldom-csi:cluster,ldom-csi:state ')) return undefined
          rules.length = 0
          return { kind: 'cut-before' }
        })
      }
      const driver = installation.driver(host => scheduled(scheduler, new SimShell(host)))
      const erase = async (key: string, signal?: AbortSignal) => {
        const { volumeId, snapshotId } = found.get(key) ?? { volumeId: '', snapshotId: '' }
        await driver.volumes.deleteVolume(volumeId, signal)
        await driver.snapshots.deleteSnapshot(snapshotId, signal)
      }
      const left = new Set(['a', 'b', 'c'])
      await each(scheduler, all, async (_, visit, signal) => {
        const [key = ''] = visit.keys
        await erase(key, signal)
        left.delete(key)
      })
      rules.length = 0
      // Who was sent away calls again.
      const again: Visit[] = [...left].map(key => ({
        keys: [key],
        steps: 0,
        fails: false,
        deadline: 'none',
        turns: [0, 0, 0],
      }))
      const { ends } = await each(scheduler, again, (_, { keys: [key = ''] }) => erase(key))
      expect(ends.filter(end => end !== 'answered')).toEqual([])
      const zfs = installation.world.zfs('m1-primary')
      expect(zfs.datasets().flatMap(({ name }) => (/\/[va]-/.test(name) ? [name] : []))).toEqual([])
    },
  )
}, 120_000)
