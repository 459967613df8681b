// Brings a simulated installation into the state that an earlier version of the driver left, by the
// commands which that version ran. The reservation of three clones stands at the size of their
// snapshot: zfs refuses more, which the simulation of that time did not know.

import type { World } from '../../sim/world.ts'
import type { Command } from '../../src/shell/shell.ts'

/**
 * One line of a recording: a command with its exit status, what a program in a guest wrote, or an
 * answer that a caller keeps.
 */
export type Entry =
  | {
      readonly kind: 'command'
      readonly host: string
      readonly argv: Command
      readonly input?: string
      readonly status: number
    }
  | { readonly kind: 'file'; readonly guest: string; readonly path: string; readonly text: string }
  | {
      readonly kind: 'volume'
      readonly name: string
      readonly id: string
      readonly sizeBytes: number
      readonly context: Texts
    }
  | {
      readonly kind: 'attachment'
      readonly volumeId: string
      readonly guest: string
      readonly mode: 'rw' | 'ro'
      readonly sharing: 'exclusive' | 'shared'
      readonly context: Texts
    }
  | {
      readonly kind: 'staged'
      readonly volumeId: string
      readonly guest: string
      readonly stagingPath: string
      readonly targetPath?: string | undefined
    }
  | {
      readonly kind: 'snapshot'
      readonly name: string
      readonly volumeId: string
      readonly id: string
      readonly sizeBytes: number
    }

type Texts = Readonly<Record<string, string>>

export async function replay(world: World, recording: string): Promise<readonly Entry[]> {
  const entries = recording
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Entry)
  for (const entry of entries) {
    if (entry.kind === 'file') world.guest(entry.guest).writeFile(entry.path, entry.text)
    if (entry.kind !== 'command') continue
    const outcome = await world.host(entry.host).perform(entry.argv, entry.input ?? '')
    if (outcome.kind !== 'exit' || outcome.answer.exitStatus !== entry.status) {
      throw new Error(
        `${entry.host}: ${entry.argv.join(' ')} ended otherwise than recorded: ` +
          `${JSON.stringify(outcome)}`,
      )
    }
  }
  return entries
}
