// Mount options that no guest takes for a volume, whatever its platform. One table for those who
// promise a volume and those who mount it.

import { StorageError } from '../errors.ts'

// They become one word after -o: a comma would start another option, and some options undo what
// this driver promises. mount(8) makes a loop device for some, which outlives the mount. What it
// keeps for itself (`X-`, `verity.`) is not for a volume.
const FORBIDDEN_PREFIX = /^(X-|verity\.|r[ow]=)/
// The labels of SELinux have commas; quotes make one option of them (mount(8)).
const SELINUX_OPTION = /^(fs|def|root)?context="[A-Za-z0-9_.:,-]+"$/
const FORBIDDEN_OPTIONS = new RegExp(
  '^(remount|bind|rbind|move|loop|offset|sizelimit|encryption|helper|discard|nouuid|' +
    'norecovery|noload|overlay)(=|$)',
)

/** Throws `invalid-argument` for the first of them; `object` is what the message names. */
export function checkMountOptions(object: string, options: readonly string[]): void {
  for (const option of options) {
    if (SELINUX_OPTION.test(option)) continue
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.:@%+/=-]*$/.test(option)) {
      throw new StorageError(
        'invalid-argument',
        `${object}: ${JSON.stringify(option)} is not a ` + 'mount option',
      )
    }
    if (FORBIDDEN_OPTIONS.test(option) || FORBIDDEN_PREFIX.test(option)) {
      throw new StorageError(
        'invalid-argument',
        `${object}: the mount option ${option} is not ` + 'for a volume',
      )
    }
  }
}
