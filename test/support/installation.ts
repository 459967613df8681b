// The driver on a simulated installation in one process: composed exactly as the real one, only the
// shells lead into the simulation and time passes when somebody waits. `driver()` is a driver that
// has just started and remembers nothing.

import { stringify } from 'yaml'
import type { SimHost } from '../../sim/host.ts'
import { demoWorld } from '../../sim/preset.ts'
import { SimShell } from '../../sim/sim-shell.ts'
import { createWorld, type World, type WorldOptions } from '../../sim/world.ts'
import type { WorldSpec } from '../../sim/world-spec.ts'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import type { Surroundings } from '../../src/bin/compose/hosts.ts'
import { composeInstallation, type Installation } from '../../src/bin/compose/installation.ts'
import type { Clock } from '../../src/clock.ts'
import { parseControllerConfig } from '../../src/config/config.ts'
import { GuestVolumes } from '../../src/guest/guest-volumes.ts'
import { VIO, XEN } from '../../src/guest/linux/bus.ts'
import { LinuxPlatform } from '../../src/guest/linux/linux.ts'
import { SolarisPlatform } from '../../src/guest/solaris/solaris.ts'
import { silentLog } from '../../src/log.ts'
import { parseGuestId } from '../../src/model/ids.ts'
import { type GuestId, MiB, type VolumeSpec } from '../../src/model/volumes.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import { LocalShell } from '../../src/shell/local.ts'
import type { Shell } from '../../src/shell/shell.ts'
import { audit } from '../../src/storage/audit/audit.ts'
import type { Finding } from '../../src/storage/audit/known.ts'

/** Time that passes only while somebody waits for it. */
export class LeapingClock implements Clock {
  #nowMs = Date.UTC(2026, 10, 21)
  /**
   * Otherwise whoever sleeps is only woken by his signal: a test of many at once that no time
   * passes for.
   */
  leaps = true

  nowMs(): number {
    return this.#nowMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (!this.leaps) {
      return new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
      )
    }
    this.#nowMs += ms
    await new Promise(resolve => setImmediate(resolve))
  }
}

export interface TestInstallation {
  readonly world: World
  readonly clock: Clock
  /** Each host is reached through the shell that `open` makes for it. */
  driver(open?: (host: SimHost) => Shell): Driver
  /** The node plugin's work in one guest, started anew. */
  node(guestId: string): GuestVolumes
}

export interface Driver extends Omit<Installation, 'stop'> {
  audit(): Promise<readonly Finding[]>
}

/**
 * With a directory the volumes are files in it, and with real block devices the disks of Linux
 * guests are those of this machine.
 */
export function install(
  change: (spec: WorldSpec) => WorldSpec = spec => spec,
  bytes: Omit<WorldOptions, 'nowMs'> = {},
  clock: Clock = new LeapingClock(),
): TestInstallation {
  const spec = change(demoWorld())
  const world = createWorld(spec, { ...bytes, nowMs: () => clock.nowMs() })
  const config = parseControllerConfig(stringify(configurationOf(spec)), 'controller.yaml')
  const surroundings = (open: (host: SimHost) => Shell): Surroundings => ({
    openShell: host => ({ shell: open(world.host(host.name)), close: () => {} }),
    log: silentLog,
    clock,
  })
  return {
    world,
    clock,
    driver: (open = host => new SimShell(host)) => {
      const installation = composeInstallation(config, surroundings(open))
      return { ...installation, audit: () => audit(installation.pools) }
    },
    node: guestId => {
      const {
        platform,
        machine,
        host,
        kernelRoot: root,
      } = world.guests.get(guestId) ?? missing(guestId)
      const reached = createHost({
        changes: ALL_CHANGES,
        name: guestId,
        shell: root === undefined ? new SimShell(host) : new LocalShell(),
        clock,
      })
      return new GuestVolumes({
        platform:
          platform === 'linux'
            ? new LinuxPlatform({
                shell: reached.shell,
                root,
                bus: world.xenMachines.has(machine) ? XEN : VIO,
              })
            : new SolarisPlatform(reached.shell),
        host: reached,
        clock,
      })
    },
  }
}

function missing(guestId: string): never {
  throw new Error(`no guest ${guestId} in the simulated installation`)
}

function configurationOf(spec: WorldSpec): object {
  return {
    cluster: 'test',
    hosts: Object.fromEntries(Object.keys(spec.hosts).map(name => [name, { local: true }])),
    machines: Object.fromEntries([
      ...Object.entries(spec.xenMachines).map(([name, { controlDomain }]) => [
        name,
        { hypervisor: 'xen', controlDomain },
      ]),
      ...Object.entries(spec.machines).map(([name, { controlDomain, serviceDomains }]) => [
        name,
        {
          controlDomain,
          serviceDomains: Object.fromEntries(
            Object.entries(serviceDomains).map(([domain, { host }]) => [domain, host]),
          ),
          saveConfiguration: false,
        },
      ]),
    ]),
    guests: [
      ...Object.entries(spec.machines).flatMap(([machine, { guests }]) =>
        Object.entries(guests).map(([match, { platform }]) => ({ machine, match, platform })),
      ),
      ...Object.entries(spec.xenMachines).flatMap(([machine, { guests }]) =>
        Object.keys(guests).map(match => ({ machine, match, platform: 'linux' })),
      ),
    ],
    pools: spec.pools,
  }
}

export function volumeSpec(change: Partial<VolumeSpec> = {}): VolumeSpec {
  return {
    name: 'pvc-1',
    pool: 'silver',
    size: { requiredBytes: 16 * MiB, limitBytes: 0 },
    format: { kind: 'filesystem', type: 'any' },
    parameters: {},
    mutable: {},
    source: { kind: 'empty' },
    machines: [],
    ...change,
  }
}

export function attachRequest(
  volumeId: string,
  guest: string | GuestId = 'm1/ldg2',
  change: Partial<Parameters<Driver['attachments']['attach']>[0]> = {},
) {
  return {
    volumeId,
    guest: typeof guest === 'string' ? parseGuestId(guest) : guest,
    mode: 'rw' as const,
    sharing: 'exclusive' as const,
    format: { kind: 'filesystem', type: 'any' } as const,
    ...change,
  }
}
