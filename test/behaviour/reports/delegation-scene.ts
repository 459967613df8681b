// A storage host with OpenZFS on which the driver is an ordinary account.

import { ROOT } from '../../../sim/account.ts'
import { SimShell } from '../../../sim/sim-shell.ts'
import type { WorldSpec } from '../../../sim/world-spec.ts'
import { type Driver, install } from '../../support/installation.ts'
import { withOpenZfs } from '../../support/openzfs.ts'

export const HOST = 'm1-primary'
export const PARENT = 'mtank/kubernetes'

/** The pool `silver` of OpenZFS. `grants`: arguments of `zfs allow`, given by root. */
export function delegated(grants: readonly string[]) {
  const installation = install(spec => onlySilver(withOpenZfs(spec)))
  const host = installation.world.host(HOST)
  const zfs = async (words: string) => {
    const account = host.account
    host.account = ROOT
    const { exitStatus } = await new SimShell(host).run(['/usr/sbin/zfs', ...words.split(' ')], {
      effect: 'write',
    })
    host.account = account
    if (exitStatus !== 0) throw new Error(`zfs ${words} failed`)
  }
  return {
    installation,
    host,
    async start(): Promise<Driver> {
      for (const words of grants) await zfs(words)
      host.account = { name: 'csi', uid: 1001, groups: ['csi', 'storage'] }
      return installation.driver()
    },
  }
}

// The other hosts of the demonstration would add checks of their own.
function onlySilver(spec: WorldSpec): WorldSpec {
  return { ...spec, pools: { silver: spec.pools.silver ?? {} } }
}
