// Creates machines: the hypervisor of the configured kind, and the saver that keeps changes over a
// power cycle.

import type { HypervisorKind, MachineConfig } from '../../config/config.ts'
import { describeError } from '../../errors.ts'
import type { Hypervisor } from '../../hypervisors/hypervisor.ts'
import { ConfigurationSaver } from '../../hypervisors/ldoms/configuration-saver.ts'
import { Ldm } from '../../hypervisors/ldoms/ldm.ts'
import { LdomMachine } from '../../hypervisors/ldoms/machine.ts'
import { savedPrefix } from '../../hypervisors/ldoms/saved-configurations.ts'
import type { Host } from '../../shell/host.ts'
import type { Surroundings } from './hosts.ts'

export interface ComposedMachine {
  readonly machine: Hypervisor
  /** Resumes what an earlier process left unsaved. */
  resume(): Promise<void>
  /** Saves unsaved changes. It never fails; an error is logged. */
  save(): Promise<void>
}

interface Parts extends Surroundings {
  readonly host: Host
  readonly cluster: string
}

const SAVE_AFTER_QUIET_MS = 15_000
const SAVE_AT_THE_LATEST_MS = 120_000

const HYPERVISORS: {
  readonly [K in HypervisorKind]: (config: MachineConfig, parts: Parts) => ComposedMachine
} = { ldoms: composeLdoms }

/** `host` is the configured control domain. */
export function composeMachine(config: MachineConfig, parts: Parts): ComposedMachine {
  return HYPERVISORS[config.hypervisor](config, parts)
}

function composeLdoms(
  { name, saveConfiguration }: MachineConfig,
  { host, cluster, log, clock }: Parts,
): ComposedMachine {
  const prefix = saveConfiguration ? savedPrefix(cluster) : undefined
  // The saver needs the machine's write turns, and the machine reports each write to the saver. One
  // must be created first.
  const machine = new LdomMachine({
    machine: name,
    host,
    clock,
    onChanged: () => saver?.changed(),
    savedPrefix: prefix,
  })
  const saver =
    prefix === undefined
      ? undefined
      : new ConfigurationSaver({
          machine: name,
          ldm: new Ldm(host.shell),
          clock,
          prefix,
          quietMs: SAVE_AFTER_QUIET_MS,
          maxDelayMs: SAVE_AT_THE_LATEST_MS,
          log,
          serialised: work => machine.serialised(work),
        })
  const save = async () => {
    saver?.stop()
    await saver
      ?.flush()
      .catch(error =>
        log.error({ machine: name, error: describeError(error) }, 'configuration not saved'),
      )
  }
  return { machine, save, resume: async () => saver?.resume() }
}
