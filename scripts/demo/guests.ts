// A guest's files as its programs see them. They are read through the simulator, or through this
// machine's file system if the guest's mounts are real.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Simulation } from './simulation.ts'

export interface DemoGuest {
  readonly id: string
  write(path: string, text: string): Promise<void>
  read(path: string): Promise<string>
  /** The mount at a path, from the guest's own mount table. */
  mountAt(path: string): Promise<{ readonly source: string; readonly type: string } | undefined>
  /** Removes what a guest loses with its power, besides its disks. */
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
    losePower: async () => {}, // the simulator unmounts
  }
}

/** Everything that is mounted for this guest is below `directory`. */
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
