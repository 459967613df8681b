// The recorded sessions of Xen, replayed in their order on the simulated machine: every command of
// xl and every listing of back ends gets the same answer, or is left out with a reason. What the
// driver reads of them, it understands (test/unit/xen-listing.test.ts).

import type { SimDevice } from '../../sim/devices.ts'
import { SimHost, Timeline } from '../../sim/host.ts'
import type { PhysicalDevice } from '../../sim/xen/model.ts'
import { SimXen, type SimXenGuest } from '../../sim/xen/sim-xen.ts'
import { comparable, type Entry, FILES, readTranscript, wordsOf } from './xen-transcript.ts'

const MiB = 1024 ** 2
const FILE = '/srv/f.img'

const PHYSICAL: Readonly<Record<string, PhysicalDevice>> = {
  '/dev/vg0/v1': { numbers: 'fd:1', path: '/dev/dm-1' },
  '/dev/vg0/v2': { numbers: 'fd:2', path: '/dev/dm-2' },
  '/dev/vg0/v1s': { numbers: 'fd:3', path: '/dev/dm-3' },
  '/dev/zvol/tank/z1': { numbers: 'e6:0', path: '/dev/zd0' },
  '/dev/zvol/tank/z2': { numbers: 'e6:10', path: '/dev/zd16' },
  '/dev/zvol/tank/x1': { numbers: 'e6:0', path: '/dev/zd0' },
  '/dev/loop7': { numbers: '7:7', path: '/dev/loop7' },
  '/srv/f.img': { numbers: '7:0', path: '/dev/loop0' },
}

/** Sizes that differ from 64 MiB, as the sessions changed them. */
const sizes = new Map<string, number>()

function machine(guests: readonly SimXenGuest[]) {
  const host = new SimHost('dom0', new Timeline())
  host.devices.push(path => (path in PHYSICAL && path !== FILE ? device(path) : undefined))
  const sim = new SimXen({
    name: 'x',
    controlHost: host,
    guests,
    physical: path => PHYSICAL[path] ?? { numbers: '0:0', path },
    isFile: path => path === FILE,
  })
  return { host, sim, reboot: sim.reboot('web') }
}

function device(path: string): SimDevice {
  return {
    get sizeBytes() {
      return sizes.get(path) ?? 64 * MiB
    },
    file: undefined,
    read: (_, length) => Buffer.alloc(length),
    write: () => {},
    open: () => () => {},
  }
}

type Machine = ReturnType<typeof machine>

const detachUnseen =
  (...words: readonly string[]) =>
  (at: Machine) =>
    run(at, ['xl', 'block-detach', ...words])

const rebootsOn = ({ reboot }: Machine) => reboot.next()

/**
 * What changed the machine without being recorded, before the entry with this number, or before a
 * command of it.
 */
const UNRECORDED: Readonly<Record<string, (at: Machine) => unknown>> = {
  '02-attach-detach.txt 21': detachUnseen('web', 'xvdc'),
  '03-detach-force.txt 8': ({ sim }) => {
    for (const disk of sim.guestDisks('web').list()) disk.holders.set('mount', undefined)
  },
  '05-attach-errors.txt 18': async at => {
    await run(at, ['xl', 'block-detach', 'web', 'xvdb'])
    await run(at, ['xl', 'block-detach', '--force', 'web', 'xvdb'])
  },
  '06-two-guests.txt 16': detachUnseen('web', 'xvdc'),
  '07-file-and-loop.txt 1': detachUnseen('web', 'xvdb'),
  '07-file-and-loop.txt 14': at => run(at, ['xl', 'block-attach', 'web', 'phy:/dev/loop7,xvdb,w']),
  '09-hotplug-timeout.txt 1': ({ sim }) => {
    sim.scriptHangs = true
  },
  '09-hotplug-timeout.txt 5': ({ sim }) => {
    sim.scriptHangs = false
  },
  // Other domains have had the ids below theirs.
  '16-order-and-modes.txt 1': ({ sim }) => {
    sizes.clear()
    sim.addGuest({ name: 'web', memoryMiB: 320 })
    for (let id = 2; id <= 9; id += 1) {
      sim.destroy('web')
      sim.create('web')
    }
    sim.addGuest({ name: 'db', memoryMiB: 320 })
  },
  '17-leaving.txt 4': detachUnseen('db', 'xvdr'),
  '15-reboot.txt 6': rebootsOn,
  '15-reboot.txt 7': rebootsOn,
  '15-reboot.txt 7.2': rebootsOn,
  '15-reboot.txt 8': rebootsOn,
  '15-reboot.txt 10': rebootsOn,
  '15-reboot.txt 12': rebootsOn,
}

/** Commands that the simulated machine has no program for, and what they do to it. */
const STEPS: readonly (readonly [RegExp, (at: Machine, words: readonly string[]) => unknown])[] = [
  [/^mount \/dev\/vg0\/v1 /, ({ sim }) => sim.mountedInControl.add('/dev/vg0/v1')],
  [/^umount \/mnt$/, ({ sim }) => sim.mountedInControl.clear()],
  [/^mkguest /, ({ sim }, [, guest = '']) => sim.create(guest)],
  [
    /^(lvextend|lvreduce) /,
    (_, words) =>
      sizes.set('/dev/vg0/v1', parseInt(words.find(word => /^\d+M$/.test(word)) ?? '', 10) * MiB),
  ],
  [/^zfs set volsize=128M/, () => sizes.set('/dev/zvol/tank/z1', 128 * MiB)],
  [/^(sleep \d+|udevadm settle)$/, () => {}],
]

