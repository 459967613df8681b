// The image as it is built here: every program in it runs, as the user it is for, and nothing that
// only development needs is inside. Needs root (chroot), Debian's package lists, and `npm run build`.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SLOW_MS = 600_000
const ARCHIVE = 'build/ldom-csi-image.tar'

interface Manifest {
  readonly layers: readonly { readonly digest: string }[]
}

let work = ''
let root = ''
let digest = ''

const build = () => execFileSync('npm', ['run', 'image'], { encoding: 'utf8' })
const digestOf = (output: string) => output.match(/sha256:[0-9a-f]{64}/)?.[0] ?? 'none printed'
const readBlob = (name: string) =>
  readFileSync(join(work, 'layout/blobs/sha256', name.replace('sha256:', '')), 'utf8')
const inImage = (...words: string[]) =>
  execFileSync('/usr/sbin/chroot', ['--userspec=65532:65532', root, ...words], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin' },
  })

beforeAll(() => {
  if (process.getuid?.() !== 0) throw new Error('chroot needs root')
  work = mkdtempSync(join(tmpdir(), 'image-test-'))
  root = join(work, 'root')
  digest = digestOf(build())
  execFileSync('mkdir', ['-p', root, join(work, 'layout')])
  execFileSync('tar', ['-xf', ARCHIVE, '-C', join(work, 'layout')])
  for (const { digest: layer } of (JSON.parse(readBlob(digest)) as Manifest).layers) {
    const blob = join(work, 'layout/blobs/sha256', layer.replace('sha256:', ''))
    execFileSync('tar', ['-xzf', blob, '-C', root, '--keep-directory-symlink'])
  }
}, SLOW_MS)

afterAll(() => rmSync(work, { recursive: true, force: true }))

test('the driver answers as the user of the image', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(inImage('/usr/bin/ldom-csi', '--version').trim()).toBe(version)
})

test('every program of the list finds its libraries', () => {
  const programs = readFileSync('image/programs.txt', 'utf8')
    .split('\n')
    .filter(line => /^\/[a-z/]*bin\//.test(line))
    .map(line => line.split(/\s+/)[0] ?? '')
  expect(programs.length).toBeGreaterThan(30)
  for (const program of programs) {
    // 126 and 127: the program cannot be started, or a library is missing.
    const answer = inImage('/bin/sh', '-c', `${program} --version 2>&1; echo "status $?"`)
    expect(`${program}: ${answer}`).not.toMatch(/status 12[67]$/m)
    expect(answer).toMatch(/status \d+$/m)
  }
})

test('no simulator, no compiler, no package manager and no set-user-id program is inside', () => {
  const files = inImage('/usr/bin/find', '/usr', '/opt', '/etc', '-type', 'f')
  expect(files).toContain('/opt/ldom-csi/dist/bin/ldom-csi.js')
  const unwanted =
    /ldom-sim|node_modules\/(typescript|jest|@biomejs|node|npm)\/|\/(test|examples)\/|\/(dpkg|apt|npm|python3?|perl)$/m
  expect(files.match(unwanted)).toBeNull()
  expect(inImage('/usr/bin/find', '/', '-xdev', '-perm', '/6000')).toBe('')
})

test('the bill of materials names Node.js, the packages of npm and those of Debian', () => {
  const bill = readFileSync(join(root, 'usr/share/doc/ldom-csi/bom.cdx.json'), 'utf8')
  const { components } = JSON.parse(bill) as { components: { purl: string }[] }
  const purls = components.map(component => component.purl).join('\n')
  expect(purls).toMatch(/^pkg:generic\/nodejs@24\./m)
  expect(purls).toMatch(/^pkg:npm\/ssh2@/m)
  expect(purls).toMatch(/^pkg:deb\/debian\/libc6@/m)
  expect(bill).toBe(readFileSync('build/ldom-csi-image.cdx.json', 'utf8'))
})

test('the same commit makes the same image', () => expect(digestOf(build())).toBe(digest), SLOW_MS)
