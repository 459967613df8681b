// Mount options that no guest accepts for a volume, on any platform. The controller that accepts a
// volume and the guest that mounts it share this table.

import { StorageError } from '../errors.ts'

// All options become one word after -o, so a comma would start another option. Some options would
// break the driver's guarantees. For others mount(8) creates a loop device that outlives the mount.
// mount(8) reserves `X-` and `verity.` for itself.
const FORBIDDEN_PREFIX = /^(X-|verity\.|r[ow]=)/
// SELinux labels contain commas. Quotes make one option of them (mount(8)).
const SELINUX_OPTION = /^(fs|def|root)?context="[A-Za-z0-9_.:,-]+"$/
const FORBIDDEN_OPTIONS = new RegExp(
  '^(remount|bind|rbind|move|loop|offset|sizelimit|encryption|helper|discard|nouuid|' +
    'norecovery|noload|overlay)(=|$)',
)

/** Throws `invalid-argument` for the first rejected option. The message names `object`. */
export function checkMountOptions(object: string, options: readonly string[]): void {
  for (const option of options) {
    const reason = reasonAgainstOption(option)
    if (reason !== undefined) throw new StorageError('invalid-argument', `${object}: ${reason}`)
  }
}

export function reasonAgainstOption(option: string): string | undefined {
  if (SELINUX_OPTION.test(option)) return undefined
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.:@%+/=-]*$/.test(option)) {
    return `${JSON.stringify(option)} is not a mount option`
  }
  const isForbidden = FORBIDDEN_OPTIONS.test(option) || FORBIDDEN_PREFIX.test(option)
  return isForbidden ? `the mount option ${option} is not allowed for a volume` : undefined
}
