// Names in zfs commands and in their complaints.

export const ZFS = '/usr/sbin/zfs'
export const ZPOOL = '/usr/sbin/zpool'

// A name must never become an option, whatever the layers above allow.
export function checkName(name: string): string {
  if (!/^[A-Za-z]/.test(name)) throw new Error(`not a ZFS name: ${JSON.stringify(name)}`)
  return name
}

/**
 * Splits standard error into the requested datasets that are reported missing and the rest of the
 * text.
 */
export function splitMissing(
  stderr: string,
  asked: ReadonlySet<string>,
): { missing: ReadonlySet<string>; rest: string } {
  const missing = new Set<string>()
  const rest: string[] = []
  for (const line of stderr.split('\n')) {
    const name = /^cannot open '(.+)': dataset does not exist$/.exec(line)?.[1]
    if (name !== undefined && asked.has(name)) missing.add(name)
    else if (line.trim() !== '') rest.push(line)
  }
  return { missing, rest: rest.join('\n') }
}
