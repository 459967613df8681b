// Defects of whatever waits: locks, turns, joined calls. They show in some orders of events only. Data only.

import type { Defect } from './table.ts'

const LOCKS = 'src/locks.ts'
const INTERLEAVINGS = 'test/unit/locks-interleavings.test'
const IN_A_QUEUE = 'test/behaviour/deadline-in-a-queue.test'

export const WAITING_DEFECTS: readonly Defect[] = [
  {
    name: 'a waiter that gives up takes the key away from its holder',
    changes: [
      {
        file: LOCKS,
        find: '      if (queue.length === 0) this.#queues.delete(key)\n',
        replace: '      if (queue.length === 0 || this.#queues.get(key)?.at(-1) === place) this.#queues.delete(key)\n',
      },
    ],
    tests: [INTERLEAVINGS, IN_A_QUEUE],
  },
  {
    name: 'a request whose turn and deadline come in one moment begins',
    changes: [
      {
        file: LOCKS,
        find: '  if (signal.aborted) throw new StorageError',
        replace:
          '  const turned = await Promise.race([turn.then(() => true), Promise.resolve(false)])\n  if (!turned) throw new StorageError',
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
]
