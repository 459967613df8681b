// A storage host that loses its power at any command that changes it, in any call: no answer is
// wrong, the same call again converges, and nothing is left over.

import { volumeLeaf } from '../../src/model/ids.ts'
import { code } from '../protocol/conformance/world.ts'
import {
  type Controller,
  exportBlankMemory,
  insist,
  NODE,
  nodesOf,
  type Running,
  startController,
} from './faults/controllers.ts'
import { OPERATIONS, type Operation } from './faults/operations.ts'
import { MOMENTS, type Moment, PowerCut, WatchedCalls } from './faults/power-cut.ts'
import { OpenZfsInstallation } from './installation.ts'
import type { StorageMachine } from './machine.ts'
import { RawZfs } from './raw-zfs.ts'
import { MACHINES, ownMachine } from './shared.ts'

const PARENT = 'tank/cuts'

let machine: StorageMachine
let installation: OpenZfsInstallation
let zfs: RawZfs

beforeAll(async () => {
  machine = await ownMachine('cuts', { disks: [{ sizeBytes: 4 * 1024 ** 3 }] })
  await machine.bootWithPool()
  installation = await OpenZfsInstallation.start({
    machine,
    dataset: PARENT,
    directory: `${MACHINES}/cuts`,
  })
  exportBlankMemory(installation)
  zfs = new RawZfs(machine, PARENT)
})

afterAll(async () => {
  for (const { end } of started) await end()
  await installation?.end()
  await machine?.remove()
})

/** How the names of an operation's volumes are on the pool. */
function leavesOf({ name }: Operation): readonly string[] {
  const { cluster } = installation.configuration()
  return ['made', 'copy'].map(end => volumeLeaf(cluster, 'silver', `${name}-${end}`))
}

const isAbout = (operation: Operation, text: string) =>
  leavesOf(operation).some(leaf => text.includes(leaf))

function watchedCalls(): WatchedCalls {
  return new WatchedCalls('m1-storage', command => {
    const found = OPERATIONS.find(operation => isAbout(operation, command.join(' ')))
    if (found === undefined) throw new Error(`a command of no call: ${command.join(' ')}`)
    return found.name
  })
}

const started = new Set<Running>()

async function controller(watched?: WatchedCalls): Promise<Running> {
  const running = await startController(installation, { openShell: watched?.openShell })
  started.add(running)
  const end = () => {
    started.delete(running)
    return running.end()
  }
  return { ...running, end }
}

/** Of each call that takes part. */
type OfEach<T> = ReadonlyMap<Operation, T>

/** `objects`: what each call is about. */
async function each<T>(
  objects: OfEach<string>,
  work: (operation: Operation, object: string) => Promise<T>,
): Promise<OfEach<T>> {
  const done = [...objects].map(async ([operation, object]) => {
    return [operation, await work(operation, object)] as const
  })
  return new Map(await Promise.all(done))
}

/** What raw zfs shows of a call's volumes, as far as it does not tell when. */
async function pools(objects: OfEach<string>): Promise<OfEach<string>> {
  const columns = 'name,volsize,refreservation,origin,defer_destroy,ldom-csi:state'
  const text = await machine.succeed(`zfs list -Hp -r -t all -o ${columns} ${PARENT}`)
  const lines = text.split('\n')
  return each(objects, async operation => {
    return lines.filter(line => isAbout(operation, line)).join('\n')
  })
}

async function prepare(
  calls: Controller,
  operations: readonly Operation[],
): Promise<OfEach<string>> {
  await zfs.renew()
  const none = new Map(operations.map(operation => [operation, '']))
  const objects = await each(none, operation => insist(() => operation.prepare(calls)))
  // A volume without its device node is refused by a publish before it does anything.
  await zfs.nodesAppear()
  return objects
}

/** A call without a power failure. */
interface Uncut {
  /** How many of its commands change something. */
  readonly commands: number
  readonly reply: unknown
  /** After it. */
  readonly pool: string | undefined
}

