// Simulated dd(1) on a host: copies between devices, standard input and standard output. What it
// cannot do is an error, so that status 0 always means that the bytes were copied.

import { randomBytes } from 'node:crypto'
import { DeviceError, type DeviceErrorCode, type SimDevice } from './devices.ts'
import type { SimAnswer, SimHost } from './host.ts'

/** Texts of strerror on Solaris; Linux differs only for EIO and EBUSY. */
const ERRORS: Readonly<Record<DeviceErrorCode, string>> = {
  EBUSY: 'Device busy',
  EIO: 'I/O error',
  ENXIO: 'No such device or address',
  EROFS: 'Read-only file system',
  ENOENT: 'No such file or directory',
}

const OPERANDS = ['if', 'of', 'bs', 'count', 'skip', 'seek', 'iseek', 'oseek', 'conv']
// Every write is complete and on its disk at once, and a device has no end to cut.
const CONVERSIONS = ['notrunc', 'fsync', 'fdatasync']
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }
const MOST_BYTES = 256 * 1024 ** 2

interface Copy {
  readonly from: string | undefined
  readonly to: string | undefined
  readonly blockBytes: number
  readonly count: number | undefined
  readonly skip: number
  readonly seek: number
}

/** An argument that dd, or this one, does not take. */
class Refusal extends Error {}

export function dd(host: SimHost, args: readonly string[], input: string): SimAnswer {
  let path = ''
  try {
    const copy = parseOperands(args)
    path = copy.from ?? 'standard input'
    const bytes = read(host, copy, Buffer.from(input, 'utf8'))
    path = copy.to ?? 'standard output'
    if (copy.to !== undefined) write(host, copy, bytes)
    const stdout = copy.to === undefined ? bytes.toString('utf8') : ''
    return { exitStatus: 0, stdout, stderr: records(bytes.length, copy.blockBytes) }
  } catch (error) {
    if (error instanceof Refusal) return failure(1, error.message)
    if (error instanceof RangeError) return failure(2, `unexpected end of ${path}`)
    if (!(error instanceof DeviceError)) throw error
    return failure(2, `${path}: open: ${ERRORS[error.code]}`)
  }
}

function parseOperands(args: readonly string[]): Copy {
  const operands = new Map<string, string>()
  for (const word of args) {
    const [, key = '', value = ''] = /^(\w+)=(.+)$/.exec(word) ?? []
    if (!OPERANDS.includes(key)) throw new Refusal(`bad argument: "${word}"`)
    operands.set(key, value)
  }
  const conversions = operands.get('conv')?.split(',') ?? []
  const stranger = conversions.find(each => !CONVERSIONS.includes(each))
  if (stranger !== undefined) throw new Refusal(`conv=${stranger} is not simulated`)
  const numberOf = (...keys: readonly string[]) => {
    const key = keys.find(each => operands.has(each))
    return key === undefined ? undefined : parseNumber(key, operands.get(key) ?? '')
  }
  const blockBytes = numberOf('bs') ?? 512
  if (blockBytes === 0) throw new Refusal('bad numeric argument: "bs=0"')
  return {
    from: operands.get('if'),
    to: operands.get('of'),
    blockBytes,
    count: numberOf('count'),
    skip: numberOf('skip', 'iseek') ?? 0,
    seek: numberOf('seek', 'oseek') ?? 0,
  }
}

function parseNumber(key: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+)([kmg]?)$/i.exec(text) ?? []
  const value = Number(digits) * (UNITS[unit.toLowerCase()] ?? 1)
  if (!Number.isSafeInteger(value)) throw new Refusal(`bad numeric argument: "${key}=${text}"`)
  return value
}

/** Standard input, /dev/null and a device without a count end by themselves. */
function read(host: SimHost, copy: Copy, input: Buffer): Buffer {
  const { from, blockBytes, count, skip } = copy
  const start = skip * blockBytes
  const length = count === undefined ? undefined : count * blockBytes
  if (from === undefined || from === '/dev/null') {
    const whole = from === undefined ? input : Buffer.alloc(0)
    return whole.subarray(start, length === undefined ? undefined : start + length)
  }
  if (from === '/dev/zero' || from === '/dev/urandom') {
    if (length === undefined) throw new Refusal(`${from} has no end; say count=`)
    checkAmount(length)
    return from === '/dev/zero' ? Buffer.alloc(length) : randomBytes(length)
  }
  return withDevice(host, from, device => {
    const wanted = length ?? device.sizeBytes - start
    checkAmount(wanted)
    return device.read(start, wanted)
  })
}

// Where there is no device the real program would create a regular file. Here it fails, so that
// nothing can rely on that.
function write(host: SimHost, { to = '', seek, blockBytes }: Copy, bytes: Buffer): void {
  if (to === '/dev/null') return
  withDevice(host, to, device => device.write(seek * blockBytes, bytes))
}

function withDevice<T>(host: SimHost, path: string, work: (device: SimDevice) => T): T {
  const device = host.device(path)
  if (device === undefined) throw new DeviceError('ENOENT', path)
  const close = device.open('dd')
  try {
    return work(device)
  } finally {
    close()
  }
}

function checkAmount(bytes: number): void {
  if (bytes > MOST_BYTES) throw new Refusal('more than 256 MiB at once are not simulated')
}

function records(bytes: number, blockBytes: number): string {
  const partial = bytes % blockBytes === 0 ? 0 : 1
  const said = `${Math.floor(bytes / blockBytes)}+${partial} records`
  return `${said} in\n${said} out\n`
}

function failure(exitStatus: number, text: string): SimAnswer {
  return { exitStatus, stdout: '', stderr: `dd: ${text}\n` }
}
