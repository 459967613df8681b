// Disk specifications on xl's command line: keys, or positions with the old prefixes (recorded:
// 05-attach-errors.txt, 07-file-and-loop.txt). Other keys are refused.

import { TEXTS } from './texts.ts'

export interface ParsedSpec {
  readonly target: string
  readonly vdev: string
  readonly access: 'r' | 'w'
  readonly format: string
  readonly wantsQdisk: boolean
}

const ACCESS: ReadonlyMap<string, 'r' | 'w'> = new Map([
  ['rw', 'w'],
  ['w', 'w'],
  ['ro', 'r'],
  ['r', 'r'],
])
const FORMATS = ['raw', 'qcow', 'qcow2', 'vhd', 'qed']
const POSITIONS = ['target', 'format', 'vdev', 'access'] as const
/** With a prefix there is no format between target and vdev. */
const OLD_POSITIONS = ['target', 'vdev', 'access'] as const

/** A text is what xl complains. */
export function parseDiskSpec(words: readonly string[]): ParsedSpec | string {
  const spec = words.join(',')
  const keys = spec.includes('=') ? keysOf(spec) : positionsOf(spec)
  if (typeof keys === 'string') return keys
  const access = ACCESS.get(keys.get('access') ?? 'rw')
  const format = keys.get('format') ?? 'raw'
  if (access === undefined) return TEXTS.wrongValue('access', keys.get('access') ?? '', spec)
  if (!FORMATS.includes(format)) return TEXTS.wrongValue('format', format, spec)
  const vdev = keys.get('vdev')
  if (vdev === undefined) return TEXTS.noVdev(spec)
  const wantsQdisk = keys.get('backendtype') === 'qdisk'
  return { target: keys.get('target') ?? '', vdev, access, format, wantsQdisk }
}

const KEYS = ['format', 'vdev', 'access', 'backendtype']

/** `target=` takes the rest. */
function keysOf(spec: string): ReadonlyMap<string, string> | string {
  const at = spec.search(/(^|,)target=/)
  const before = at < 0 ? spec : spec.slice(0, at)
  const keys = new Map<string, string>()
  for (const part of before.split(',').filter(word => word !== '')) {
    const [key = '', value = ''] = [
      part.slice(0, part.indexOf('=')),
      part.slice(part.indexOf('=') + 1),
    ]
    if (!KEYS.includes(key)) return `the simulation does not know ${key} in a disk specification\n`
    keys.set(key, value)
  }
  if (at >= 0) keys.set('target', spec.slice(at).replace(/^,?target=/, ''))
  return keys
}

function positionsOf(spec: string): ReadonlyMap<string, string> {
  const plain = spec.replace(/^(phy|file|tap2?|aio|tapdisk|ioemu):/, '')
  const names = plain === spec ? POSITIONS : OLD_POSITIONS
  return new Map(plain.split(',').map((word, index) => [names[index] ?? 'more', word]))
}
