// What notes in a guest say of its volumes, and what a mount option may be.

import { Paths } from '../../src/guest/paths.ts'
import { digestOptions, NotesRead, VolumeNotes } from '../../src/guest/volume-notes.ts'
import { checkMountOptions } from '../../src/model/mount-options.ts'
import type { Command, Shell } from '../../src/shell/shell.ts'

const [A, B] = ['gold/v-a', 'gold/v-b']
const NOTES = '/var/lib/notes/volumes'
const TARGET = '/pods/1/mount'

/** A directory of links, with the four commands that the notes need. */
function directory(links: Record<string, string> = {}) {
  const held = new Map(Object.entries(links))
  const writes: string[] = []
  const leaf = (path = '') => path.slice(NOTES.length + 1)
  const line = ([name, target]: readonly [string, string]) =>
    `lrwxrwxrwx 1 root root 9 Nov 21 12:10 ${name} -> ${target}`
  const shell: Shell = {
    run: async ([program, ...args]: Command, { effect }) => {
      const done = (stdout: string) => ({ exitStatus: 0, stdout, stderr: '', durationMs: 0 })
      const path = args.at(-1) ?? ''
      if (effect === 'write') writes.push([program, ...args].join(' '))
      switch (`${program} ${args[0]}`) {
        case '/bin/ls -l':
          return done(`total 0\n${[...held].map(line).join('\n')}\n`)
        case '/bin/ls -ld': {
          const target = held.get(leaf(path))
          if (target !== undefined) return done(`${line([path, target])}\n`)
          return { ...done(''), exitStatus: 2, stderr: `ls: ${path}: No such file or directory\n` }
        }
        case '/bin/ln -s':
          if (held.has(leaf(path))) {
            return { ...done(''), exitStatus: 1, stderr: `ln: ${path}: File exists\n` }
          }
          held.set(leaf(path), args[1] ?? '')
          return done('')
        case '/bin/rm -f':
          held.delete(leaf(path))
          return done('')
        case '/bin/mkdir -p':
          return done('')
        default:
          throw new Error(`${program} ${args.join(' ')}?`)
      }
    },
  }
  return { notes: new VolumeNotes(new Paths(shell), '/var/lib/notes'), held, writes }
}

test('what was noted is read: the disk of a volume, whose a disk is, and where it was published', async () => {
  const { notes } = directory()
  await notes.noteStaged(await notes.read(), {
    volumeId: A,
    blockPath: '/dev/vdiskc',
    options: '-',
  })
  await notes.noteStaged(await notes.read(), {
    volumeId: B,
    blockPath: '/dev/vdiskd',
    options: 'abc123',
  })
  await notes.noteTarget({ volumeId: A, path: TARGET, note: 'made' })
  await notes.noteTarget({ volumeId: B, path: '/pods/2/mount', note: 'kept' })
  const read = await notes.read()
  expect(read.stagedOf(A)).toEqual({ blockPath: '/dev/vdiskc', options: '-' })
  expect(read.stagedOf(B)).toEqual({ blockPath: '/dev/vdiskd', options: 'abc123' })
  expect(read.disks()).toEqual(['/dev/vdiskc', '/dev/vdiskd'])
  expect(['/dev/vdiskc', '/dev/vdiskd', '/dev/vdiske'].map(disk => read.ownerOf(disk))).toEqual([
    A,
    B,
    undefined,
  ])
  expect([
    read.targetOf(A, TARGET),
    read.targetOf(B, '/pods/2/mount'),
    read.targetOf(B, TARGET),
  ]).toEqual(['made', 'kept', undefined])
  expect([read.targetsOf(A), read.targetsOf(B), read.targetsOf('gold/v')]).toEqual([
    [TARGET],
    ['/pods/2/mount'],
    [],
  ])
})

test('a path is a target of another volume only where another one was published there', async () => {
  const { notes } = directory()
  await notes.noteStaged(await notes.read(), { volumeId: A, blockPath: TARGET, options: '-' })
  await notes.noteTarget({ volumeId: A, path: TARGET, note: 'made' })
  const read = await notes.read()
  expect(read.isTargetOfAnother(A, TARGET)).toBe(false)
  expect(read.isTargetOfAnother(B, TARGET)).toBe(true)
  expect(read.isTargetOfAnother(B, '/pods/2/mount')).toBe(false)
  expect(read.isTargetOfAnother('gold/v', TARGET)).toBe(true)
})

