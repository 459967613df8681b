// How QEMU is started for a storage host.

import { accessSync, constants, readFileSync } from 'node:fs'
import { bareMachine } from '../support/machines/qemu.ts'

export interface MachineDisk {
  readonly sizeBytes: number
  /** What the disk says of its sectors; 512 if absent. */
  readonly sectorBytes?: 512 | 4096
  /**
   * An image of its own place, which another machine may have open as well: a disk on a bus that
   * two hosts share. Absent: the disk is the machine's alone.
   */
  readonly file?: string
}

export interface MachinePorts {
  readonly driver: number
  readonly own: number
  readonly nbd: number
}

interface Parts {
  readonly kernel: string
  readonly initrd: string
  readonly console: string
  readonly memoryMiB: number
  readonly ports: MachinePorts
  readonly disks: readonly Required<MachineDisk>[]
}

/** The command line. */
export function machineArguments(parts: Parts): readonly string[] {
  const { kernel, initrd, console, memoryMiB, ports, disks } = parts
  const forwards = [
    [ports.driver, 22],
    [ports.own, 2200],
    [ports.nbd, 10809],
  ].map(([from, to]) => `${from}-:${to}`)
  return [
    'qemu-system-x86_64',
    ...(hasKvm() ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg', '-cpu', 'max']),
    ...bareMachine({ memoryMiB, console, forwards }),
    ...['-kernel', kernel, '-initrd', initrd],
    ...['-append', 'console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on'],
    ...disks.flatMap(diskArguments),
  ]
}

// Written through the page cache of this machine: what the storage host flushed, and what it only
// wrote, outlives QEMU. Without locks a second machine may have the same disk.
function diskArguments({ file, sectorBytes }: Required<MachineDisk>, at: number) {
  const image = `file.filename=${file},file.locking=off,format=raw`
  const sectors = `logical_block_size=${sectorBytes},physical_block_size=${sectorBytes}`
  return [
    '-drive',
    `if=none,id=disk${at},${image},cache=writeback,discard=unmap,detect-zeroes=unmap`,
    '-device',
    `virtio-blk-pci,drive=disk${at},serial=disk${at},${sectors}`,
  ]
}

// A machine that is itself a guest may have /dev/kvm and yet be unable to run a kernel in it. The
// processor's own word is the better sign.
function hasKvm(): boolean {
  if (!/^flags\s.*\s(vmx|svm)\s/m.test(readFileSync('/proc/cpuinfo', 'utf8'))) return false
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}
