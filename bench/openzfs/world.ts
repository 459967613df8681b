// What the driver and the raw commands share: a machine with the real OpenZFS, a simulated control
// domain, and the built controller between them.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { type Served, serve } from '../../sim/serve.ts'
import { completeWorld } from '../../sim/world-spec.ts'
import { type CsiClient, connect } from '../../src/csi/wire/client.ts'
import type { StorageMachine } from '../../test/openzfs/machine.ts'
import { sharedMachine } from '../../test/openzfs/shared.ts'
import { type Controller, startController } from '../processes.ts'
import { type Access, RawHost } from './raw.ts'

const POOL = 'tank'
export const PARENTS = { driver: `${POOL}/bench`, raw: `${POOL}/raw` } as const
/** The driver's own number (MAX_CONNECTIONS of the SSH shell). */
const CONNECTIONS = 3
const DEVICE_BYTES = 64 * 1024 ** 2

export interface BenchWorld {
  readonly machine: StorageMachine
  readonly storage: Access
  /** One connection to each host, for commands one at a time. */
  readonly one: Readonly<Record<'storage' | 'control', RawHost>>
  /** As many connections as the driver has. */
  readonly many: RawHost
  readonly controller: Controller
  readonly client: CsiClient
  end(): Promise<void>
}

export async function openWorld(program: {
  readonly script: string
  readonly nodeOptions: readonly string[]
}): Promise<BenchWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'zb-'))
  const machine = await sharedMachine()
  for (const parent of Object.values(PARENTS)) {
    await machine.succeed(
      `! zfs list ${parent} >/dev/null 2>&1 || zfs destroy -R ${parent}; zfs create ${parent}`,
    )
  }
  const served = await serve({ spec: spec(), directory, realBlockDevices: false })
  for (const host of served.world.hosts.values()) host.devices.push(deviceOf)
  const storage = machine.access()
  const control = writeConfiguration(directory, storage)
  const started = { ...program, isPod: false }
  const controller = await startController(directory, started, undefined)
  const client = connect(controller.endpoint)
  await answered(client)
  const one = {
    storage: await RawHost.open(storage, { directory: place(directory, 's'), connections: 1 }),
    control: await RawHost.open(control, { directory: place(directory, 'c'), connections: 1 }),
  }
  const many = await RawHost.open(storage, {
    directory: place(directory, 'm'),
    connections: CONNECTIONS,
  })
  return {
    ...{ machine, storage, one, many, controller, client },
    end: () =>
      end({ served, directory, controller, client, hosts: [one.storage, one.control, many] }),
  }
}

// The first connection to a busy machine may take longer than a command waits for it.
async function answered(client: CsiClient): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.controller.GetCapacity({})
      return
    } catch (error) {
      if (tries === 20) throw error
      await sleep(1_000)
    }
  }
}

function place(directory: string, name: string): string {
  return mkdtempSync(join(directory, name))
}

async function end(open: {
  readonly served: Served
  readonly directory: string
  readonly controller: Controller
  readonly client: CsiClient
  readonly hosts: readonly RawHost[]
}): Promise<void> {
  open.client.close()
  await open.controller.stop()
  for (const host of open.hosts) host.close()
  await open.served.stop()
  rmSync(open.directory, { recursive: true })
}

const HOSTS = { storage: 'm1-storage', control: 'm1-control' } as const

function spec() {
  const path = {
    machine: 'm1',
    serviceDomain: 'storage',
    vds: 'storage-vds0',
    device: '/dev/zvol/{dataset}/{volume}',
  }
  return completeWorld({
    hosts: { [HOSTS.control]: {}, [HOSTS.storage]: {} },
    machines: {
      m1: {
        controlDomain: HOSTS.control,
        serviceDomains: { storage: { host: HOSTS.storage, vds: ['storage-vds0'] } },
        guests: { ldg2: { platform: 'linux' } },
      },
    },
    pools: {
      silver: { design: 'local', host: HOSTS.storage, dataset: PARENTS.driver, paths: [path] },
    },
  })
}

// The simulated machine only has to find something at the path: nobody reads the bytes here.
function deviceOf(path: string) {
  if (!path.startsWith('/dev/zvol/')) return undefined
  return {
    sizeBytes: DEVICE_BYTES,
    file: undefined,
    read: (_offset: number, length: number) => Buffer.alloc(length),
    write: () => {},
    open: () => () => {},
  }
}

/** Leads the storage host's commands to the real machine. Returns the access to the other host. */
function writeConfiguration(directory: string, storage: Access): Access {
  const file = join(directory, 'controller.yaml')
  const configuration: {
    hosts: Record<string, { ssh: Access }>
    machines: Record<string, object>
  } = parse(readFileSync(file, 'utf8'))
  const control = configuration.hosts[HOSTS.control]?.ssh
  if (control === undefined) throw new Error('the simulation has no control domain')
  configuration.hosts[HOSTS.storage] = { ssh: storage }
  // Saving has its own time and no caller waits for it.
  configuration.machines.m1 = { ...configuration.machines.m1, saveConfiguration: false }
  writeFileSync(file, stringify(configuration))
  return control
}
