// A simulated installation behind SSH. Every host has its own port. `serve` also writes the files
// by which the driver and people reach the hosts, and opens the control socket.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { ControlSocket, clearControlSocket } from './control.ts'
import { demoWorld, xenWorld } from './preset.ts'
import { type SimSshAccess, SimSshServer } from './ssh-server.ts'
import { createWorld, type World } from './world.ts'
import { parseWorld, type WorldSpec } from './world-spec.ts'

export const PRESETS: Readonly<Record<string, () => WorldSpec>> = {
  demo: demoWorld,
  xen: xenWorld,
}

export interface ServeOptions {
  readonly spec: WorldSpec
  readonly directory: string
  /** Where the hosts listen; the loopback interface if it is not given. */
  readonly address?: string
  readonly realBlockDevices: boolean
}

export interface Served {
  readonly world: World
  readonly hosts: readonly SimSshServer[]
  /** Written last: once it exists, everything answers. */
  readonly worldFile: string
  stop(): Promise<void>
}

export interface WorldFile {
  readonly controlSocket: string
  readonly hosts: Readonly<Record<string, SimSshAccess>>
  readonly guests: Readonly<
    Record<
      string,
      { readonly host: string; readonly platform: string; readonly kernelRoot?: string }
    >
  >
}

/** Throws an error that names the file, whatever is wrong with it. */
export function readWorldSpec(file: string): WorldSpec {
  const spec = parseWorld(readFileSync(file, 'utf8'), file)
  try {
    // References between parts of the description are checked only when the world is built.
    createWorld(spec).dispose()
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : error}`)
  }
  return spec
}

export async function serve({
  spec,
  directory: given,
  address,
  realBlockDevices,
}: ServeOptions): Promise<Served> {
  // Check first, write later: new keys would replace those of a simulation that runs there.
  if (realBlockDevices) requireRoot()
  const directory = resolve(given)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const controlSocket = join(directory, 'control.sock')
  await clearControlSocket(controlSocket)
  const world = createWorld(spec, realBlockDevices ? { directory, realBlockDevices } : {})
  const hosts: SimSshServer[] = []
  const control = new ControlSocket(world, hosts)
  await control.listen(controlSocket)
  const keys = join(directory, 'keys')
  hosts.push(
    ...(await Promise.all(
      [...world.hosts.values()].map(host =>
        SimSshServer.start({
          host,
          directory: keys,
          ...(address === undefined ? {} : { address }),
        }),
      ),
    )),
  )
  const access = Object.fromEntries(hosts.map(server => [server.host.name, server.access]))
  writeConfigurations(world, access, directory)
  const guests = Object.fromEntries(
    [...world.guests.values()].map(({ id, host, platform, kernelRoot }) => [
      id,
      kernelRoot === undefined
        ? { host: host.name, platform }
        : { host: host.name, platform, kernelRoot },
    ]),
  )
  const worldFile = join(directory, 'world.json')
  write(
    worldFile,
    JSON.stringify({ controlSocket, hosts: access, guests } satisfies WorldFile, undefined, 2),
  )
  const stop = async () => {
    await Promise.all([control.stop(), ...hosts.map(server => server.stop())])
    world.dispose()
  }
  return { world, hosts, worldFile, stop }
}

function requireRoot(): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return
  throw new Error(
    'only root on Linux can create real block devices; run `ldom-sim` as root, or without ' +
      '--real-block-devices',
  )
}

/** Configuration files for ldom-csi, as a person would write them for this installation. */
function writeConfigurations(
  world: World,
  access: Readonly<Record<string, SimSshAccess>>,
  directory: string,
): void {
  const { spec } = world
  const controller = {
    cluster: 'demo',
    hosts: Object.fromEntries(Object.keys(spec.hosts).map(name => [name, shellOf(access[name])])),
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
        },
      ]),
    ]),
    guests: [...world.guests.values()].map(({ machine, name, platform }) => ({
      machine,
      match: name,
      platform,
    })),
    pools: spec.pools,
  }
  write(join(directory, 'controller.yaml'), stringify(controller))
  for (const { machine, name, platform, host, kernelRoot } of world.guests.values()) {
    const shell = kernelRoot === undefined ? shellOf(access[host.name]) : { local: true }
    const node = {
      machine,
      guest: name,
      ...(spec.xenMachines[machine] === undefined ? {} : { hypervisor: 'xen' }),
      platform,
      shell,
      ...(kernelRoot === undefined ? {} : { root: kernelRoot }),
    }
    write(join(directory, `node-${machine}-${name}.yaml`), stringify({ cluster: 'demo', node }))
  }
}

function shellOf(access: SimSshAccess | undefined): object {
  if (access === undefined) throw new Error('a host of the simulated installation is not served')
  const { address, port, user, privateKeyFile, knownHostsFile } = access
  return { ssh: { address, port, user, privateKeyFile, knownHostsFile } }
}

// Renamed into place, so that a reader sees the whole file or none.
function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, `${text.trimEnd()}\n`)
  renameSync(`${file}.new`, file)
}
