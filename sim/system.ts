// Programs of Solaris hosts that belong to no simulated subsystem.

import type { SimAnswer, SimHost } from './host.ts'
import type { SimMachine } from './ldom/sim-machine.ts'

/**
 * uname(1), by which the driver tells a Solaris host from others. On a host with pools the ZFS
 * simulation has added one already, and it stays.
 */
export function addUname(host: SimHost): void {
  if (host.programs.has('uname')) return
  host.programs.set('uname', args => {
    if (args.join(' ') !== '-s -r') return refusal('uname: unsupported arguments in the simulation')
    return success('SunOS 5.11')
  })
}

/**
 * svcprop(1) for the one property of the Logical Domains Manager's service that the driver reads
 * (documented: administration guide of `ldm`).
 */
export function addServiceProperties(host: SimHost, machine: SimMachine): void {
  host.programs.set('svcprop', args => {
    if (args.join(' ') !== '-p ldmd/autorecovery_policy ldmd') {
      return refusal('svcprop: unsupported arguments in the simulation')
    }
    return success(String(machine.settings.autorecoveryPolicy))
  })
}

function success(line: string): SimAnswer {
  return { exitStatus: 0, stdout: `${line}\n`, stderr: '' }
}

function refusal(line: string): SimAnswer {
  return { exitStatus: 2, stdout: '', stderr: `${line}\n` }
}
