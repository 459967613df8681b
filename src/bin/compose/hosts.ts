// Creates hosts: a shell of the configured kind, and the shells around it.

import type { Clock } from '../../clock.ts'
import type { HostConfig, ShellConfigOf, ShellKinds } from '../../config/config.ts'
import type { Log } from '../../log.ts'
import type { Host } from '../../shell/host.ts'
import { createHost, type HostOptions } from '../../shell/late-effects.ts'
import { findLeftBehind } from '../../shell/left-behind.ts'
import { LocalShell } from '../../shell/local.ts'
import { logged } from '../../shell/logging-shell.ts'
import { prefixed } from '../../shell/prefix.ts'
import type { Shell } from '../../shell/shell.ts'
import { SshShell } from '../../shell/ssh/ssh.ts'
import { ALL_CHANGES } from './changes.ts'

/** A shell to a configured host, without its prefix, and how to close it. */
export interface OpenedShell {
  readonly shell: Shell
  readonly close: () => void
  /** How late a sent command can arrive. Absent: it arrives at once. */
  readonly arrival?: Pick<HostOptions, 'graceMs' | 'leftBehind'>
}

export type OpenShell = (host: HostConfig) => OpenedShell

/** The parts that tests replace. */
export interface Surroundings {
  readonly openShell: OpenShell
  readonly log: Log
  readonly clock: Clock
}

/** The host may start a command from a broken connection after the next connection is made. */
const SSH_GRACE_MS = 2_000

type ShellKind = keyof ShellKinds

const SHELLS: {
  readonly [K in ShellKind]: (config: ShellConfigOf<K>, host: string) => OpenedShell
} = {
  local: () => ({ shell: new LocalShell(), close: () => {} }),
  ssh: ({ ssh }, name) => {
    const shell = new SshShell({ name, ...ssh })
    const arrival = { graceMs: SSH_GRACE_MS, leftBehind: () => findLeftBehind(ssh) }
    return { shell, close: () => shell.close(), arrival }
  },
}

export const openRealShell: OpenShell = ({ name, shell }) => openKind(shell, name)

function openKind<K extends ShellKind>(config: ShellConfigOf<K>, host: string): OpenedShell {
  return SHELLS[config.kind](config, host)
}

export function openHost(
  config: HostConfig,
  { openShell, log, clock }: Surroundings,
): { readonly host: Host; readonly close: () => void } {
  const { name, prefix } = config
  const { shell, close, arrival } = openShell(config)
  const host = createHost({
    name,
    shell: logged(prefixed(shell, prefix), { host: name, log }),
    changes: ALL_CHANGES,
    clock,
    ...arrival,
  })
  return { host, close }
}
