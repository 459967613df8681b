// Creates machines: the hypervisor of the configured kind, and the saver that keeps changes over a
// power cycle.

import type { MachineConfigOf } from '../../config/config.ts'
import type { HypervisorKind } from '../../config/hypervisors/hypervisors.ts'
import { describeError } from '../../errors.ts'
import type { Hypervisor } from '../../hypervisors/hypervisor.ts'
import { ConfigurationSaver } from '../../hypervisors/ldoms/configuration-saver.ts'
import { Ldm } from '../../hypervisors/ldoms/ldm.ts'
import { LdomMachine } from '../../hypervisors/ldoms/machine.ts'
import { savedPrefix } from '../../hypervisors/ldoms/saved-configurations.ts'
import { XenMachine } from '../../hypervisors/xen/machine.ts'
import { BLOCK_BACKEND, CONTROL_DOMAIN } from '../../hypervisors/xen/traits.ts'
import type { Host } from '../../shell/host.ts'
import { attachmentName, leafInDevice } from '../../storage/names.ts'
import type { Surroundings } from './hosts.ts'
import { lookUp } from './look-up.ts'

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

/** How a pool's path is served: the domain, its service, and the host that has the devices. */
interface ServedPath {
  readonly domain: string
  readonly service: string
  readonly host: string
}

/** The keys of a path in the configuration. */
interface PathKeys {
  readonly serviceDomain?: string | undefined
  readonly vds?: string | undefined
}

interface Composer<K extends HypervisorKind> {
  readonly machine: (config: MachineConfigOf<K>, parts: Parts) => ComposedMachine
  readonly path: (config: MachineConfigOf<K>, path: PathKeys) => ServedPath
}

const HYPERVISORS: { readonly [K in HypervisorKind]: Composer<K> } = {
  ldoms: {
    machine: composeLdoms,
    // The parser ensures both keys.
    path: ({ serviceDomains }, { serviceDomain = '', vds = '' }) => ({
      domain: serviceDomain,
      service: vds,
      host: lookUp(serviceDomains, serviceDomain),
    }),
  },
  xen: {
    machine: composeXen,
    path: ({ controlDomain }) => ({
      domain: CONTROL_DOMAIN,
      service: BLOCK_BACKEND,
      host: controlDomain,
    }),
  },
}

/** `host` is the configured control domain. */
export function composeMachine<K extends HypervisorKind>(
  config: MachineConfigOf<K>,
  parts: Parts,
): ComposedMachine {
  return HYPERVISORS[config.hypervisor].machine(config, parts)
}

export function servedPath<K extends HypervisorKind>(
  config: MachineConfigOf<K>,
  path: PathKeys,
): ServedPath {
  return HYPERVISORS[config.hypervisor].path(config, path)
}

// Xen keeps no names: what a disk is, its guest and its device say.
function composeXen(
  { name: machine }: MachineConfigOf<'xen'>,
  { host, clock }: Parts,
): ComposedMachine {
  const keyOf = (guest: string, device: string) => {
    const leaf = leafInDevice(device)
    return leaf === undefined ? undefined : attachmentName(leaf, { machine, guest })
  }
  const nothing = async () => {}
  return {
    machine: new XenMachine({ machine, host, clock, keyOf }),
    save: nothing,
    resume: nothing,
  }
}

function composeLdoms(
  { name, saveConfiguration }: MachineConfigOf<'ldoms'>,
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
