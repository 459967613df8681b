// What the node plugin removes in a guest, and what it leaves: only what it can have made, and
// never what it could not look at.

import { type Entry, Paths, parseEntry } from '../../src/guest/paths.ts'
import type { Shell } from '../../src/shell/shell.ts'

const PATH = '/pods/1/mount'
const LS: Readonly<Record<string, string>> = {
  directory: `drwxr-xr-x 2 root root 4096 Nov 21 12:10 ${PATH}`,
  'an empty file': `-rw-r--r-- 1 root root 0 Nov 21 12:10 ${PATH}`,
  'a file of one byte': `-rw-r--r-- 1 root root 1 Nov 21 12:10 ${PATH}`,
  'a link': `lrwxrwxrwx 1 root root 9 Nov 21 12:10 ${PATH} -> /dev/vdiskc`,
  'a device': `brw-rw---- 1 root disk 7, 0 Nov 21 12:10 ${PATH}`,
  'a character device': `crw-rw---- 1 root disk 7, 12 Nov 21 12:10 ${PATH}`,
  'a pipe': `prw-r--r-- 1 root root 0 Nov 21 12:10 ${PATH}`,
  'a socket': `srwxr-xr-x 1 root root 0 Nov 21 12:10 ${PATH}`,
}

interface Answer {
  readonly stdout?: string
  readonly stderr?: string
  readonly exitStatus?: number
}

/** Answers by the beginning of the command; whatever else is asked succeeds. Keeps the writes. */
function guest(answers: Readonly<Record<string, Answer>>) {
  const writes: string[] = []
  const shell: Shell = {
    run: async (command, { effect }) => {
      const line = command.join(' ')
      if (effect === 'write') writes.push(line)
      const [, answer = {}] =
        Object.entries(answers).find(([beginning]) => line.startsWith(beginning)) ?? []
      return {
        exitStatus: answer.stderr === undefined ? 0 : 1,
        stdout: '',
        stderr: '',
        durationMs: 0,
        ...answer,
      }
    },
  }
  return { paths: new Paths(shell), writes }
}

const shows = (what: string) => guest({ '/bin/ls -ld': { stdout: `${LS[what]}\n` } })
const GONE = { stderr: `ls: cannot access ${PATH}: No such file or directory\n` }

test.each<{ what: string; entry: Entry }>([
  { what: 'directory', entry: { kind: 'directory' } },
  { what: 'an empty file', entry: { kind: 'file', sizeBytes: 0 } },
  { what: 'a file of one byte', entry: { kind: 'file', sizeBytes: 1 } },
  { what: 'a link', entry: { kind: 'link', target: '/dev/vdiskc' } },
  { what: 'a device', entry: { kind: 'device', numbers: '7:0' } },
  { what: 'a character device', entry: { kind: 'device', numbers: '7:12' } },
  { what: 'a pipe', entry: { kind: 'other' } },
  { what: 'a socket', entry: { kind: 'other' } },
])('$what is seen as what it is', async ({ what, entry }) => {
  expect(await shows(what).paths.readEntry(PATH)).toEqual(entry)
})

test.each([
  { what: 'directory', command: `/bin/rmdir ${PATH}` },
  { what: 'an empty file', command: `/bin/rm -f ${PATH}` },
  { what: 'a link', command: `/bin/rm -f ${PATH}` },
])('$what is removed by one command that takes nothing else along', async ({ what, command }) => {
  const { paths, writes } = shows(what)
  await paths.remove(PATH)
  expect(writes).toEqual([command])
})

test.each(['a file of one byte', 'a device', 'a character device', 'a pipe', 'a socket'])(
  '%s is not removed',
  async what => {
    const { paths, writes } = shows(what)
    await expect(paths.remove(PATH)).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining(PATH),
    })
    await paths.removeIfUnused(PATH)
    expect(writes).toEqual([])
  },
)

test.each([
  { stderr: `ls: cannot access ${PATH}: No such file or directory\n` },
  { stderr: `ls: ${PATH}: Not a directory\n` },
])('what is absent, as $stderr says, is removed already', async answer => {
  const { paths, writes } = guest({ '/bin/ls': answer })
  expect(await paths.readEntry(PATH)).toEqual({ kind: 'absent' })
  expect(await paths.list(PATH)).toBeUndefined()
  expect(await paths.listLinks(PATH)).toEqual(new Map())
  await paths.remove(PATH)
  await paths.removeIfUnused(PATH)
  expect(writes).toEqual([])
})

test('a directory that goes while it is removed is removed', async () => {
  const { paths } = guest({ '/bin/ls -ld': { stdout: `${LS.directory}\n` }, '/bin/rmdir': GONE })
  await paths.remove(PATH)
})

