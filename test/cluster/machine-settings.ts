// Control groups and kernel settings that kubelet needs or changes, and the way back.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { STATE } from './settings.ts'

const SAVED = join(STATE, 'sysctls.json')
// What kubelet sets, among them whether the machine stops at a defect of its kernel.
const SYSCTLS = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]
const sysctl = (key: string) => join('/proc/sys', key)

export function saveSysctls(): void {
  if (existsSync(SAVED)) return
  const values = SYSCTLS.map(key => [key, readFileSync(sysctl(key), 'utf8').trim()])
  writeFileSync(SAVED, JSON.stringify(Object.fromEntries(values)))
}

export function restoreSysctls(): void {
  if (!existsSync(SAVED)) return
  const values: Record<string, string> = JSON.parse(readFileSync(SAVED, 'utf8'))
  for (const [key, value] of Object.entries(values)) writeFileSync(sysctl(key), value)
  rmSync(SAVED)
}

function cgroupMounts(types: readonly string[]): readonly string[] {
  const rows = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  return rows
    .map(row => row.split(' '))
    .filter(([, , type = '']) => types.includes(type))
    .map(([, path = '']) => path)
}

export function createCgroup(name: string): void {
  for (const mount of cgroupMounts(['cgroup'])) {
    const directory = join(mount, name)
    mkdirSync(directory, { recursive: true })
    if (!existsSync(join(mount, 'cpuset.cpus'))) continue
    // A cpuset takes no process before it has processors and memory nodes.
    writeFileSync(join(directory, 'cgroup.clone_children'), '1')
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      writeFileSync(join(directory, file), readFileSync(join(mount, file)))
    }
  }
}

/** Every process in the group or below it. */
export function cgroupProcesses(name: string): readonly number[] {
  const found = cgroupMounts(['cgroup', 'cgroup2']).flatMap(mount =>
    directoriesBelow(join(mount, name)).flatMap(directory => processesIn(directory)),
  )
  return [...new Set(found)]
}

function processesIn(directory: string): readonly number[] {
  try {
    const lines = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n')
    return lines.filter(line => line !== '').map(Number)
  } catch {
    return [] // gone meanwhile
  }
}

// runc makes one in the unified hierarchy, too.
export function deleteCgroup(name: string): void {
  for (const mount of cgroupMounts(['cgroup', 'cgroup2'])) {
    for (const directory of directoriesBelow(join(mount, name)).toReversed()) rmdirSync(directory)
  }
}

/** The directory, then what is in it. */
function directoriesBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return []
  const names = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory())
  return [directory, ...names.flatMap(({ name }) => directoriesBelow(join(directory, name)))]
}
