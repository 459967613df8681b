// Parses the listings of stmfadm: blocks of `Key : value` lines. Solaris and illumos differ in
// keys, order and case (recorded and source). So lines are found by name, and unknown ones are
// ignored. A required key that is missing is an error.

import { StorageError } from '../errors.ts'

export interface LogicalUnit {
  readonly guid: string // upper case
  readonly status: string // Online, Offline, Onlining, Offlining, unregistered
  readonly dataFile: string // empty while unregistered
  readonly alias: string
  readonly sizeBytes: number // 0 while unregistered
  readonly writeCacheEnabled: boolean
  readonly viewCount: number
  readonly registered: boolean
}

export interface View {
  readonly entry: number
  readonly hostGroup: string
  readonly targetGroup: string
  readonly lun: number | 'auto'
}

/** Parses `stmfadm list-lu -v`; anything before the first unit is a login banner. */
export function parseLogicalUnits(text: string): readonly LogicalUnit[] {
  return blocks(text, 'lu name').map(({ id, values }) => {
    const object = `logical unit ${id}`
    if (!/^[0-9A-Fa-f]{32}$/.test(id)) {
      throw new StorageError(
        'internal',
        `stmfadm printed a logical unit without GUID: ${JSON.stringify(id)}`,
      )
    }
    const status = need(values, 'operational status', object)
    // A unit known only from a stored view has a status, a provider and its views; nothing else is
    // certain.
    const registered = !/^unregistered$/i.test(status)
    return {
      guid: id.toUpperCase(),
      status,
      dataFile: registered ? need(values, 'data file', object) : '',
      alias: values.get('alias') ?? '',
      sizeBytes: registered ? parseNumber(need(values, 'size', object), `size of ${object}`) : 0,
      writeCacheEnabled:
        registered &&
        parseSwitch(need(values, 'writeback cache', object), `writeback cache of ${object}`),
      viewCount: parseNumber(
        need(values, 'view entry count', object),
        `view entry count of ${object}`,
      ),
      registered,
    }
  })
}

/** Parses `stmfadm list-view -l`. */
export function parseViews(text: string): readonly View[] {
  return blocks(text, 'view entry').map(({ id, values }) => {
    const object = `view entry ${id}`
    const lun = need(values, 'lun', object)
    return {
      entry: parseNumber(id, 'view entry'),
      hostGroup: need(values, 'host group', object),
      targetGroup: need(values, 'target group', object),
      // Solaris 11 prints this if no number was given (recorded).
      lun: /^auto$/i.test(lun) ? 'auto' : parseNumber(lun, `LUN of ${object}`),
    }
  })
}

function blocks(
  text: string,
  opening: string,
): readonly { readonly id: string; readonly values: ReadonlyMap<string, string> }[] {
  const found: { id: string; values: Map<string, string> }[] = []
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([^:]+?)\s*:\s*(.*?)\s*$/.exec(line) ?? []
    if (key === undefined || value === undefined) {
      if (found.length > 0 && line.trim() !== '') {
        throw new StorageError(
          'internal',
          `stmfadm printed a line that is not "key : value": ${JSON.stringify(line)}`,
        )
      }
      continue
    }
    if (key.toLowerCase() === opening) found.push({ id: value, values: new Map() })
    // Keep the first value of a key: in a verbose listing, `Lun : 0 for <initiator>` lines follow
    // the view's own number (recorded).
    else if (!found.at(-1)?.values.has(key.toLowerCase())) {
      found.at(-1)?.values.set(key.toLowerCase(), value)
    }
  }
  return found
}

function need(values: ReadonlyMap<string, string>, key: string, object: string): string {
  const value = values.get(key)
  if (value === undefined) {
    throw new StorageError('internal', `stmfadm printed ${object} without "${key}"`)
  }
  return value
}

function parseNumber(text: string, what: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new StorageError('internal', `${what} is not a number: ${JSON.stringify(text)}`)
  }
  return value
}

function parseSwitch(text: string, what: string): boolean {
  if (/^enabled$/i.test(text)) return true
  if (/^disabled$/i.test(text)) return false
  throw new StorageError(
    'internal',
    `${what} is neither Enabled nor Disabled: ${JSON.stringify(text)}`,
  )
}
