// Access modes of Kubernetes, one and several: what they allow, and what is rejected.

import { accessOf } from '../../src/model/access.ts'

test.each([
  { modes: ['ReadWriteOnce'], access: 'one-guest' },
  { modes: ['ReadWriteOncePod'], access: 'one-workload' },
  { modes: ['ReadOnlyMany', 'ReadOnlyMany'], access: 'many-readers' },
  { modes: ['ReadWriteOnce', 'ReadWriteMany'], access: 'many-writers' },
  { modes: ['ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOnce'], access: 'many-writers' },
])('$modes is $access', ({ modes, access }) => {
  expect(accessOf(modes)).toBe(access)
})

test.each([
  { modes: [], said: '(none)' },
  { modes: ['ReadOnlyMany', 'ReadWriteOnce'], said: 'ReadOnlyMany, ReadWriteOnce' },
  { modes: ['ReadWriteOncePod', 'ReadWriteMany'], said: 'ReadWriteOncePod, ReadWriteMany' },
  { modes: ['ReadWriteTwice'], said: 'ReadWriteTwice' },
])('$modes is rejected', ({ modes, said }) => {
  expect(() => accessOf(modes)).toThrow(
    `access modes ${said}: a volume has one of ReadWriteOncePod, ReadWriteOnce, ReadOnlyMany, ` +
      'ReadWriteMany',
  )
})
