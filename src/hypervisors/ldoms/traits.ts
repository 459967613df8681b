// Properties of every machine with the Logical Domains Manager and of its guests' virtual disks,
// and the commands that a person would type there.

import type { Traits, Words } from '../hypervisor.ts'

/**
 * sunvdc stores the size in 32 bits of 512-byte sectors. A guest sees a larger disk modulo 2 TiB
 * (Linux source).
 */
const SUNVDC_LIMIT_BYTES = 2 ** 41 - 512

export const LDOM_TRAITS: Traits = {
  // Low numbers belong to the administrators. Linux guests cannot name a disk above 701
  // (`vdiskzz`).
  slots: { first: 100, count: 601 },
  largestDisk: platform =>
    platform === 'linux'
      ? {
          bytes: SUNVDC_LIMIT_BYTES,
          beyond:
            'would see a disk of 2 TiB or more modulo 2 TiB; use a Solaris guest or stay below ' +
            '2 TiB',
        }
      : undefined,
  // Linux does not refuse the removal of the disk that it runs from.
  refusesRemoval: platform => platform === 'solaris',
  keepsKeys: true,
  transitionHidesDisks: false,
  startsFromDisks: true,
  shapes: ['slice', 'full'],
  timeouts: true,
}

export const LDOM_WORDS: Words = {
  start: 'ldm bind, ldm start',
  stop: 'ldm stop',
  inspect: 'ldm list-bindings -p and its variables (nvramrc)',
  unlisted: '',
}
