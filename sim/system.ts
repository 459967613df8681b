// Programs that every Solaris host has and that belong to none of the simulated subsystems.

import type { SimAnswer, SimHost } from './host.ts'
import type { SimMachine } from './ldom/sim-machine.ts'

/** uname(1): what tells a Solaris host from others. A host with pools has its own. */
export function addUname(host: SimHost): void {
  if (host.programs.has('uname')) return
  host.programs.set('uname', args => {
    if (args.join(' ') !== '-s -r') return refusal('uname: unsupported arguments in the simulation')
    return success('SunOS 5.11')
  })
}

/**
 * svcprop(1) for the one property of the Logical Domains Manager's service that is asked for (`ldm`
 * administration guide, documented).
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
