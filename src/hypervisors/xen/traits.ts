// Properties of every Xen machine and of its guests' virtual disks, and the commands that a person
// would type there.

import type { Traits, Words } from '../hypervisor.ts'

/** The name of dom0 in listings, which serves every disk (xen/01-host.txt). */
export const CONTROL_DOMAIN = 'Domain-0'
/** The back end of dom0's kernel for block devices, as it is called in xenstore. */
export const BLOCK_BACKEND = 'vbd'

export const XEN_TRAITS: Traits = {
  // xvda to xvdp belong to the administrators, who name them in the domain's own configuration.
  // From xvdq on a number has room for 255 partitions (xen/05-attach-errors.txt).
  slots: { first: 16, count: 601 },
  // blkfront has the size in 64 bits of 512-byte sectors (recalled: xen-blkfront.c).
  largestDisk: () => undefined,
  // A mounted disk is removed at once, and what was not synced is lost (xen/12-detach-dirty.txt).
  refusesRemoval: () => false,
  keepsKeys: false,
  // A guest that reboots has no disk until xl gives it the former ones again (xen/15-reboot.txt).
  transitionHidesDisks: true,
  // A guest that is off is not listed, and gets no disk (xen/09-domains.txt).
  startsFromDisks: false,
  // A disk is a disk; a lone partition (`xvdb1`) is none (xen/05-attach-errors.txt).
  shapes: ['full'],
  timeouts: false,
}

export const XEN_WORDS: Words = {
  start: 'xl create',
  stop: 'xl shutdown',
  inspect: 'xl list and xl block-list',
  unlisted: ', and Xen lists only guests that run; start it (xl create) if it is off',
}
