// Machines: the hypervisor of the configured kind, and what keeps its changes over a power cycle.

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
  /** Takes up what an earlier process left unsaved. */
  resume(): Promise<void>
  /** Saves what is not saved yet. Never fails: it is logged. */
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

/** `host` is the one that the configuration calls the control domain. */
export function composeMachine(config: MachineConfig, parts: Parts): ComposedMachine {
  return HYPERVISORS[config.hypervisor](config, parts)
}

function composeLdoms(
  { name, saveConfiguration }: MachineConfig,
  { host, cluster, log, clock }: Parts,
): ComposedMachine {
  const prefix = saveConfiguration ? savedPrefix(cluster) : undefined
  // The saver takes its turn among the machine's writes, and the machine tells it of each: one has
  // to come first.
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