const LEFT_OUT: readonly (readonly [RegExp, string])[] = [
  [/^xl (list -|vm-list|uptime|help|-N|info)/, 'for people; the driver reads only a line of it'],
  [/^\(sleep/, 'lists the store again and again, until a removal meets it'],
  [/xenstore-ls -fp/, 'prints permissions, which nobody reads'],
  [
    /losetup|lvs|blockdev|ls \/dev|ls -l|dmesg|^D=|zfs destroy|zfs rename/,
    'other programs of dom0',
  ],
]

interface Answer {
  readonly exitStatus: number
  readonly stdout: string
  readonly stderr: string
}

async function run({ host }: Machine, words: readonly string[]): Promise<Answer> {
  const outcome = await host.perform(words, '')
  if (outcome.kind !== 'exit') throw new Error(outcome.kind)
  return outcome.answer
}

/** Several commands after each other, some of them filtered; undefined if one is not simulated. */
async function replay(at: Machine, line: string, place: string): Promise<Answer | undefined> {
  let all: Answer = { exitStatus: 0, stdout: '', stderr: '' }
  const text = line.replace(/\$\(xl domid (\w+)\)/g, (_, name) => String(at.sim.domain(name)?.id))
  for (const [index, part] of text.split('; ').entries()) {
    await UNRECORDED[`${place}.${index + 1}`]?.(at)
    const [command = '', filter] = part.split(' | ')
    const words = wordsOf(command) ?? []
    const step = STEPS.find(([fits]) => fits.test(command))
    if (step !== undefined) {
      step[1](at, words)
      continue
    }
    if (!['xl', 'xenstore-ls'].includes(words[0] ?? '')) return undefined
    const answer = await run(at, words)
    const stdout = filtered(answer.stdout, filter)
    all = {
      // Of a pipe, the shell tells that of `grep`.
      exitStatus: filter === undefined ? answer.exitStatus : Number(stdout === ''),
      stdout: all.stdout + stdout,
      stderr: all.stderr + answer.stderr,
    }
  }
  return all
}

function filtered(stdout: string, filter: string | undefined): string {
  if (filter === undefined) return stdout
  const pattern = new RegExp(/^grep (?:-E )?"?(.*?)"?$/.exec(filter)?.[1] ?? '$^')
  const lines = stdout.split('\n').filter(line => line !== '' && pattern.test(line))
  return lines.map(line => `${line}\n`).join('')
}

const TWO: readonly SimXenGuest[] = [{ name: 'web' }, { name: 'db' }]

/** Sessions that were recorded on a machine that had just been booted. */
const BOOTED: Readonly<Record<string, readonly SimXenGuest[]>> = {
  '13-extra.txt': TWO,
  '14-half-detach.txt': [{ name: 'web', memoryMiB: 192 }],
  '16-order-and-modes.txt': [],
}
/** The guest has its first id in the fourth session, and another one since the third. */
const PLAYED = FILES.toSorted((a, b) => orderOf(a) - orderOf(b))

function orderOf(file: string): number {
  const number = Number(file.slice(0, 2))
  return number === 4 ? 2.5 : number
}

const isOfXen = ({ host, command }: Entry) => host === 'dom0' && /\bxl |xenstore-ls/.test(command)

async function differences(): Promise<{ compared: number; different: readonly string[] }> {
  let at = machine(TWO)
  let compared = 0
  const different: string[] = []
  for (const file of PLAYED) {
    const guests = BOOTED[file]
    if (guests !== undefined) at = machine(guests)
    for (const [index, entry] of readTranscript(file).entries()) {
      const place = `${file} ${index + 1}`
      await UNRECORDED[place]?.(at)
      if (entry.host !== 'dom0') continue
      const isLeftOut = LEFT_OUT.some(([fits]) => fits.test(entry.command))
      const answer = await replay(at, entry.command, place)
      if (isLeftOut || !isOfXen(entry)) continue
      compared += 1
      const real = [entry.status, comparable(entry.stdout), comparable(entry.stderr)]
      const simulated = answer && [
        answer.exitStatus,
        comparable(answer.stdout),
        comparable(answer.stderr),
      ]
      if (JSON.stringify(real) !== JSON.stringify(simulated)) {
        different.push(
          `${place}: ${entry.command}\n${real.join('\n')}\n--- simulated:\n${simulated?.join('\n')}`,
        )
      }
    }
  }
  return { compared, different }
}

test('the simulated machine answers as the recorded one did', async () => {
  const { compared, different } = await differences()

  expect(different).toEqual([])
  expect(compared).toBeGreaterThan(150)
})

test('what is left out has a reason, and is in a transcript', () => {
  const commands = FILES.flatMap(readTranscript).map(({ command }) => command)

  for (const [fits] of LEFT_OUT) expect(commands.some(command => fits.test(command))).toBe(true)
})
