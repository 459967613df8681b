// The machine with the real Xen: a hypervisor, dom0 with OpenZFS, and what its guests boot. Built
// once, into a cache outside the work tree.

import { join } from 'node:path'
import {
  buildMachine,
  describeMachine,
  installPackages,
  isBuilt,
  type MachineBuild,
} from '../debian-machine/debian-machine.ts'

/** To boot the machine, and to reach it. */
const PACKAGES = ['qemu-system-x86', 'openssh-client', 'cpio']

export interface XenHostFiles {
  readonly hypervisor: string
  /** Of dom0. */
  readonly kernel: string
  readonly initrd: string
}

/** Whether it is still to be built. */
export function isXenHostMissing(): boolean {
  return !isBuilt(BUILD)
}

/** Builds the machine if it is missing, and installs what booting it needs. Root on Debian 12. */
export async function buildXenHost(): Promise<XenHostFiles> {
  await installPackages(PACKAGES)
  const directory = await buildMachine(BUILD)
  return {
    hypervisor: join(directory, 'xen'),
    kernel: join(directory, 'vmlinuz'),
    initrd: join(directory, 'initrd'),
  }
}

/** What was built, in the words of its packages. */
export function describeXenHost(): string {
  return describeMachine(BUILD)
}

const BUILD: MachineBuild = {
  kind: 'xen-host',
  variant: '4.17',
  directory: import.meta.dirname,
  words: [],
}
