// Defects of the shell over ssh when connections are lost. Data only.

import type { Defect } from './table.ts'

const SHELL = 'src/shell/ssh/ssh.ts'
const CONNECTION = 'src/shell/ssh/connection.ts'
const LOST = 'test/behaviour/ssh/lost.test'
const SESSIONS = 'test/behaviour/ssh/ssh.test'

export const SSH_DEFECTS: readonly Defect[] = [
  {
    name: 'a closed shell waits for the other end of its connection',
    changes: [{ file: CONNECTION, find: '      this.#socket.destroySoon()\n', replace: '' }],
    tests: [LOST],
  },
  {
    name: 'commands that a server refused start in the order of their refusals, reversed',
    changes: [
      {
        file: SHELL,
        find: '[...this.#queue, waiting].sort((a, b) => a.order - b.order)',
        replace: '[waiting, ...this.#queue]',
      },
    ],
    tests: [SESSIONS],
  },
  {
    name: 'a change that was sent is sent again on the next connection',
    changes: [
      {
        file: SHELL,
        find: "    if (lost.fate === 'unknown' && waiting.effect !== 'read') return false\n",
        replace: '',
      },
    ],
    tests: [LOST],
  },
  {
    name: 'a request that left with the connection is taken for one that was not sent',
    changes: [{ file: CONNECTION, find: '            execution.markSent()\n', replace: '' }],
    tests: [LOST],
  },
  {
    name: 'a change waits for the output of a process that it left behind',
    changes: [
      {
        file: 'src/shell/ssh/execution.ts',
        find: 'if (this.#drainMs === undefined || ',
        replace: 'if (this.#drainMs !== undefined || ',
      },
    ],
    tests: ['test/unit/ssh-execution.test'],
  },
  {
    name: 'a change whose session was still being opened fails with the connection',
    changes: [
      {
        file: 'src/shell/ssh/execution.ts',
        find: 'const [fate, when] = this.#isSent\n',
        replace: 'const [fate, when] = !this.#isSettled\n',
      },
    ],
    tests: [LOST],
  },
  {
    name: 'a listing that was cut off, with no connection after it, counts as silence',
    changes: [
      { file: SHELL, find: "    if (lost.fate === 'unknown') waiting.lost = lost\n", replace: '' },
    ],
    tests: [LOST],
  },
  {
    name: 'another host key is waited for like a network that fails',
    changes: [
      {
        file: CONNECTION,
        find: 'else if (refusal !== undefined) reject(fail(refusal))\n',
        replace: "else if (refusal !== undefined) reject(failForNow(refusal, 'local'))\n",
      },
    ],
    tests: [LOST],
  },
  {
    name: 'a host whose connections end at once is connected to without pauses',
    changes: [
      {
        file: 'src/shell/ssh/reachability.ts',
        find: '    if (hasServed) {\n',
        replace: '    if (hasServed || !isAlive) {\n',
      },
    ],
    tests: [LOST],
  },
  {
    name: 'commands fail with the first connection that ends during its handshake',
    changes: [
      {
        file: SHELL,
        find: 'if (this.#connections.length === 0 && !this.#reachability.isAwaited) this',
        replace: 'if (this.#connections.length === 0) this',
      },
    ],
    tests: [LOST],
  },
  {
    name: 'nobody connects after a pause for those who wait',
    changes: [
      {
        file: SHELL,
        find: '      this.#nextAttempt = setTimeout(() => this.#pump(), backoffLeftMs)\n',
        replace: '',
      },
    ],
    tests: [LOST],
  },
  {
    name: 'commands are given to a socket that has ended until the library says so',
    changes: [
      {
        file: CONNECTION,
        find: '    if (!this.#socket.writable) {\n',
        replace: '    if (!this.#socket.writable && this.#sessions.size > 99) {\n',
      },
    ],
    tests: [LOST],
  },
]