test.each([
  { says: 'Permission denied', kind: 'permission-denied' },
  { says: 'Not owner', kind: 'permission-denied' },
  { says: 'Input/output error', kind: 'unavailable' },
  { says: 'I/O error', kind: 'unavailable' },
  { says: 'Read-only file system', kind: 'failed-precondition' },
  { says: 'Stale file handle', kind: 'internal' },
])(
  'what cannot be looked at, as "$says" tells, is neither absent nor empty',
  async ({ says, kind }) => {
    const { paths, writes } = guest({ '/bin/': { stderr: `${PATH}: ${says}\n` } })
    const looks = [
      paths.readEntry(PATH),
      paths.list(PATH),
      paths.listLinks(PATH),
      paths.findEntry(PATH),
      paths.remove(PATH),
      paths.removeIfUnused(PATH),
    ]
    for (const look of looks) await expect(look).rejects.toMatchObject({ kind })
    await expect(paths.readText(PATH)).rejects.toMatchObject({ kind })
    expect(writes).toEqual([])
  },
)

test.each(['Directory not empty', 'File exists', 'Device or resource busy'])(
  'where a removal meets "%s" it fails',
  async says => {
    const { paths } = guest({
      '/bin/ls -ld': { stdout: `${LS.directory}\n` },
      '/bin/rmdir': { stderr: `rmdir: ${PATH}: ${says}\n` },
    })
    await expect(paths.remove(PATH)).rejects.toMatchObject({ kind: 'failed-precondition' })
  },
)

test('what was made fails where the guest refuses it, absence of its directory included', async () => {
  const { paths } = guest({ '/bin/': GONE })
  await expect(paths.ensureDirectory(PATH)).rejects.toMatchObject({ kind: 'not-found' })
  await expect(paths.ensureFile(PATH)).rejects.toMatchObject({ kind: 'not-found' })
  await expect(paths.createLink(PATH, '/dev/vdiskc')).rejects.toMatchObject({ kind: 'not-found' })
})

test('what is made is made by one write each', async () => {
  const { paths, writes } = guest({})
  await paths.ensureDirectory(PATH)
  await paths.ensureFile(PATH)
  await paths.createLink(PATH, '/dev/vdiskc')
  expect(writes).toEqual([
    `/bin/mkdir -p ${PATH}`,
    `/bin/touch ${PATH}`,
    `/bin/ln -s /dev/vdiskc ${PATH}`,
  ])
})

test.each([
  { listing: 'total 0\n', entry: undefined },
  { listing: 'Welcome\ntotal 4\n', entry: undefined },
  { listing: 'total 4\n-rw-r--r-- 1 root root 0 Nov 21 12:10 .hidden\n', entry: '.hidden' },
  {
    listing: 'total 4\ndrwxr-xr-t+ 2 root root 4096 Nov 21 12:10 lost+found\n',
    entry: 'lost+found',
  },
  { listing: 'total 0\nlrwxrwxrwx 1 root root 1 Nov 21 12:10 a -> b\n', entry: 'a -> b' },
])('a directory that lists $listing holds $entry', async ({ listing, entry }) => {
  const { paths, writes } = guest({
    '/bin/ls -ld': { stdout: `${LS.directory}\n` },
    '/bin/ls -lA': { stdout: listing },
  })
  expect(await paths.findEntry(PATH)).toBe(entry)
  await paths.removeIfUnused(PATH)
  expect(writes).toEqual(entry === undefined ? [`/bin/rmdir ${PATH}`] : [])
})

test.each(['an empty file', 'a link'])('%s that is not used is removed', async what => {
  const { paths, writes } = shows(what)
  await paths.removeIfUnused(PATH)
  expect(writes).toEqual([`/bin/rm -f ${PATH}`])
})

test('names of a directory are told without blank lines, and the text of a file as it is', async () => {
  const { paths } = guest({ '/bin/ls -1': { stdout: 'a\nb\n' }, '/bin/cat': { stdout: ' 1 \n' } })
  expect(await paths.list(PATH)).toEqual(['a', 'b'])
  expect(await paths.readText(PATH)).toBe(' 1 \n')
  expect(await guest({ '/bin/cat': GONE }).paths.readText(PATH)).toBeUndefined()
})

