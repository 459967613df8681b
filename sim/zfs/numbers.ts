// Numbers and dates as the zfs commands print and read them.

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E']
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** At most five characters: `200M`, `1.98G`, `12K` (source: zfs_nicenum). */
export function formatSize(bytes: number): string {
  let unit = 0
  while (bytes >= 1024 ** (unit + 1) && unit < UNITS.length - 1) unit += 1
  const suffix = UNITS[unit] ?? ''
  const value = bytes / 1024 ** unit
  if (Number.isInteger(value)) return `${value}${suffix}`
  for (const digits of [2, 1]) {
    const text = `${value.toFixed(digits)}${suffix}`
    if (text.length <= 5) return text
  }
  return `${value.toFixed(0)}${suffix}`
}

/** `Sat Nov 21 03:26 2026`, in UTC. */
export function formatDate(ms: number): string {
  const date = new Date(ms)
  const two = (value: number, fill = '0') => String(value).padStart(2, fill)
  const day =
    `${WEEKDAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ` +
    `${two(date.getUTCDate(), ' ')}`
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())} ${date.getUTCFullYear()}`
}

/**
 * Parses a size with an optional unit letter, or returns zfs's complaint (zfs_nicestrtonum,
 * recorded).
 */
export function parseSize(
  text: string,
): { readonly bytes: number } | { readonly complaint: string } {
  const [, digits, suffix = ''] = /^(\d+(?:\.\d+)?)(.*)$/s.exec(text) ?? []
  if (digits === undefined) return { complaint: `bad numeric value '${text}'` }
  const unit = suffix === '' ? 0 : UNITS.indexOf(suffix.replace(/i?b$/i, '').toUpperCase())
  if (unit < 0) return { complaint: `invalid numeric suffix '${suffix}'` }
  const bytes = Number(digits) * 1024 ** unit
  if (bytes >= 2 ** 64) return { complaint: 'numeric value is too large' }
  return { bytes: Math.floor(bytes) }
}
