// How QEMU is started for a Xen host: always in plain emulation, because Xen needs a whole machine.

import { bareMachine } from '../support/machines/qemu.ts'

export interface XenDisk {
  readonly file: string
  readonly serial: string
}

/** A port of 127.0.0.1 that leads to one of a domain. */
export interface Forward {
  readonly from: number
  readonly address: string
  readonly to: number
}

interface Parts {
  readonly hypervisor: string
  readonly kernel: string
  readonly initrd: string
  readonly console: string
  readonly memoryMiB: number
  readonly disks: readonly XenDisk[]
  readonly forwards: readonly Forward[]
}

const DOM0_MIB = 1024

// SMAP: QEMU 7.2 faults at an IRET in ring 3, and dom0 dies at once. Without the wide registers, which
// are emulated too, commands of dom0 take four fifths of the time.
const PROCESSOR = 'max,-smap,-smep,-pku,-avx,-avx2,-xsave'

// eager-fpu: with the lazy switching that comes with a plain spec-ctrl=no, QEMU 7.2 mixes up the
// registers of different processes, and programs compute garbage.
const HYPERVISOR_WORDS =
  `console=com1 com1=115200 dom0_mem=${DOM0_MIB}M,max:${DOM0_MIB}M ` +
  'spec-ctrl=no,eager-fpu=yes xpti=no smt=0 loglvl=warning guest_loglvl=warning'

const KERNEL_WORDS = 'console=hvc0 quiet panic=-1 mitigations=off random.trust_cpu=on'

/** The command line. */
export function machineArguments(parts: Parts): readonly string[] {
  const { hypervisor, kernel, initrd, console, memoryMiB, disks, forwards } = parts
  const ways = forwards.map(({ from, address, to }) => `${from}-${address}:${to}`)
  return [
    'qemu-system-x86_64',
    ...['-accel', 'tcg,thread=multi', '-cpu', PROCESSOR],
    ...bareMachine({ memoryMiB, console, forwards: ways }),
    ...['-kernel', hypervisor, '-append', HYPERVISOR_WORDS],
    ...['-initrd', `${kernel} ${KERNEL_WORDS},${initrd}`],
    ...disks.flatMap(diskArguments),
  ]
}

// Written through the page cache of this machine: what dom0 wrote outlives QEMU.
function diskArguments({ file, serial }: XenDisk): readonly string[] {
  const image = `if=none,id=${serial},file=${file},format=raw`
  return [
    ...['-drive', `${image},cache=writeback,discard=unmap,detect-zeroes=unmap`],
    ...['-device', `virtio-blk-pci,drive=${serial},serial=${serial}`],
  ]
}
