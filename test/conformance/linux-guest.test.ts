// Every command that was recorded on a real Linux is either answered alike by the simulated guest,
// line by line, or left out with a reason. An entry in neither list fails, and so does a reason
// that fits nothing.

import { readFileSync } from 'node:fs'
import { makeFileSystem, type Superblock, writeSuperblock } from '../../sim/guest/file-system.ts'
import { guestWorld, MiB, type TestDisk } from '../behaviour/guest/world.ts'

interface Entry {
  readonly command: string
  readonly output: string
  readonly status: number
}

function readTranscript(name: string): readonly Entry[] {
  const text = readFileSync(new URL(`../transcripts/${name}`, import.meta.url), 'utf8')
  const parts = text.split(/^\$ /m).slice(1)
  return parts.map(part => {
    const match = part.match(/^(.*)\n([\s\S]*?)\[rc=(\d+)\]\n/)
    if (!match) throw new Error(`no status in ${part}`)
    return { command: match[1] ?? '', output: match[2] ?? '', status: Number(match[3]) }
  })
}

interface LeftOut {
  readonly command: RegExp
  readonly reason: string
}

const UNUSED = 'the driver does not run it, so the simulated guest does not have it'
const LAYOUT = 'counts blocks of a real layout, which the simulated file systems do not have'

const LEFT_OUT_1: readonly LeftOut[] = [
  {
    command:
      /^(lsblk|findmnt|mountpoint|tune2fs|xfs_admin|xfs_repair|df|fstrim|blkdiscard|fsfreeze|fsck|fsck\.ext4) /,
    reason: UNUSED,
  },
  { command: /^blkid -o value /, reason: UNUSED },
  { command: /^fuser -vm /, reason: UNUSED },
  { command: /^e2fsck (-n|-f -p) /, reason: UNUSED },
  { command: /^stat -f /, reason: LAYOUT },
  {
    command: /^grep /,
    reason:
      'numbers of mounts and of devices are those of the machine; the row is a case of the parser',
  },
]

const LEFT_OUT_2: readonly LeftOut[] = [
  {
    command: /^grep /,
    reason:
      'numbers of mounts and of devices are those of the machine; the rows are cases of the parser',
  },
  {
    command: /^touch \/mnt\/t\/x$/,
    reason: 'names inside volumes are not simulated, only files written through the guest',
  },
  {
    command: /^ls -ld \/mnt\/node$/,
    reason: 'numbers and modes are those of the machine; the row is a case of the parser',
  },
  { command: /^e2fsck -p /, reason: LAYOUT },
]

const LEFT_OUT_3: readonly LeftOut[] = [
  {
    command: /^grep /,
    reason:
      'numbers of mounts and of devices are those of the machine; the rows are cases of the parser',
  },
  {
    command: /^touch /,
    reason: 'names inside volumes are not simulated, only files written through the guest',
  },
  { command: /^(e2fsck -p|stat -f) /, reason: LAYOUT },
]

const LEFT_OUT_4: readonly LeftOut[] = [
  {
    command: /^ls /,
    reason: 'names inside volumes are not simulated, only files written through the guest',
  },
]

const LEFT_OUT_5: readonly LeftOut[] = [
  {
    command: /^ls -ld .*\/a b /,
    reason:
      'the words of a command cannot be told from blanks in a name; it is a case of the parser',
  },
]

type World = ReturnType<typeof recordingWorld>

/** A guest with the disks and directories of the machine where the transcripts were recorded. */
function recordingWorld(physicalSectorBytes: number, disks: Readonly<Record<string, number>>) {
  const world = guestWorld('linux', { physicalSectorBytes })
  for (const path of ['b', 'e', 'x', 'c', 't', 'm']) world.guest.names.makeDirectory(`/mnt/${path}`)
  const byName = new Map<string, TestDisk>()
  for (const [index, [name, bytes]] of Object.entries(disks).entries()) {
    byName.set(name, world.addDisk(index, bytes))
  }
  return { ...world, byName }
}

async function perform(
  world: World,
  command: string,
): Promise<{ outputs: readonly string[]; status: number }> {
  // The transcripts show words without their quotes: those of a format belong together.
  const words = command.replace(/%S .* %d/, format => format.replaceAll(' ', '\u00a0')).split(' ')
  const outcome = await world.host.perform(
    words.map(word => word.replaceAll('\u00a0', ' ')),
    '',
  )
  if (outcome.kind !== 'exit') throw new Error(outcome.kind)
  const { stdout, stderr, exitStatus } = outcome.answer
  return {
    outputs: [`${stdout}${stderr}`, `${stderr}${stdout}`].map(comparable),
    status: exitStatus,
  }
}