test('names of one listing are told each as what it is, absent and failed ones, too', async () => {
  const stdout = [
    'Welcome',
    'drwxr-xr-x 2 root root 40 Nov 29 19:36 /mnt/a b',
    'drwxr-xr-x 2 root root 40 Nov 29  2025 /mnt/e',
    'lrwxrwxrwx 1 root root 10 Nov 29 19:36 /mnt/link -> /dev/loop0',
    'brw-rw---- 1 root disk 7, 0 Nov 29 19:36 /mnt/node',
    'drwxr-xr-x 2 root root 40 Nov 29 19:36 /elsewhere/mnt/x',
  ].join('\n')
  const stderr = [
    "ls: cannot access '/mnt/no b': No such file or directory",
    'ls: cannot access "/mnt/it\'s": No such file or directory',
    '/mnt/solaris: No such file or directory',
    'ls: /mnt/e: Input/output error',
    "ls: cannot access '/mnt/xfs': Input/output error",
    "ls: cannot access '/mnt/secret': Permission denied",
    '',
  ].join('\n')
  const asked = ['a b', 'e', 'link', 'node', 'no b', "it's", 'solaris', 'xfs', 'secret', 'x']
  const { paths } = guest({ '/bin/ls -ld': { stdout, stderr, exitStatus: 2 } })
  const failed = { kind: 'failed', reason: 'answers with an I/O error' }

  expect(await paths.glance(asked.map(name => `/mnt/${name}`))).toEqual(
    new Map<string, unknown>([
      ['/mnt/a b', { kind: 'directory' }],
      ['/mnt/e', failed],
      ['/mnt/link', { kind: 'link', target: '/dev/loop0' }],
      ['/mnt/node', { kind: 'device', numbers: '7:0' }],
      ['/mnt/no b', { kind: 'absent' }],
      ["/mnt/it's", { kind: 'absent' }],
      ['/mnt/solaris', { kind: 'absent' }],
      ['/mnt/xfs', failed],
    ]),
  )
})

test('of a single name the error is its own, in whatever way it is written', async () => {
  const stderr = "ls: cannot access '/mnt/caf'$'\\303\\251': No such file or directory\n"
  const { paths } = guest({ '/bin/ls -ld': { stderr, exitStatus: 2 } })

  expect(await paths.glance(['/mnt/café'])).toEqual(new Map([['/mnt/café', { kind: 'absent' }]]))
  expect(await paths.glance(['/mnt/café', '/mnt/e'])).toEqual(new Map())
})

test('links are told with what they hold, and other lines are passed over', async () => {
  const stdout = [
    'Welcome',
    'total 0',
    'lrwxrwxrwx 1 root root 9 Nov 21 12:10 a%2Fb -> /dev/c d',
    LS.directory,
  ].join('\n')
  expect(await guest({ '/bin/ls -l': { stdout } }).paths.listLinks(PATH)).toEqual(
    new Map([['a%2Fb', '/dev/c d']]),
  )
})

test.each([
  'lrwxrwxrwx 1 root root 9 Nov 21 12:10 a',
  'lrwxrwxrwx 1 root root 9 Nov 21 12:10 a -> ',
])('the line "%s" of a link is not understood, and not passed over', async line => {
  await expect(
    guest({ '/bin/ls -l': { stdout: line } }).paths.listLinks(PATH),
  ).rejects.toMatchObject({ kind: 'internal' })
})

test.each([
  {
    what: 'a directory that can be looked at',
    answer: { stdout: `${LS.directory}\n` },
    failure: undefined,
  },
  {
    what: 'one that cannot',
    answer: { stderr: `${PATH}: Input/output error\n` },
    failure: 'answers with an I/O error',
  },
  {
    what: 'one that is shown beside an error, as ext4 does',
    answer: { exitStatus: 0, stdout: `${LS.directory}\n`, stderr: 'I/O error\n' },
    failure: 'answers with an I/O error',
  },
])('$what has the failure $failure', async ({ answer, failure }) => {
  expect(await guest({ '/bin/ls -ld': answer }).paths.findFailure(PATH)).toBe(failure)
})

test(
  'a mounted directory that cannot be looked at for another reason is no answer about its ' +
    'disk',
  async () => {
    await expect(guest({ '/bin/ls -ld': GONE }).paths.findFailure(PATH)).rejects.toMatchObject({
      kind: 'not-found',
    })
  },
)

test.each([
  `drwxr-xr-x 2 root root 4096 Nov 21 12:10 ${PATH}/below`,
  `drwxr-xr-x root root 4096 Nov 21 12:10 ${PATH}`,
  `?rwxr-xr-x 2 root root 4096 Nov 21 12:10 ${PATH}`,
  `drwx 2 root root 4096 Nov 21 12:10 ${PATH}`,
  '',
])('the line "%s" says nothing of the path', line => {
  expect(() => parseEntry(line, PATH)).toThrow(expect.objectContaining({ kind: 'internal' }))
})
