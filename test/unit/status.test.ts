import { codeName, statusOf } from '../../src/csi/wire/status.ts'
import { type ErrorKind, StorageError } from '../../src/errors.ts'

// What the callers do with a code decides this table: only UNAVAILABLE and ABORTED keep them
// calling for the same thing.
const kinds: readonly { kind: ErrorKind; code: string }[] = [
  { kind: 'invalid-argument', code: 'INVALID_ARGUMENT' },
  { kind: 'unsupported', code: 'INVALID_ARGUMENT' },
  { kind: 'not-found', code: 'NOT_FOUND' },
  { kind: 'already-exists', code: 'ALREADY_EXISTS' },
  { kind: 'out-of-range', code: 'OUT_OF_RANGE' },
  { kind: 'in-use', code: 'FAILED_PRECONDITION' },
  { kind: 'failed-precondition', code: 'FAILED_PRECONDITION' },
  { kind: 'no-space', code: 'RESOURCE_EXHAUSTED' },
  { kind: 'busy', code: 'ABORTED' },
  { kind: 'unavailable', code: 'UNAVAILABLE' },
  { kind: 'permission-denied', code: 'PERMISSION_DENIED' },
  { kind: 'internal', code: 'INTERNAL' },
]

test.each(kinds)('$kind is answered with $code', ({ kind, code }) => {
  expect(codeName(statusOf(new StorageError(kind, 'why')).code)).toBe(code)
})

test('the kind of the outermost error decides, its causes only explain', () => {
  const error = new StorageError('unavailable', 'volume a', {
    cause: new StorageError('not-found', 'host b'),
  })
  expect(statusOf(error)).toEqual({ code: 14, message: 'volume a: host b' })
})

test('text that cannot be encoded is repaired', () => {
  expect(statusOf(new StorageError('internal', 'broken \ud800')).message).toBe('broken \ufffd')
})

test('a code that gRPC does not know still has a name', () => {
  expect(codeName(99)).toBe('code 99')
})

test('a secret at the place where a long message is cut does not show its first half', () => {
  const { message } = statusOf(
    new StorageError('internal', `${'x'.repeat(1995)}correct-horse ${'y'.repeat(50)}`),
    ['correct-horse'],
  )
  expect(message).not.toContain('corre')
})