test(
  'a volume that was staged again has its new disk alone, and what another noted of that ' +
    'disk is gone',
  async () => {
    const { notes, writes } = directory()
    await notes.noteStaged(await notes.read(), {
      volumeId: A,
      blockPath: '/dev/vdiskc',
      options: '-',
    })
    await notes.noteStaged(await notes.read(), {
      volumeId: A,
      blockPath: '/dev/vdiskd',
      options: '-',
    })
    await notes.noteStaged(await notes.read(), {
      volumeId: B,
      blockPath: '/dev/vdiskd',
      options: '-',
    })
    const read = await notes.read()
    expect(read.stagedOf(A)).toBeUndefined()
    expect(read.ownerOf('/dev/vdiskd')).toBe(B)
    writes.length = 0
    await notes.noteStaged(read, { volumeId: B, blockPath: '/dev/vdiskd', options: '-' })
    expect(writes).toEqual([])
  },
)

test('what is forgotten is the note that is meant, and nothing where there is none', async () => {
  const { notes, held, writes } = directory()
  await notes.noteStaged(await notes.read(), {
    volumeId: A,
    blockPath: '/dev/vdiskc',
    options: '-',
  })
  await notes.noteTarget({ volumeId: A, path: TARGET, note: 'kept' })
  writes.length = 0
  await notes.forgetTarget(await notes.read(), { volumeId: A, path: '/pods/2/mount' })
  await notes.forgetTarget(await notes.read(), { volumeId: B, path: TARGET })
  await notes.forgetStaged(await notes.read(), B)
  expect(writes).toEqual([])
  await notes.forgetTarget(await notes.read(), { volumeId: A, path: TARGET })
  expect((await notes.read()).targetsOf(A)).toEqual([])
  expect((await notes.read()).stagedOf(A)).toBeDefined()
  await notes.forgetStaged(await notes.read(), A)
  expect(held.size).toBe(0)
})

test.each(['no path -', '/dev/vdiskc', '/dev/vdiskc xyz', '/dev/vdiskc - more', ' /dev/vdiskc -'])(
  'a note that says %j is not understood, and not taken for none',
  text => {
    const read = new NotesRead(new Map([[encodeURIComponent(A), text]]))
    expect(() => read.stagedOf(A)).toThrow(expect.objectContaining({ kind: 'internal' }))
  },
)

test('options are told apart, in whatever they differ but read-only', () => {
  const digests = [
    [],
    ['noatime'],
    ['noatime', 'nodev'],
    ['nodev', 'noatime'],
    ['noatime,nodev'],
  ].map(digestOptions)
  expect(new Set(digests).size).toBe(5)
  expect(digestOptions(['ro', 'noatime', 'rw'])).toBe(digestOptions(['noatime']))
  expect(digestOptions(['ro'])).toBe('-')
  expect(digestOptions(['noatime'])).toMatch(/^[0-9a-f]{32}$/)
})

test.each([
  'noatime',
  'data=ordered',
  '0day',
  '_netdev',
  'context="system_u:object_r:tmp_t:s0:c127,c456"',
  'fscontext="a"',
  'rootcontext="a"',
  'defcontext="a"',
  'loops',
  'offsets=1',
  'rwx=1',
])('%s is a mount option', option => {
  expect(() => checkMountOptions('volume a', ['noatime', option])).not.toThrow()
})

test.each([
  { option: '', says: 'is not a mount option' },
  { option: 'a,b', says: 'is not a mount option' },
  { option: '-a', says: 'is not a mount option' },
  { option: 'a b', says: 'is not a mount option' },
  { option: 'xcontext="a"', says: 'is not a mount option' },
  { option: 'context="a"b', says: 'is not a mount option' },
  { option: 'context="a,b" c', says: 'is not a mount option' },
  { option: 'context="a",loop="b"', says: 'is not a mount option' },
  { option: 'remount', says: 'is not allowed for a volume' },
  { option: 'loop=/dev/loop0', says: 'is not allowed for a volume' },
  { option: 'nouuid', says: 'is not allowed for a volume' },
  { option: 'X-mount.mkdir', says: 'is not allowed for a volume' },
  { option: 'verity.hashdevice=/a', says: 'is not allowed for a volume' },
  { option: 'ro=recursive', says: 'is not allowed for a volume' },
  { option: 'rw=recursive', says: 'is not allowed for a volume' },
])('the option "$option" $says, wherever it stands', ({ option, says }) => {
  for (const options of [[option], ['noatime', option], ['context="a"', option]]) {
    expect(() => checkMountOptions('volume a', options)).toThrow(
      expect.objectContaining({ kind: 'invalid-argument', message: expect.stringContaining(says) }),
    )
  }
})
