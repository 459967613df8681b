// What is asked of an ssh server: who logs in, and which algorithms and limits hold. Data only.

import type { Algorithms, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2'
import { type KnownHosts, knownKeyTypes } from './known-hosts.ts'

export interface SshTarget {
  /** The host's name in the configuration, for messages. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly privateKeyFile: string
  readonly knownHostsFile: string
  /** SHA-1 and CBC for the server of Solaris 10; off by default. */
  readonly legacyAlgorithms?: boolean
  /** The server's MaxSessions; OpenSSH's default is 10. */
  readonly maxSessions?: number
  readonly connectTimeoutMs?: number
}

const KEEP_ALIVE_MS = 15_000
const CONNECT_TIMEOUT_MS = 10_000

type LegacyLists = { readonly [List in keyof Algorithms]: readonly string[] }

// Offered after the current ones, so they are used only if the server knows nothing better.
const LEGACY: LegacyLists = {
  kex: [
    'diffie-hellman-group-exchange-sha1',
    'diffie-hellman-group14-sha1',
    'diffie-hellman-group1-sha1',
  ],
  cipher: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'],
}

export function settings(target: SshTarget, known: KnownHosts): ConnectConfig {
  return {
    host: target.address,
    port: target.port,
    username: target.user,
    authHandler: ['publickey'],
    readyTimeout: target.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    keepaliveInterval: KEEP_ALIVE_MS,
    keepaliveCountMax: 3,
    algorithms: algorithms(target, known),
  }
}

// The server has keys of several types and shows one that the client requested. Request only types
// that can be checked.
function algorithms(target: SshTarget, known: KnownHosts): Algorithms {
  const isLegacy = target.legacyAlgorithms ?? false
  const types = knownKeyTypes(known, target.address, target.port)
  const wanted = types.flatMap(type => {
    if (type === 'ssh-rsa') {
      return ['rsa-sha2-512', 'rsa-sha2-256', ...(isLegacy ? ['ssh-rsa'] : [])]
    }
    return type === 'ssh-dss' && !isLegacy ? [] : [type]
  }) as ServerHostKeyAlgorithm[]
  return {
    ...(wanted.length > 0 ? { serverHostKey: wanted } : {}),
    ...(isLegacy
      ? Object.fromEntries(
          Object.entries(LEGACY).map(([list, append]) => [
            list,
            { append, prepend: [], remove: [] },
          ]),
        )
      : {}),
  }
}
