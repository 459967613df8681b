// What is so of every machine that the Logical Domains Manager splits and of the virtual disks of
// its guests, and what a person would type there.

import type { Traits, Words } from '../hypervisor.ts'

/**
 * sunvdc keeps the size in 32 bits of 512-byte sectors: a larger disk appears modulo 2 TiB (Linux
 * source).
 */
const SUNVDC_LIMIT_BYTES = 2 ** 41 - 512

export const LDOM_TRAITS: Traits = {
  // Low numbers are the administrators'; Linux guests cannot name a disk above 701 (`vdiskzz`).
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
  // Linux lets go of the disk that it runs from without a word.
  refusesRemoval: platform => platform === 'solaris',
}

export const LDOM_WORDS: Words = {
  start: 'ldm bind, ldm start',
  stop: 'ldm stop',
  inspect: 'ldm list-bindings -p and its variables (nvramrc)',
}
