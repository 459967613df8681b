// A guest as a program in it sees its files: through the simulator, or, where the guest's mounts
// are real ones of this machine, through the file system itself.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Simulation } from './simulation.ts'

export interface DemoGuest {
  readonly id: string
  write(path: string, text: string): Promise<void>
  read(path: string): Promise<string>
  /** The mount of a path, as the guest's own mount table has it. */
  mountAt(path: string): Promise<{ readonly source: string; readonly type: string } | undefined>
  /** What a guest that lost power has lost besides its disks. */
  losePower(): Promise<void>
}

export function simulatedGuest(simulation: Simulation, id: string): DemoGuest {
  return {
    id,
    write: async (path, text) =>
      void (await simulation.ask({ op: 'guest-write', guest: id, path, text })),
    read: async path => String((await simulation.ask({ op: 'guest-file', guest: id, path })).text),
    mountAt: async path =>
      (await simulation.state()).guests[id]?.mounts.find(mount => mount.path === path),
    losePower: async () => {}, // the simulator does that
  }
}

/** `directory` holds everything that is mounted for this guest. */
export function realGuest(id: string, directory: string): DemoGuest {
  const table = () =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map(line => line.split(' '))
      .filter(fields => fields[4]?.startsWith(`${directory}/`))
      .map(fields => ({
        path: fields[4] ?? '',
        type: fields.at(-3) ?? '',
        source: fields.at(-2) ?? '',
      }))
  return {
    id,
    write: async (path, text) => writeFileSync(path, text, { flush: true }),
    read: async path => readFileSync(path, 'utf8'),
    mountAt: async path => table().find(mount => mount.path === path),
    losePower: async () => {
      for (const { path } of table().reverse()) execFileSync('umount', [path])
    },
  }
}
