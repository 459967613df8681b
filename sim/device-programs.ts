// Simulated `test` and `dd`: the programs with which commands look at a host's devices.

import { dd } from './dd.ts'
import type { SimAnswer, SimHost } from './host.ts'

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
