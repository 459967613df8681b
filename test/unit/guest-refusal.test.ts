// How an error of a guest names its volume, and how a caller may spell a path there.

import { StorageError } from '../../src/errors.ts'
import { about, nameDisk, nameVolume, Refusal } from '../../src/guest/refusal.ts'
import { checkPath, isPlain, resolveSpelling } from '../../src/guest/spelling.ts'

test('a refusal is told with the name of its volume, once', async () => {
  const refused = about(nameVolume('gold/v'), () =>
    about(nameDisk('gold/v', 100), async () => {
      throw new Refusal('busy', '/mnt is held')
    }),
  )

  await expect(refused).rejects.toMatchObject({
    kind: 'busy',
    message: 'volume gold/v, disk 100: /mnt is held',
  })
})

test('what a tool of the guest said passes as it is, and so does a bug', async () => {
  const said = new StorageError('unavailable', '/dev/vdiskc: Input/output error')
  const bug = new TypeError('undefined is not a function')

  await expect(about('volume gold/v', () => Promise.reject(said))).rejects.toBe(said)
  await expect(about('volume gold/v', () => Promise.reject(bug))).rejects.toBe(bug)
  expect(await about('volume gold/v', async () => 1)).toBe(1)
})

test.each([
  ['/srv//a', '/srv/a'],
  ['//srv/a', '/srv/a'],
  ['/srv/./a/.', '/srv/a'],
  ['/srv/a///', '/srv/a'],
  ['/srv/.a/..b', '/srv/.a/..b'],
  ['/', '/'],
  ['//', '/'],
  ['a//b', 'a//b'],
])('%s reaches the guest as %s', async (path, spelled) => {
  const seen: string[] = []
  const mounts = {
    resolvePath: async (asked: string) => {
      seen.push(asked)
      return asked
    },
  }

  expect(await resolveSpelling(mounts, path)).toBe(spelled)
  expect(seen).toEqual([spelled])
})

test.each(['', 'srv/a', '/srv\na', '/srv/\u2029', '/..', '/srv/../a', '/srv/..'])(
  'the path %j is refused',
  path => {
    expect(isPlain(path)).toBe(false)
    expect(() => checkPath(path)).toThrow(
      expect.objectContaining({
        kind: 'invalid-argument',
        message: expect.stringContaining(JSON.stringify(path)),
      }),
    )
  },
)
