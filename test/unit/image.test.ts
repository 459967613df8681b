import { readdirSync, readFileSync } from 'node:fs'
import { parseContainerfile } from '../../scripts/image/containerfile.ts'

const containerfile = readFileSync('image/Containerfile', 'utf8')
const programs = new Set(
  readFileSync('image/programs.txt', 'utf8')
    .split('\n')
    .filter(line => line.startsWith('/'))
    .map(line => line.split(/\s+/)[0]),
)

const SOURCES = ['src/guest/linux/', 'src/guest/', 'src/shell/'].flatMap(directory =>
  readdirSync(directory)
    .filter(name => name.endsWith('.ts'))
    .map(name => directory + name),
)

/** Full paths of programs in the code, not in its comments. */
function programsOf(file: string): readonly string[] {
  const code = readFileSync(file, 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  return [...code.matchAll(/'(\/(?:usr\/)?s?bin\/[\w.]+)'/g)].map(match => match[1] ?? '')
}

test('the image holds every program that the node plugin of a Linux guest runs', () => {
  const named = SOURCES.flatMap(programsOf)
  expect(named).toEqual(expect.arrayContaining(['/sbin/mkfs.ext4', '/usr/sbin/xfs_growfs']))
  // fuser stands in one of two directories; Debian has it in /bin.
  const wanted = named.filter(path => path !== '/sbin/fuser')
  expect(wanted.filter(path => !programs.has(path))).toEqual([])
})

test('the image runs as nobody in particular, and its version is that of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(parseContainerfile(containerfile)).toEqual({
    Entrypoint: ['/usr/bin/ldom-csi'],
    User: '65532:65532',
    WorkingDir: '/',
    Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'NODE_ENV=production'],
    Labels: {
      'org.opencontainers.image.title': 'ldom-csi',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
  })
})

test('an instruction that the builder does not know is an error, not left out', () => {
  expect(() => parseContainerfile(`${containerfile}VOLUME /data\n`)).toThrow('VOLUME')
})
