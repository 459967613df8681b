// The checks of `doctor` for a Xen machine. Are its domains and disks listed? Is there a rule for
// each guest? Did an attach leave something behind? Reads only.

import { attempt, type Check, ok, warn } from '../../checks.ts'
import type { Host } from '../../shell/host.ts'
import { type MachineQuestions, warnWithoutRule } from '../hypervisor.ts'
import { readXenState } from './reading.ts'
import { isConnected, type XenState } from './state.ts'
import { describe } from './view.ts'
import { Xl } from './xl.ts'

export interface ExaminedMachine {
  readonly machine: string
  readonly host: Host
}

export async function examineMachine(
  { machine, host }: ExaminedMachine,
  questions: MachineQuestions,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  const object = `machine ${machine}`
  const xl = new Xl(host.shell)
  const permission =
    `allow the account on ${host.name} to run xl and xenstore-ls ` + '(as root, or with a prefix)'
  return attempt(object, permission, async () => {
    const version = await xl.version({ signal })
    const state = await readXenState(xl, { signal })
    const { domains, disks } = state
    return [
      ok(object, `Xen ${version} lists ${domains.length} domains, ${disks.length} disks`),
      ...examineGuests(machine, questions, state),
      ...examineDisks(machine, state),
    ]
  })
}

function examineGuests(
  machine: string,
  { platformOf }: MachineQuestions,
  { guests }: XenState,
): readonly Check[] {
  return guests.flatMap(({ name, isControl, readiness }) => {
    const object = `guest ${machine}/${name}`
    if (isControl) return []
    const withoutRule = platformOf(name) === undefined ? [warnWithoutRule(object)] : []
    const notNow =
      readiness.kind === 'changing' || readiness.kind === 'unclear'
        ? [warn(object, `its disks cannot be changed: ${readiness.reason}`, 'see xl list')]
        : []
    return [...withoutRule, ...notNow]
  })
}

// A failed attach leaves its disk behind (xen/06, 09). The next call for its volume removes it.
function examineDisks(machine: string, { disks }: XenState): readonly Check[] {
  return disks
    .filter(disk => !isConnected(disk))
    .map(disk =>
      warn(
        `disk ${disk.label} of ${machine}/${disk.guest}`,
        `${disk.device ?? 'an unknown device'} ${describe(disk)}`,
        'look whether the guest runs; what the driver left goes when its volume is attached or ' +
          `detached again, anything else with xl block-detach ${disk.guest} ${disk.label}`,
      ),
    )
}
