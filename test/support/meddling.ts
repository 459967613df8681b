// What else happens to a simulated installation while the driver works: faults, other people's
// commands, looks at what is there.

import type { SimFault } from '../../sim/host.ts'
import { leafOfAttachmentName } from '../../src/storage/names.ts'
import type { TestInstallation } from './installation.ts'

/** Meets the next command that begins with these words. */
export function meetOnce({ world }: TestInstallation, words: string, fault: SimFault): void {
  const { rules } = world.timeline
  const rule: (typeof rules)[number] = argv => {
    if (!argv.join(' ').startsWith(words)) return undefined
    rules.splice(rules.indexOf(rule), 1)
    return fault
  }
  rules.push(rule)
}

/** Looks at the world before each command that is about to be run. */
export function watch({ world }: TestInstallation, look: (command: string) => void): void {
  world.timeline.rules.push(argv => {
    look(argv.join(' '))
    return undefined
  })
}

/** Names of the exports and disks that a machine has of a volume. */
export function onMachine(
  { world }: TestInstallation,
  machine: string,
  leaf: string,
): readonly string[] {
  return world
    .machine(machine)
    .state()
    .domains.flatMap(({ vds, vdisks }) => [...vds.flatMap(({ volumes }) => volumes), ...vdisks])
    .map(({ name }) => name)
    .filter(name => leafOfAttachmentName(name) === leaf)
}

/** Whether a guest has any disk whose bytes answer. */
export function reaches({ world }: TestInstallation, guest: string): boolean {
  const [machine = '', name = ''] = guest.split('/')
  const disks = world.machine(machine).guestDisks(name).list()
  return disks.some(disk => disk.activeServiceDomain() !== undefined)
}

/** A command that somebody else types on a host. */
export async function byHand(
  { world }: Pick<TestInstallation, 'world'>,
  host: string,
  command: string,
): Promise<void> {
  const outcome = await world.host(host).perform(command.split(' '), '')
  expect(outcome).toMatchObject({ kind: 'exit', answer: { exitStatus: 0 } })
}

/** Something that happens just before the next command of these words takes effect. */
export function justBefore(
  { world }: TestInstallation,
  words: string,
  run: () => Promise<unknown>,
): void {
  const [path = '', ...rest] = words.split(' ')
  const program = path.slice(path.lastIndexOf('/') + 1)
  let isDue = true
  for (const host of world.hosts.values()) {
    const original = host.programs.get(program)
    if (original === undefined) continue
    host.programs.set(program, async (args, context) => {
      if (isDue && args.join(' ').startsWith(rest.join(' '))) {
        isDue = false
        await run()
      }
      return original(args, context)
    })
  }
}