async function runUncut(): Promise<OfEach<Uncut>> {
  const watched = watchedCalls()
  const { calls, end } = await controller(watched)
  const objects = await prepare(calls, OPERATIONS)
  watched.begin()
  const replies = await each(objects, (operation, object) => operation.call(calls, object))
  const commands = new Map(watched.commands)
  await each(objects, async (operation, object) => operation.clean?.(calls, object))
  await end()
  const after = await pools(objects)
  return each(objects, async operation => ({
    commands: commands.get(operation.name) ?? 0,
    reply: replies.get(operation),
    pool: after.get(operation),
  }))
}

interface Moments {
  /** Number of the command, from 0. A call that has no more commands has answered. */
  readonly at: number
  readonly moment: Moment
}

async function runCut({ at, moment }: Moments, uncut: OfEach<Uncut>): Promise<OfEach<string>> {
  const watched = watchedCalls()
  const { calls, end } = await controller(watched)
  const affected = OPERATIONS.filter(operation => (uncut.get(operation)?.commands ?? 0) >= at)
  const objects = await prepare(calls, affected)
  const cut = new PowerCut({ calls: affected.length, at, moment, fail: () => machine.kill() })
  watched.begin(cut)
  const answers = await each(objects, async (operation, object) => {
    const answer = await code(operation.call(calls, object))
    if ((watched.commands.get(operation.name) ?? 0) <= at) await cut.arrive()
    return answer
  })
  await cut.happened
  await end()
  await machine.boot()
  await zfs.nodesAppear()
  // It remembers nothing, as the driver after a failure of its own.
  const later = await controller()
  await expectTrue(later.calls, { objects, answers, uncut })
  await repeat(later.calls, { objects, uncut })
  await later.end()
  expect(await pools(objects)).toEqual(await each(objects, async of => uncut.get(of)?.pool))
  return answers
}

interface Cut {
  readonly objects: OfEach<string>
  readonly answers: OfEach<string>
  readonly uncut: OfEach<Uncut>
}

/** What was answered is so after the power failure. */
async function expectTrue(calls: Controller, { objects, answers, uncut }: Cut): Promise<void> {
  const found = await pools(objects)
  for (const [operation, answer] of answers) {
    const { name, isPublished } = operation
    expect(`${name} ${answer}`).toMatch(/ (OK|UNAVAILABLE)$/)
    if (answer !== 'OK') continue
    if (isPublished) expect(await nodesOf(calls, objects.get(operation) ?? '')).toEqual([NODE])
    else expect(found.get(operation)).toEqual(uncut.get(operation)?.pool)
  }
}

/** The same calls again end as if nothing had happened. */
async function repeat(
  calls: Controller,
  { objects, uncut }: Pick<Cut, 'objects' | 'uncut'>,
): Promise<void> {
  const replies = await each(objects, (operation, object) =>
    insist(() => operation.call(calls, object)),
  )
  expect(replies).toEqual(await each(objects, async operation => uncut.get(operation)?.reply))
  await each(objects, (operation, object) => insist(async () => operation.clean?.(calls, object)))
}

const shown = (each: OfEach<unknown>) =>
  [...each].map(([{ name }, value]) => `${name} ${value}`).join(', ')

test('every call survives a power failure at any of its commands', async () => {
  const uncut = await runUncut()
  const commands = new Map([...uncut].map(([operation, call]) => [operation, call.commands]))
  process.stdout.write(`\ncommands: ${shown(commands)}\n`)
  expect(Math.min(...commands.values())).toBeGreaterThan(0)
  const most = Math.max(...commands.values())
  for (let at = 0; at <= most; at++) {
    for (const moment of at < most ? MOMENTS : (['sent'] as const)) {
      const answers = await runCut({ at, moment }, uncut)
      process.stdout.write(`command ${at}, ${moment}: ${shown(answers)}\n`)
    }
  }
})