/**
 * Without blank lines and runs of blanks, which differ by names and widths, and without what is new
 * in each run.
 */
function comparable(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/^(\/dev\/\w+:) +\d+ *$/m, '$1 PROCESS')
    .replace(/ copied, .*$/gm, ' copied')
    .replace(/^([dl]\S{9}) +\d+ .*? (\/\S+( -> \S+)?)$/gm, '$1 NUMBERS AND DATE $2')
    .split('\n')
    .map(line => line.replace(/\s+/g, ' ').trim())
    .filter(line => line !== '')
    .join('\n')
}

interface Replay {
  readonly transcript: string
  readonly leftOut: readonly LeftOut[]
  readonly world: () => World
  /** Text of the recording to text of the simulation. */
  readonly rename: (text: string) => string
  /** What happened on the machine besides, before the command; true when that is all of it. */
  readonly beside: (command: string, occurrence: number, world: World) => boolean
}

const ZVOLS = { e: 'vdiska', x: 'vdiskb', blank: 'vdiskc', ec: 'vdiskd', xc: 'vdiske' } as const
const ZVOL_NODES = { 0: 'vdiska', 16: 'vdiskb', 32: 'vdiskc', 48: 'vdiskd', 64: 'vdiske' } as const

function storageSide(command: string, world: World): boolean {
  const clone = command.match(/^zfs clone tank\/(\w+)@s tank\/(\w+)$/)
  const from = world.byName.get(clone?.[1] ?? '')
  if (clone?.[2] && from) {
    world.byName.set(clone[2], world.addDisk(clone[2] === 'ec' ? 3 : 4, from.store.copy()))
  }
  const grown = world.byName.get(command.match(/^zfs set volsize=600m tank\/(\w+)$/)?.[1] ?? '')
  if (grown) {
    grown.store.resize(600 * MiB)
    // The recorded kernel noticed by itself; this one reads a size only when a disk appears.
    const index = world.disks.disks.indexOf(grown)
    world.disks.disks.splice(index, 1)
    world.disks.tell('disks')
    world.disks.disks.splice(index, 0, grown)
    world.disks.tell('disks')
  }
  return /^zfs /.test(command)
}

let endProcess = () => {}

/** The images that the fourth recording begins with. */
function imageWorld(): World {
  const disk = 400 * MiB
  const world = recordingWorld(512, {
    0: disk,
    1: disk,
    2: disk,
    3: disk,
    4: disk,
    5: disk,
    6: disk,
    7: disk,
  })
  const image = (number: number, type: string, change: Partial<Superblock>) => {
    const region = world.byName.get(String(number))?.store
    if (region) {
      writeSuperblock(region, {
        ...makeFileSystem(region, type, type === 'xfs' ? 4096 : 1024),
        ...change,
      })
    }
  }
  image(0, 'ext4', { newer: true })
  image(1, 'ext4', {})
  image(2, 'xfs', { clean: false })
  image(5, 'ext4', { clean: false })
  image(6, 'ext4', {})
  image(7, 'xfs', { damaged: true })
  const held = world.byName.get('6')
  if (held) world.linux?.exclusive.add(held)
  return world
}

