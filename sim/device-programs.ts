// Simulated `test` and `dd`: the programs with which commands look at a host's devices.

import { DeviceError, type DeviceErrorCode } from './devices.ts'
import type { SimAnswer, SimHost } from './host.ts'

/** Texts of strerror on Solaris; Linux differs only for EIO and EBUSY. */
const ERRORS: Readonly<Record<DeviceErrorCode, string>> = {
  EBUSY: 'Device busy',
  EIO: 'I/O error',
  ENXIO: 'No such device or address',
  EROFS: 'Read-only file system',
  ENOENT: 'No such file or directory',
}

/** Adds the programs to a host that does not have them yet. */
export function addDevicePrograms(host: SimHost): void {
  if (!host.programs.has('test')) host.programs.set('test', args => test(host, args))
  if (!host.programs.has('dd')) host.programs.set('dd', (args, { input }) => dd(host, args, input))
}

function test(host: SimHost, args: readonly string[]): SimAnswer {
  const [flag = '', path = ''] = args
  if (args.length !== 2 || !['-b', '-c', '-e'].includes(flag)) {
    return { exitStatus: 2, stdout: '', stderr: 'test: unsupported arguments in the simulation\n' }
  }
  const exists =
    host.device(path) !== undefined && (flag === '-e' || flag === (isRaw(path) ? '-c' : '-b'))
  return { exitStatus: exists ? 0 : 1, stdout: '', stderr: '' }
}

function isRaw(path: string): boolean {
  return path.includes('/rdsk/')
}

function dd(host: SimHost, args: readonly string[], input: string): SimAnswer {
  const operands = new Map(
    args.map(
      word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const,
    ),
  )
  const known = ['if', 'of', 'bs', 'count', 'skip', 'seek', 'iseek', 'oseek']
  const stranger = [...operands.keys()].find(key => !known.includes(key))
  if (stranger !== undefined) return failure(1, `bad argument: "${stranger}"`)
  const blockBytes = Number(operands.get('bs') ?? 512)
  const count = Number(operands.get('count') ?? 1)
  const path = operands.get('if') ?? operands.get('of') ?? ''
  try {
    const device = host.device(path)
    // With `of=` the real program would create a regular file. Here it fails, so that nothing can
    // rely on that.
    if (device === undefined) throw new DeviceError('ENOENT', path)
    const close = device.open('dd')
    try {
      if (operands.has('if')) {
        const skip = Number(operands.get('skip') ?? operands.get('iseek') ?? 0)
        const bytes = device.read(skip * blockBytes, count * blockBytes)
        return { exitStatus: 0, stdout: bytes.toString('utf8'), stderr: records(count) }
      }
      const seek = Number(operands.get('seek') ?? operands.get('oseek') ?? 0)
      device.write(seek * blockBytes, Buffer.from(input, 'utf8').subarray(0, count * blockBytes))
      return { exitStatus: 0, stdout: '', stderr: records(count) }
    } finally {
      close()
    }
  } catch (error) {
    if (error instanceof RangeError) return failure(2, `unexpected end of ${path}`)
    if (!(error instanceof DeviceError)) throw error
    return failure(2, `${path}: open: ${ERRORS[error.code]}`)
  }
}

function records(count: number): string {
  return `${count}+0 records in\n${count}+0 records out\n`
}

function failure(exitStatus: number, text: string): SimAnswer {
  return { exitStatus, stdout: '', stderr: `dd: ${text}\n` }
}
