// How the driver reaches a machine in QEMU: through ports of 127.0.0.1.

import { createServer } from 'node:net'
import { join } from 'node:path'
import { run } from '../commands.ts'

/** As a configuration of the driver names an account on a host. */
export interface MachineAccess {
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
}

/** `directory`: that of the machine, which has the driver's key. */
export function accessAt(
  directory: string,
  account: { readonly user: string; readonly port: number },
): MachineAccess {
  return {
    address: '127.0.0.1',
    ...account,
    privateKeyFile: join(directory, 'driver'),
    knownHostsFile: join(directory, 'known_hosts'),
  }
}

/** What a person types to log in as the driver does. */
export function formatSsh(access: MachineAccess): string {
  const { address, port, user, privateKeyFile, knownHostsFile } = access
  const options = `-F none -i ${privateKeyFile} -o UserKnownHostsFile=${knownHostsFile}`
  return `ssh ${options} -p ${port} ${user}@${address}`
}

/** Runs a line as the driver would, with OpenSSH's client. Rejects unless its status is 0. */
export function runThrough(access: MachineAccess, line: string): Promise<string> {
  const { address, port, user, privateKeyFile, knownHostsFile } = access
  const options = ['-F', 'none', '-i', privateKeyFile, '-p', String(port), '-o', 'BatchMode=yes']
  const known = ['-o', `UserKnownHostsFile=${knownHostsFile}`]
  return run(['ssh', ...options, ...known, `${user}@${address}`, line], { timeoutMs: 30_000 })
}

/** Ports of 127.0.0.1 that nobody had a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      server =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            if (typeof address === 'object' && address !== null) resolve(address.port)
          })
        }),
    ),
  )
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}
