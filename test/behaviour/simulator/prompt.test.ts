// The prompt on a simulated guest: what a person sees of the volumes in it.

import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { demoWorld } from '../../../sim/preset.ts'
import { runPrompt } from '../../../sim/prompt.ts'
import { createWorld, type World } from '../../../sim/world.ts'

const DEVICE = '/dev/zvol/dsk/mtank/kubernetes/v'

async function type(world: World, host: string, lines: readonly string[]): Promise<string> {
  const output = new PassThrough()
  const input = Readable.from(lines.map(line => `${line}\n`))
  await runPrompt({ input, output, isTerminal: false }, world.hosts, host)
  output.end()
  return text(output)
}

async function mountedWorld(): Promise<World> {
  const world = createWorld(demoWorld())
  await type(world, 'm1-primary', [
    'zfs create -s -V 64m mtank/kubernetes/v',
    `ldm add-vdsdev ${DEVICE} v@primary-vds0`,
    'ldm add-vdisk v v@primary-vds0 ldg2',
    'use m1-ldg2',
    'mkfs.ext4 -q /dev/vdiska',
    'mkdir -p /mnt/v',
    'mkdir -p /mnt/again',
    'mount -t ext4 -o rw /dev/vdiska /mnt/v',
  ])
  world.guest('m1/ldg2').writeFile('/mnt/v/data/a.txt', 'hello\n')
  world.guest('m1/ldg2').writeFile('/mnt/v/b.txt', '')
  return world
}

test('the prompt on a guest shows its mounted volumes, and a read-only mount as such', async () => {
  const world = await mountedWorld()

  const said = await type(world, 'm1-ldg2', [
    'mount --bind /mnt/v /mnt/again',
    'mount -o remount,ro,bind /mnt/again',
    'mounts',
  ])

  expect(said).toContain('/dev/vdiska on /mnt/v type ext4 (rw)\n')
  expect(said).toContain('/dev/vdiska on /mnt/again type ext4 (ro)\n')
})

test.each([
  { path: '/', shown: ['6 /mnt/v/data/a.txt', '0 /mnt/v/b.txt'] },
  { path: '/mnt/v', shown: ['6 /mnt/v/data/a.txt', '0 /mnt/v/b.txt'] },
  { path: '/mnt/v/data/', shown: ['6 /mnt/v/data/a.txt'] },
  { path: '/mnt/v/b.txt', shown: ['0 /mnt/v/b.txt'] },
  { path: '/mnt/v/da', shown: [] },
  { path: '/mnt/again', shown: [] },
])('the prompt on a guest lists the files in $path', async ({ path, shown }) => {
  const said = await type(await mountedWorld(), 'm1-ldg2', [`files ${path}`])

  expect(said.match(/\d+ \/.+/g) ?? []).toEqual(shown)
  expect(said.includes(`no files of mounted volumes in ${path}\n`)).toBe(shown.length === 0)
})

test('files under a mount that covers them are not listed', async () => {
  const world = await mountedWorld()
  world.guest('m1/ldg2').coverWithOwn('/mnt/v/data')

  expect(await type(world, 'm1-ldg2', ['files /'])).not.toContain('a.txt')
})

test('files without an absolute path, and a volume that gives errors, are said', async () => {
  const world = await mountedWorld()
  const said = await type(world, 'm1-ldg2', ['files mnt'])
  world.guest('m1/ldg2').failFileSystem('/mnt/v', 'shut-down')

  expect(said).toContain('files: name an absolute path')
  expect(await type(world, 'm1-ldg2', ['files /'])).toContain('/mnt/v: Input/output error\n')
})

test('help names these commands on a guest, and on no other host', async () => {
  const world = createWorld(demoWorld())

  expect(await type(world, 'm1-ldg2', ['mounts', 'help'])).toMatch(
    /no volume is mounted\n[\s\S]*files PATH/,
  )
  expect(await type(world, 'm1-primary', ['help'])).not.toContain('files PATH')
})
