// Failure tables: how status and text become a kind and a message.

import { classify, type FailureRow, refuseFailure } from '../../src/shell/failures.ts'
import type { CommandResult } from '../../src/shell/shell.ts'

const ROWS: readonly FailureRow[] = [
  {
    text: /dataset does not exist/,
    status: 1,
    kind: 'not-found',
    evidence: 'recorded',
    source: 'example',
  },
  {
    text: /out of space/,
    kind: 'no-space',
    evidence: 'recorded',
    source: 'example',
    hint: 'add disks',
  },
]
const result = (exitStatus: number, stderr: string, stdout = ''): CommandResult => ({
  exitStatus,
  stderr,
  stdout,
  durationMs: 1,
})
const thrown = (answer: CommandResult) => {
  try {
    return refuseFailure(answer, {
      command: ['/usr/sbin/zfs', 'create', 'a b'],
      failures: ROWS,
      about: 'volume p/v',
    })
  } catch (error) {
    return error
  }
}

test('status 0 is a success, whatever was printed', () => {
  const answer = result(0, 'cannot open: dataset does not exist\n')
  expect(thrown(answer)).toBe(answer)
})

test.each([
  {
    name: 'a known text',
    answer: result(1, "cannot open 'p/v': dataset does not exist\n"),
    kind: 'not-found',
    message: "volume p/v: cannot open 'p/v': dataset does not exist",
  },
  {
    name: 'a known text after a banner',
    answer: result(1, 'Welcome\nout of space\n'),
    kind: 'no-space',
    message: 'volume p/v: out of space (add disks)',
  },
  {
    name: 'a text on standard output where standard error is silent',
    answer: result(1, '\n', 'dataset does not exist\n'),
    kind: 'not-found',
    message: 'volume p/v: dataset does not exist',
  },
  {
    name: 'a known text with another status',
    answer: result(2, 'dataset does not exist\n'),
    kind: 'internal',
    message: 'volume p/v: /usr/sbin/zfs create "a b" ended with status 2: dataset does not exist',
  },
  {
    name: 'a known text in the middle of a line between others',
    answer: result(1, 'Welcome\n\n  cannot: out of space on p \nBye\n'),
    kind: 'no-space',
    message: 'volume p/v: cannot: out of space on p (add disks)',
  },
  {
    name: 'an unknown text after blank lines',
    answer: result(1, '\n  \n  what now\nor then\n'),
    kind: 'internal',
    message: 'volume p/v: /usr/sbin/zfs create "a b" ended with status 1: what now',
  },
  {
    name: 'a known text with the status of a missing program, as env says it',
    answer: result(127, 'env: /usr/sbin/zfs: dataset does not exist, out of space\n'),
    kind: 'failed-precondition',
    message:
      'volume p/v: env: /usr/sbin/zfs: dataset does not exist, out of space ' +
      '(the host does not have the program; install it)',
  },
  {
    name: 'a missing program of which nothing is said',
    answer: result(127, ''),
    kind: 'failed-precondition',
    message:
      'volume p/v: /usr/sbin/zfs ended with status 127 (the host does not have the program; install it)',
  },
  {
    name: 'a permission that the tool itself misses',
    answer: result(1, 'cannot open: permission denied\n'),
    kind: 'internal',
    message:
      'volume p/v: /usr/sbin/zfs create "a b" ended with status 1: cannot open: permission denied',
  },
  {
    name: 'another complaint of a shell at a program',
    answer: result(126, 'exec format error\n'),
    kind: 'internal',
    message: 'volume p/v: /usr/sbin/zfs create "a b" ended with status 126: exec format error',
  },
  {
    name: 'sudo behind a banner',
    answer: result(1, 'Welcome\nsudo: user is not in the sudoers file\n'),
    kind: 'permission-denied',
    message:
      'volume p/v: sudo: user is not in the sudoers file (allow the account to run the command ' +
      'without a password)',
  },
  {
    name: 'a volume that is named like a complaint',
    answer: result(1, 'cannot open sudo: a password is required\n'),
    kind: 'internal',
    message:
      'volume p/v: /usr/sbin/zfs create "a b" ended with status 1: cannot open sudo: a password ' +
      'is required',
  },
  {
    name: 'silence',
    answer: result(1, ''),
    kind: 'internal',
    message: 'volume p/v: /usr/sbin/zfs create "a b" ended with status 1',
  },
  {
    name: 'a missing program',
    answer: result(127, 'sh: /usr/sbin/zfs: not found\n'),
    kind: 'failed-precondition',
    message:
      'volume p/v: sh: /usr/sbin/zfs: not found (the host does not have the program; install it)',
  },
  {
    name: 'a program that the account may not run',
    answer: result(126, 'sh: /usr/sbin/zfs: cannot execute [Permission denied]\n'),
    kind: 'permission-denied',
    message: 'volume p/v: sh: /usr/sbin/zfs: cannot execute [Permission denied]',
  },
  {
    name: 'sudo without its rule',
    answer: result(1, 'sudo: a password is required\n'),
    kind: 'permission-denied',
    message:
      'volume p/v: sudo: a password is required (allow the account to run the command without a ' +
      'password)',
  },
])('$name is $kind', ({ answer, kind, message }) => {
  expect(thrown(answer)).toMatchObject({ kind, message })
})

test('standard output is not searched while standard error speaks', () => {
  expect(classify(result(1, 'something else\n', 'dataset does not exist\n'), ROWS)).toBeUndefined()
})
