// Defects of waiting: locks, turns, joined calls. They show only in some orders of events. Data
// only.

import type { Defect } from './table.ts'

const LOCKS = 'src/locks.ts'
const VOLUMES = 'src/storage/volumes/volumes.ts'
const ORDER = 'test/behaviour/waiting/lock-order.test'
const INDEX = 'src/storage/snapshots/index-by-name.ts'
const TURNS = 'src/hypervisors/turns.ts'
const JOINED = 'test/unit/joined-interleavings.test'
const TOGETHER = 'test/behaviour/machine/together.test'
const ORDERS = 'test/behaviour/waiting/interleavings.test'
const INTERLEAVINGS = 'test/unit/locks-interleavings.test'
const IN_A_QUEUE = 'test/behaviour/waiting/deadline-in-a-queue.test'

export const WAITING_DEFECTS: readonly Defect[] = [
  {
    name: 'an attachment looks for the device of a new volume only every half second',
    changes: [
      {
        file: 'src/storage/designs/local.ts',
        find: '      firstPollMs: DEVICE_FIRST_POLL_MS,\n',
        replace: '',
      },
    ],
    tests: ['test/behaviour/storage/commands-per-rpc.test'],
  },
  {
    name: 'a waiter that gives up takes the key away from its holder',
    changes: [
      {
        file: LOCKS,
        find: '      if (queue.length === 0) this.#queues.delete(key)\n',
        replace:
          '      if (queue.length === 0 || this.#queues.get(key)?.at(-1) === place) this.#queues.delete(key)\n',
      },
    ],
    tests: [INTERLEAVINGS, IN_A_QUEUE],
  },
  {
    name: 'a request whose turn and deadline come in one moment begins',
    changes: [
      {
        file: LOCKS,
        find: '  if (signal?.aborted) {\n    throw new StorageError',
        replace:
          '  const turned = await Promise.race([turn.then(() => true), Promise.resolve(false)])\n  if (!turned) {\n    throw new StorageError',
      },
    ],
    tests: [INTERLEAVINGS],
  },
  {
    name: 'a turn that was given up is not handed on',
    changes: [
      {
        file: LOCKS,
        find: '    } finally {\n      this.#queue.splice(this.#queue.indexOf(begin), 1)\n      this.#beginFirst()\n',
        replace:
          '    } finally {\n      this.#queue.splice(this.#queue.indexOf(begin), 1)\n      if (signal?.aborted !== true) this.#beginFirst()\n',
      },
    ],
    tests: [INTERLEAVINGS],
  },
  {
    name: 'several keys are waited for one after the other',
    changes: [
      {
        file: LOCKS,
        find: "    const wanted = typeof keys === 'string' ? [keys] : [...new Set(keys)]\n",
        replace: `    const [first = '', ...rest] = typeof keys === 'string' ? [keys] : new Set(keys)
    if (rest.length > 0) return this.hold(first, signal, () => this.hold(rest, signal, work))
    const wanted = [first]
`,
      },
      {
        file: LOCKS,
        find: '    if (outer?.atWork) {\n',
        replace: '    if (outer?.atWork && outer.keys.length > 1) {\n',
      },
    ],
    tests: [ORDER, INTERLEAVINGS],
  },
  {
    name: 'the origin of a deleted clone is waited for under the lock of the clone',
    changes: [
      {
        file: VOLUMES,
        find: '      this.#names.remove(place)\n      return deleted\n',
        replace:
          '      this.#names.remove(place)\n      await this.#reaper.reapOrigin(place.pool, deleted?.origin)\n      return deleted\n',
      },
    ],
    tests: [ORDER],
  },
  {
    name: 'the last change of a machine does not tell those that wait for it',
    changes: [
      {
        file: TURNS,
        find: 'this.#changing === 0 || this.#madeAndWaiting',
        replace: 'this.#madeAndWaiting',
      },
    ],
    tests: [JOINED],
  },
  {
    name: 'a change that is made waits for one that hangs',
    changes: [
      {
        file: TURNS,
        find: 'await Promise.race([all, enough.catch(() => {})])',
        replace: 'await Promise.race([all, enough.then(() => all).catch(() => {})])',
      },
    ],
    tests: [TOGETHER],
  },
  {
    name: 'a caller is answered with a listing that ran before it asked',
    changes: [
      { file: TURNS, find: '    this.#next = undefined\n', replace: '' },
      {
        file: TURNS,
        find: '    return listing\n',
        replace: '    return listing.finally(() => { this.#next = undefined })\n',
      },
    ],
    tests: [JOINED],
  },
  {
    name: 'a request begins beside one that its callers have not given up on',
    changes: [
      {
        file: 'src/csi/wire/calls.ts',
        find: 'if (waiting === 0) controller',
        replace: 'if (waiting <= 1) controller',
      },
    ],
    tests: [JOINED],
  },
  {
    name: 'an answer outlives its request',
    changes: [
      {
        file: 'src/csi/wire/calls.ts',
        find: 'if (key !== undefined && this.flights.get(key)?.signal === signal) this',
        replace: 'if (key !== undefined && signal.aborted) this',
      },
    ],
    tests: [JOINED],
  },
  {
    name: 'the deadline of the first caller ends the listing of all snapshots',
    changes: [
      {
        file: INDEX,
        find: 'shared(this.#load(), signal, late)',
        replace: 'shared(this.#load(signal), signal, late)',
      },
      {
        file: INDEX,
        find: '  #load(): Promise',
        replace: '  #load(signal: AbortSignal | undefined): Promise',
      },
      { file: INDEX, find: 'this.#read().catch', replace: 'this.#read(signal).catch' },
      {
        file: INDEX,
        find: 'async #read(): Promise',
        replace: 'async #read(signal: AbortSignal | undefined): Promise',
      },
      {
        file: INDEX,
        find: 'listSnapshotNames(pool))',
        replace: 'listSnapshotNames(pool, { signal }))',
      },
    ],
    tests: [JOINED],
  },
  {
    name: 'a snapshot made while all are listed is not remembered',
    changes: [
      {
        file: INDEX,
        find: 'if (volumes !== undefined) put(volumes, leaf, volumeId)',
        replace: 'void volumes',
      },
    ],
    tests: [JOINED],
  },
  {
    name: 'a guest works at two requests of a volume at a time',
    changes: [
      {
        file: 'src/guest/guest-volumes.ts',
        find: 'if (this.#busy.has(volumeId)) {\n',
        replace: 'if (this.#busy.has("")) {\n',
      },
    ],
    tests: [ORDERS],
  },
  {
    name: 'who is refused in a guest takes away the mark of who is at work',
    changes: [
      {
        file: 'src/guest/guest-volumes.ts',
        find: '    if (this.#busy.has(volumeId)) {\n',
        replace: '    if (this.#busy.delete(volumeId)) {\n',
      },
    ],
    tests: [ORDERS],
  },
  {
    name: 'a change that is lost while the process list is read is forgotten',
    changes: [
      {
        file: 'src/shell/late-effects.ts',
        find: '[...own, ...since, ...found]',
        replace: '[...own, ...found]',
      },
    ],
    tests: [ORDERS],
  },
  {
    name: 'a deleted volume is not added to those that wait',
    changes: [
      {
        file: 'src/storage/volumes/reaper.ts',
        find: '?.add(volumeId)',
        replace: '?.has(volumeId)',
      },
    ],
    tests: [ORDERS],
  },
  {
    name: 'a listing of deleted volumes that failed is the last one',
    changes: [
      {
        file: 'src/storage/volumes/reaper.ts',
        find: '      this.#waiting = undefined\n',
        replace: '',
      },
    ],
    tests: [ORDERS],
  },
  {
    name: 'waits go by the time of day',
    changes: [
      {
        file: 'src/clock.ts',
        find: 'performance.timeOrigin + performance.now()',
        replace: 'Date.now()',
      },
    ],
    tests: ['test/unit/clock.test'],
  },
]
