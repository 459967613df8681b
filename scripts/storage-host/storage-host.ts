// The machine with the real OpenZFS on which the storage tests run: built once for each version,
// into a cache outside the work tree.

import { join } from 'node:path'
import {
  buildMachine,
  describeMachine,
  installPackages,
  isBuilt,
  type MachineBuild,
} from '../debian-machine/debian-machine.ts'

/** The suite of Debian 12 that has the version. */
const SUITES = { '2.1': 'bookworm', '2.3': 'bookworm-backports' } as const

export type OpenZfsVersion = keyof typeof SUITES

export const OPENZFS_VERSIONS: readonly OpenZfsVersion[] = ['2.1', '2.3']

/** To boot the machine, and to give its volumes to this one as block devices. */
const PACKAGES = [
  'qemu-system-x86',
  'openssh-client',
  'cpio',
  'libnbd-bin',
  'fuse3',
  'e2fsprogs',
  'xfsprogs',
  'util-linux',
]

export interface StorageHostFiles {
  readonly kernel: string
  readonly initrd: string
}

/** The versions that are still to be built. */
export function missingStorageHosts(): readonly OpenZfsVersion[] {
  return OPENZFS_VERSIONS.filter(version => !isBuilt(buildOf(version)))
}

/** Builds the machine if it is missing, and installs what booting it needs. Root on Debian 12. */
export async function buildStorageHost(version: OpenZfsVersion): Promise<StorageHostFiles> {
  await installPackages(PACKAGES)
  const directory = await buildMachine(buildOf(version))
  return { kernel: join(directory, 'vmlinuz'), initrd: join(directory, 'initrd') }
}

/** What was built, in the words of its packages. */
export function describeStorageHost(version: OpenZfsVersion): string {
  return describeMachine(buildOf(version))
}

const buildOf = (version: OpenZfsVersion): MachineBuild => ({
  kind: 'storage-host',
  variant: version,
  directory: import.meta.dirname,
  words: [SUITES[version]],
})