const REPLAYS: readonly Replay[] = [
  {
    transcript: 'linux-guest-tools.txt',
    leftOut: LEFT_OUT_1,
    world: () => recordingWorld(16_384, { e: 400 * MiB, x: 400 * MiB, blank: 400 * MiB }),
    rename: text =>
      text
        .replace(
          /\/dev\/zvol\/tank\/(ec|xc|e|x|blank)\b/g,
          (_, name: keyof typeof ZVOLS) => `/dev/${ZVOLS[name]}`,
        )
        .replace(
          /\/dev\/zd(\d+)\b/g,
          (_, minor: keyof typeof ZVOL_NODES) => `/dev/${ZVOL_NODES[minor]}`,
        ),
    beside: (command, occurrence, world) => {
      if (command.startsWith('mount --bind') && command.endsWith('/mnt/bdev')) {
        world.host.programs.get('touch')?.(['/mnt/bdev'], { input: '', host: world.host })
      }
      // Something had a file open when it was unmounted for the first time.
      if (command === 'umount /mnt/e') {
        if (occurrence === 1) endProcess = world.guest.holdOpen('/mnt/e/file')
        else endProcess()
      }
      if (command.startsWith('dd ')) world.byName.get('e')?.store.write(0, Buffer.alloc(4096))
      return storageSide(command, world) || command.startsWith('dd ')
    },
  },
  {
    transcript: 'linux-guest-tools-2.txt',
    leftOut: LEFT_OUT_2,
    world: () => recordingWorld(512, { a: 400 * MiB, x: 400 * MiB }),
    rename: text => text.replace(/loop0\b/g, 'vdiska').replace(/loop1\b/g, 'vdiskb'),
    beside: (command, occurrence, world) => {
      if (command.startsWith('mount -o bind /dev/')) {
        world.host.programs.get('touch')?.(['/mnt/node'], { input: '', host: world.host })
      }
      if (command === 'fuser /dev/loop0' && occurrence === 2) {
        endProcess = world.guest.holdOpen('/dev/vdiska')
      }
      if (command.startsWith('mkfs.xfs')) endProcess()
      return false
    },
  },
  {
    transcript: 'linux-guest-tools-3.txt',
    leftOut: LEFT_OUT_3,
    world: () => recordingWorld(512, { a: 400 * MiB, x: 400 * MiB }),
    rename: text => text.replace(/loop0\b/g, 'vdiska').replace(/loop1\b/g, 'vdiskb'),
    beside: (command, _occurrence, world) => {
      const failed = command.match(/^(mount -o remount,abort|xfs_io -x -c shutdown) (\S+)$/)
      if (failed?.[2]) {
        world.guest.failFileSystem(
          failed[2],
          failed[1] === 'mount -o remount,abort' ? 'turned-readonly' : 'shut-down',
        )
      }
      // What the left out e2fsck did.
      if (command.startsWith('mount -t ext4')) {
        world.host.programs.get('e2fsck')?.(['-p', '/dev/vdiska'], { input: '', host: world.host })
      }
      return failed !== null
    },
  },
  {
    transcript: 'linux-guest-tools-4.txt',
    leftOut: LEFT_OUT_4,
    world: imageWorld,
    rename: text =>
      text.replace(/loop(\d)\b/g, (_, number) => `vdisk${'abcdefgh'.charAt(Number(number))}`),
    beside: (command, _occurrence, world) => {
      // Where one thing is shown after another, the one before was taken away.
      if (command.startsWith('blockdev')) {
        world.host.programs.get('umount')?.(['/mnt/m'], { input: '', host: world.host })
      }
      if (command.startsWith('mkfs.xfs -q -m uuid')) {
        world.byName.get('2')?.store.write(0, Buffer.alloc(MiB))
      }
      return false
    },
  },
  {
    transcript: 'linux-guest-tools-5.txt',
    leftOut: LEFT_OUT_5,
    world: () => recordingWorld(512, { a: 400 * MiB }),
    rename: text => text.replace(/loop0\b/g, 'vdiska'),
    beside: (_command, occurrence, world) => {
      if (occurrence === 1) {
        const link = ['-s', '/dev/vdiska', '/mnt/link']
        world.host.programs.get('ln')?.(link, { input: '', host: world.host })
      }
      return false
    },
  },
]

test.each(REPLAYS)(
  '$transcript is answered by the simulated guest as it was recorded',
  async replay => {
    const world = replay.world()
    const seen = new Map<string, number>()
    for (const { command, output, status } of readTranscript(replay.transcript)) {
      const occurrence = (seen.get(command) ?? 0) + 1
      seen.set(command, occurrence)
      if (replay.leftOut.some(entry => entry.command.test(command))) continue
      if (replay.beside(command, occurrence, world)) continue

      const answered = await perform(world, replay.rename(command))

      const wanted = comparable(replay.rename(output))
      // The recording merged both outputs in the order of their writing, which nobody can tell
      // afterwards.
      const said = answered.outputs.includes(wanted) ? wanted : answered.outputs[0]
      expect({ command, occurrence, output: said, status: answered.status }).toEqual({
        command,
        occurrence,
        output: wanted,
        status,
      })
    }
  },
)

test.each(REPLAYS)(
  'every reason for leaving a command of $transcript out is needed',
  ({ transcript, leftOut }) => {
    const commands = readTranscript(transcript).map(({ command }) => command)

    expect(leftOut.filter(entry => !commands.some(command => entry.command.test(command)))).toEqual(
      [],
    )
  },
)
