// What the account of a test may do here.

import { readFileSync } from 'node:fs'

const CAP_SYS_RESOURCE = 24n // capability.h

/** A mounted ext4 grows only for a root with this capability, which some sandboxes withhold. */
export function growsMountedExt4(): boolean {
  const effective =
    readFileSync('/proc/self/status', 'utf8').match(/^CapEff:\s+([0-9a-f]+)$/m)?.[1] ?? '0'
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n
}
