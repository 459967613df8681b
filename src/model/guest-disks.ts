// What a user may ask for the disk of a guest: the guest, a path in it, the disk number. Pure.

/** Linux has no letters for a disk above this number (sunvdc, source). */
export const LARGEST_DISK_NUMBER = 700

/** PATH_MAX of Linux without the final zero; that of Solaris is smaller. NAME_MAX of both. */
const LONGEST_PATH = 4095
const LONGEST_NAME = 255

/**
 * Kernel file systems, directories that the guest boots from or runs programs of, root's own files,
 * and the node plugin's notes and staging paths. A raw disk may be published below /dev. As RE2
 * reads them, too: the definition of GuestDisk has the same.
 */
export const SYSTEM_PATHS: readonly string[] = [
  '^/(dev|var|var/lib)$',
  '^/(boot|bin|sbin|lib[0-9A-Za-z_]*|devices|kernel|platform)(/|$)',
  '^/(run|proc|sys|system|etc|usr|root)(/|$)',
  '^/var/(adm|cron|log|mail|run|sadm|spool|svc|tmp)(/|$)',
  '^/var/lib/(ldom-csi/(used|volumes|staging)|dpkg|rpm|systemd)(/|$)',
]
const SYSTEMS = SYSTEM_PATHS.map(path => new RegExp(path))

/** Where the guest gets the disk. Undefined for a boot disk, which is only attached. */
export function pathOf(spec: {
  readonly mountPath?: string | undefined
  readonly devicePath?: string | undefined
}): string | undefined {
  return spec.mountPath ?? spec.devicePath
}

export function reasonAgainstGuest(guest: string): string | undefined {
  const isGuest = /^[^\s/|=]+\/[^\s/|=]+$/.test(guest)
  return isGuest ? undefined : `${JSON.stringify(guest)} is not <machine>/<guest>`
}

export function isPlainPath(path: string): boolean {
  const [first, ...parts] = path.split('/')
  return (
    first === '' &&
    parts.length > 0 &&
    parts.every(part => part !== '' && part !== '.' && part !== '..' && !/[\s\p{Cc}]/u.test(part))
  )
}

/**
 * Why nothing can be mounted at the path, or undefined. No guest accepts a path that is too long:
 * that would fail only after the volume is created and attached.
 */
export function reasonAgainstPath(path: string): string | undefined {
  if (!isPlainPath(path)) {
    return (
      `${JSON.stringify(path)} is not an absolute path below "/"; it may have no ".", no "..", ` +
      'no white space and no needless slash'
    )
  }
  if (SYSTEMS.some(expression => expression.test(path))) {
    return (
      `${JSON.stringify(path)} belongs to the guest's system; mount elsewhere, as below /srv ` +
      'or /export'
    )
  }
  const isTooLong =
    Buffer.byteLength(path) > LONGEST_PATH ||
    path.split('/').some(part => Buffer.byteLength(part) > LONGEST_NAME)
  if (!isTooLong) return undefined
  const allowed = `${LONGEST_PATH} bytes are allowed, ${LONGEST_NAME} for each name in it`
  return `the path ${path.slice(0, 60)}… has ${Buffer.byteLength(path)} bytes; ${allowed}`
}
