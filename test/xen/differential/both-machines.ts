// One list of commands on the real Xen host and on the simulated one, from the same beginning: the
// guests web and db with the same ids and without disks, and some zvols.

import type { SimDevice } from '../../../sim/devices.ts'
import { SimHost, Timeline } from '../../../sim/host.ts'
import type { PhysicalDevice } from '../../../sim/xen/model.ts'
import { SimXen } from '../../../sim/xen/sim-xen.ts'
import { MiB } from '../../../src/model/volumes.ts'
import type { Command } from '../../../src/shell/shell.ts'
import { quote } from '../../../src/shell/ssh/ssh.ts'
import { ANSWERING, type Answer, parseAnswers } from '../../support/machines/answers.ts'
import { GUEST_MIB } from '../domains.ts'
import type { XenHost } from '../machine.ts'

export const PLAYERS = ['web', 'db'] as const
const PARENT = 'tank/differential'
const SIZE = 64 * MiB
export const DEVICES = ['v1', 'v2', 'v3'].map(name => `/dev/zvol/${PARENT}/${name}`)

/** What the real host has, and the simulated one is given. */
export interface Surroundings {
  /** Of the guests, in the order in which they were created. */
  readonly ids: ReadonlyMap<string, number>
  readonly physical: ReadonlyMap<string, PhysicalDevice>
}

export function shown(command: Command): string {
  return command
    .map(quote)
    .join(' ')
    .replace(/^\S*\//, '')
}

/** Answers at once; the commands of a sequence are chosen by what it has by then. */
export class SimulatedMachine {
  readonly xen: SimXen
  readonly #host = new SimHost('dom0', new Timeline())

  constructor({ ids, physical }: Surroundings) {
    this.#host.devices.push(path => (physical.has(path) ? DEVICE : undefined))
    this.xen = new SimXen({
      name: 'x1',
      controlHost: this.#host,
      guests: [],
      physical: path => physical.get(path) ?? { numbers: '', path },
    })
    for (const [name, id] of ids) this.#addGuest(name, id)
  }

  // Ids are given out one after the other.
  #addGuest(name: string, id: number): void {
    do this.xen.removeGuest(name)
    while (this.#added(name) < id)
  }

  #added(name: string): number {
    this.xen.addGuest({ name, memoryMiB: GUEST_MIB })
    return this.xen.domain(name)?.id ?? 0
  }

  async run(command: Command): Promise<Answer> {
    const outcome = await this.#host.perform(command, '')
    if (outcome.kind !== 'exit') throw new Error(`the simulated host answered ${outcome.kind}`)
    const { exitStatus: status, stdout, stderr } = outcome.answer
    return { status, stdout, stderr }
  }
}

const DEVICE: SimDevice = {
  sizeBytes: SIZE,
  file: undefined,
  read: (_, length) => Buffer.alloc(length),
  write: () => {},
  open: () => () => {},
}

/** Makes the zvols anew, and takes every disk from the guests. */
export async function prepare(host: XenHost): Promise<Surroundings> {
  for (const name of PLAYERS) {
    await host.root(`xl unpause ${name}`)
    const { stdout } = await host.root(`xl block-list ${name} | awk 'NR > 1 { print $1 }'`)
    for (const number of stdout.split('\n').filter(each => each !== '')) {
      await host.root(`xl block-detach ${name} ${number}`)
    }
  }
  await host.succeed(`udevadm settle; zfs destroy -R ${PARENT} 2>/dev/null; zfs create ${PARENT}`)
  const create = DEVICES.map(device => `zfs create -V ${SIZE} ${device.replace('/dev/zvol/', '')}`)
  await host.succeed([...create, 'udevadm settle'].join(' && '))
  const numbers = await host.succeed(`stat -L -c '%t:%T' ${DEVICES.join(' ')}`)
  const paths = await host.succeed(`readlink -f ${DEVICES.join(' ')}`)
  const ids = await host.succeed("xl list | awk 'NR > 2 { print $1, $2 }' | sort -n -k2")
  const [each, path] = [numbers.trim().split('\n'), paths.trim().split('\n')]
  return {
    ids: new Map(
      ids
        .trim()
        .split('\n')
        .map(line => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]),
    ),
    physical: new Map(
      DEVICES.map((device, at) => [device, { numbers: each[at] ?? '', path: path[at] ?? '' }]),
    ),
  }
}

/** Leaves nothing behind. */
export async function cleanUp(host: XenHost): Promise<void> {
  await prepare(host)
  await host.succeed(`udevadm settle; zfs destroy -R ${PARENT}`)
}

// Guests answer a change of their disks in their own time: before the next command both sides of
// all disks have come to rest.
const FUNCTIONS = `${ANSWERING}
states() { xenstore-ls -f /local/domain | grep '/vbd/.*/state = '; }
rest() {
  last=none
  until [ "$last" = "$(states)" ]; do last=$(states); sleep 1; done
}
run() { take "$@"; answer; }
change() { run "$@"; rest; }
`

const CHANGES: readonly string[] = ['block-attach', 'block-detach', 'unpause']

/** All commands in one go. */
export async function runOnRealMachine(
  host: XenHost,
  commands: readonly Command[],
): Promise<readonly Answer[]> {
  const lines = commands.map(command => {
    const how = CHANGES.includes(command[1] ?? '') ? 'change' : 'run'
    return `${how} ${command.map(quote).join(' ')}`
  })
  return parseAnswers(await host.succeed('sh -s', [FUNCTIONS, ...lines, ''].join('\n')))
}
